"""Who is new, cold, mid, heavy."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.columns import TimeUnit
from habitus.data.snapshot import END_OF_TIME, Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.evaluation.strata import strata_of
from habitus.testing.hand_made import write_traces

AS_OF = 100 * DAY


def with_lengths(path: Path, lengths: list[int], time_unit: TimeUnit = "second") -> Traces:
    """User ``u`` has that many events before day 100; and everybody one after it."""
    events = {
        f"{u:03d}": [{"time": t} for t in range(length)] + [{"time": AS_OF}]
        for u, length in enumerate(lengths)
    }
    return write_traces(path, events, {}, time_unit=time_unit)


def members(traces: Traces, as_of: int = AS_OF) -> dict[str, list[int]]:
    found = strata_of(Snapshot(traces, as_of))
    return {str(name): np.flatnonzero(in_U).tolist() for name, in_U in found.items()}


def test_a_tenth_is_cold_and_a_tenth_is_heavy(tmp_path: Path) -> None:
    found = members(with_lengths(tmp_path / "traces", list(range(1, 21))))
    assert found["cold"] == [0, 1]
    assert found["heavy"] == [18, 19]
    assert found["mid"] == list(range(2, 18))


def test_equal_lengths_stay_together(tmp_path: Path) -> None:
    # the tenth would end within the ones: all seven are cold, and nobody is cold for having two
    found = members(with_lengths(tmp_path / "traces", [1] * 7 + [2] * 2 + [9] * 11))
    assert found["cold"] == list(range(7))
    assert found["heavy"] == list(range(9, 20))
    assert found["mid"] == [7, 8]


def test_users_without_a_history_are_in_none(tmp_path: Path) -> None:
    found = members(with_lengths(tmp_path / "traces", [0, 0, 1, 2, 3]))
    assert sorted(found["cold"] + found["mid"] + found["heavy"]) == [2, 3, 4]
    # of three, the shortest and the longest
    assert (found["cold"], found["heavy"]) == ([2], [4])


def test_where_all_are_equal_they_are_cold(tmp_path: Path) -> None:
    found = members(with_lengths(tmp_path / "traces", [4, 4]))
    assert (found["cold"], found["mid"], found["heavy"]) == ([0, 1], [], [])


def test_new_is_no_event_for_thirty_days_to_the_second(tmp_path: Path) -> None:
    ages = [30 * DAY, 30 * DAY + 1, 1]
    events = {f"{u}": [{"time": AS_OF - age}, {"time": AS_OF}] for u, age in enumerate(ages)}
    found = members(write_traces(tmp_path / "traces", {**events, "3": []}, {}))
    # user 3 never came
    assert found["new"] == [1, 3]


def test_ordered_time_has_no_new_users(tmp_path: Path) -> None:
    traces = with_lengths(tmp_path / "traces", [3, 4, 5], "order")
    assert set(members(traces, 1)) == {"cold", "mid", "heavy"}


def test_without_a_cutoff_nobody_is_new(tmp_path: Path) -> None:
    traces = with_lengths(tmp_path / "traces", [3, 4, 5])
    assert set(members(traces, END_OF_TIME)) == {"cold", "mid", "heavy"}


@pytest.mark.parametrize("seed", range(5))
def test_cold_mid_and_heavy_part_the_users(seed: int, tmp_path: Path) -> None:
    lengths = np.random.default_rng(seed).integers(0, 9, 30).tolist()
    found = members(with_lengths(tmp_path / "traces", lengths))
    together = sorted(found["cold"] + found["mid"] + found["heavy"])
    assert together == [u for u, length in enumerate(lengths) if length > 0]
