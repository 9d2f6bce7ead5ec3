"""Graphs in memory are the graphs in stores."""

from pathlib import Path

import numpy as np

from habitus.data.traces import Traces
from habitus.runs.pasum_graphs import graph_views
from habitus.runs.pasum_wiring import build_pasum, parts_of
from tests.runs.posters import small_pasum


def test_stores_hold_what_memory_holds(posters: Traces, tmp_path: Path) -> None:
    run = small_pasum()
    encoding = parts_of(build_pasum(posters, run, None)[0])[1]
    snapshot = run.pretraining_snapshot(posters)
    there = graph_views(snapshot, encoding, tmp_path, halves=True)
    here = graph_views(snapshot, encoding, None, halves=True)
    rows = np.arange(snapshot.num_users)[::-1]
    for stored, held in zip(there.readers, here.readers, strict=True):
        for got, wanted in zip(stored.read(rows), held.read(rows), strict=True):
            np.testing.assert_array_equal(got, wanted) if wanted is not None else None
    assert there.half_users is not None
    assert here.half_users is not None
    assert there.half_users.tolist() == here.half_users.tolist()


def test_whole_users_only_where_no_halves_are_read(posters: Traces) -> None:
    run = small_pasum()
    encoding = parts_of(build_pasum(posters, run, None)[0])[1]
    views = graph_views(run.pretraining_snapshot(posters), encoding, None, halves=False)
    assert len(views.readers) == 1
    assert views.half_users is None


def test_half_users_have_words_on_both_sides(posters: Traces) -> None:
    run = small_pasum()
    encoding = parts_of(build_pasum(posters, run, None)[0])[1]
    snapshot = run.pretraining_snapshot(posters)
    views = graph_views(snapshot, encoding, None, halves=True)
    _, earlier, later = (r.read(np.arange(snapshot.num_users)) for r in views.readers)
    both = (np.diff(earlier.node_ptr_U1) > 0) & (np.diff(later.node_ptr_U1) > 0)
    assert views.half_users is not None
    assert views.half_users.tolist() == np.flatnonzero(both).tolist()
    assert 0 < both.sum() < snapshot.num_users
