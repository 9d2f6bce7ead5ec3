"""Counts of better and tied candidates, against a loop over candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.snapshot import Snapshot
from habitus.probes.targets import Scores, Targets
from habitus.random import numpy_generator
from habitus.testing.hand_made import write_traces


def some_targets(seed: int, num_users: int, num_items: int) -> tuple[Targets, Scores]:
    """Return targets with random histories, and whole-numbered scores, so that some tie."""
    generator = numpy_generator(seed, "targets")
    target_B = generator.integers(0, num_items, num_users)
    seen = [
        np.setdiff1d(generator.permutation(num_items)[: generator.integers(0, num_items)], [t])
        for t in target_B
    ]
    ptr_B1 = np.cumsum([0, *map(len, seen)])
    targets = Targets(target_B, ptr_B1, np.concatenate(seen).astype(np.int64), num_items)
    return targets, generator.integers(0, 4, (num_users, num_items)).astype(np.float32)


def plain(targets: Targets, score_BI: Scores, user: int) -> tuple[int, int]:
    """Return how many candidates are better and how many tie, one after the other."""
    start, stop = targets.seen_ptr_B1[user], targets.seen_ptr_B1[user + 1]
    own = targets.target_B[user]
    others = set(range(targets.num_items)) - set(targets.seen_item_L[start:stop].tolist()) - {own}
    scores = score_BI[user]
    return (
        sum(scores[i] > scores[own] for i in others),
        sum(scores[i] == scores[own] for i in others),
    )


@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(2, 12), st.integers(1, 40))
def test_equals_a_loop_over_candidates(
    seed: int, num_users: int, num_items: int, cells: int
) -> None:
    targets, score_BI = some_targets(seed, num_users, num_items)
    better_B, tied_B = targets.all_places(lambda place_B: score_BI[place_B], cells)
    expected = [plain(targets, score_BI, user) for user in range(num_users)]
    assert list(zip(better_B.tolist(), tied_B.tolist(), strict=True)) == expected
    size_B = [len(set(range(num_items))) - n for n in np.diff(targets.seen_ptr_B1)]
    assert targets.num_candidates_B.tolist() == size_B


def test_blocks_hold_everybody_once_and_keep_their_size() -> None:
    targets = some_targets(0, 7, 10)[0]
    # 25 cells of 10 items are two users.
    assert [place_B.tolist() for place_B in targets.blocks(25)] == [[0, 1], [2, 3], [4, 5], [6]]
    assert [len(place_B) for place_B in targets.blocks(1)] == [1] * 7


def test_a_history_is_read_by_columns_of_the_catalogue(tmp_path: Path) -> None:
    # Codes of a … e are 1 … 5; the catalogue lacks c, and an event has no item.
    events = {
        "ann": [{"time": t, "item_id": i} for t, i in enumerate("eaca")] + [{"time": 9}],
        "bob": [{"time": 0, "item_id": "b"}],
        "cem": [{"time": 3, "item_id": "d"}],
    }
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"})
    catalogue_I = np.array([1, 2, 4, 5])
    history = Snapshot(traces, 3)
    targets = Targets.of(history, np.array([2, 4, 1]), catalogue_I, "item_id")
    assert targets.target_B.tolist() == [1, 2, 0]
    # Ann before 3: e and a, columns 3 and 0 (c is in no catalogue). Bob b. Cem's d is at 3.
    assert targets.seen_ptr_B1.tolist() == [0, 2, 3, 3]
    assert targets.seen_item_L.tolist() == [0, 3, 1]
    user_L, item_L = targets.seen_of(np.array([1, 0]))
    assert (user_L.tolist(), item_L.tolist()) == ([0, 1, 1], [1, 0, 3])
