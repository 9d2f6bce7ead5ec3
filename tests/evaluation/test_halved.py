"""Traces by the half that may be read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.evaluation.halved import Halves
from habitus.tasks.classes import ClassTaskConfig
from habitus.tasks.halves import readable
from tests.evaluation.world import world

FIRST = ClassTaskConfig(name="t", question="Which?", classes=("a", "b"), part="first")


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return world(tmp_path / "traces", 20)


def test_each_half_holds_its_events_and_no_other(traces: Traces) -> None:
    with Halves(traces) as halves:
        first, second = halves.of(FIRST), halves.of(replace(FIRST, part="second"))
        assert first.num_events + second.num_events == traces.num_events
        kept_L = readable(traces, FIRST)
        np.testing.assert_array_equal(first.time_L, traces.time_L[kept_L])
        np.testing.assert_array_equal(second.column("aisle"), traces.column("aisle")[~kept_L])
        assert first.user_ids == traces.user_ids
        assert first.digest != second.digest


def test_all_is_the_traces_themselves(traces: Traces) -> None:
    with Halves(traces) as halves:
        assert halves.of(replace(FIRST, part="all")) is traces


def test_a_half_is_written_once_and_other_rules_give_other_halves(traces: Traces) -> None:
    with Halves(traces) as halves:
        one = halves.of(FIRST)
        assert halves.of(replace(FIRST, name="other")) is one
        by_aisle = halves.of(replace(FIRST, part_by="aisle"))
        other = halves.of(replace(FIRST, part_by="aisle", part_seed=1))
        assert len({one.digest, by_aisle.digest, other.digest}) == 3
    assert not one.path.exists()


def test_a_half_is_kept_and_an_unfinished_one_is_made_again(traces: Traces, tmp_path: Path) -> None:
    with Halves(traces, tmp_path / "kept") as halves:
        path = halves.of(FIRST).path
    (path / "manifest.json").unlink()
    with Halves(traces, tmp_path / "kept") as halves:
        again = halves.of(FIRST)
    assert again.path == path
    written = (path / "manifest.json").stat().st_mtime_ns
    with Halves(traces, tmp_path / "kept") as halves:
        halves.of(FIRST)
    assert (path / "manifest.json").stat().st_mtime_ns == written
