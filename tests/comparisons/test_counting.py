"""Counts by hand, and against a loop over users."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.comparisons import counting
from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

AS_OF = 100 * DAY
DAYS = (90, 30, 7)


@pytest.fixture
def pair(tmp_path: Path) -> Traces:
    """ann: three events in two visits, on days 20 and 95 (ages 80 and 5); bob nothing before."""
    return write_traces(
        tmp_path / "traces",
        {
            "ann": [
                {"time": 20 * DAY, "aisle": "cat", "price": 4.0},
                {"time": 20 * DAY, "aisle": "dog", "price": -1.0},
                {"time": 95 * DAY, "aisle": "cat"},
            ],
            "bob": [{"time": 100 * DAY, "aisle": "cat", "price": 9.0}],
        },
        {"aisle": "category", "price": "dense"},
    )


@pytest.fixture
def history(pair: Traces) -> counting.History:
    return counting.History.of(Snapshot(pair, AS_OF))


def values(features: counting.Features) -> dict[str, list[float]]:
    return {name: value_U.tolist() for name, value_U in features}


def test_windows_are_ages_up_to_their_days(history: counting.History) -> None:
    masks = counting.windows(history, DAYS)
    assert {name: int(mask_L.sum()) for name, mask_L in masks.items()} == {
        "all": 3, "90d": 3, "30d": 1, "7d": 1,
    }  # fmt: skip


def test_rhythm_by_hand(history: counting.History) -> None:
    found = values(counting.rhythm(history, DAYS))
    never = counting.NEVER_DAYS
    assert found["days_since_last"] == [5, never]
    assert found["days_since_first"] == [80, never]
    assert found["visits"] == pytest.approx([math.log(3), 0])
    assert found["visits_per_week"] == pytest.approx([7 * 2 / 80, 0])
    assert found["visits.30d"] == pytest.approx([math.log(2), 0])
    # one gap, of 75 days
    assert found["gap_mean"] == [75, 0]
    assert found["gap_std"] == [0, 0]
    assert found["gaps_since_last"] == pytest.approx([math.log1p(5 / 75), math.log1p(never)])


def test_gaps_spread_by_hand(tmp_path: Path) -> None:
    days = [10, 20, 40]  # gaps 10 and 20: mean 15, deviation 5
    events = {"ann": [{"time": day * DAY} for day in days]}
    traces = write_traces(tmp_path / "traces", events, {})
    found = values(counting.rhythm(counting.History.of(Snapshot(traces, AS_OF)), DAYS))
    assert found["gap_mean"] == [15]
    assert found["gap_std"] == [5]


def test_calendar_is_shares_and_monday_is_the_first_day(tmp_path: Path) -> None:
    monday = 4 * DAY  # 1970-01-05
    events = {"ann": [{"time": monday}, {"time": monday + 23 * 3600}, {"time": monday + DAY}]}
    traces = write_traces(tmp_path / "traces", {**events, "bob": []}, {})
    found = values(counting.calendar(counting.History.of(Snapshot(traces, AS_OF))))
    assert found["weekday.0"] == pytest.approx([2 / 3, 0])
    assert found["weekday.1"] == pytest.approx([1 / 3, 0])
    # eight bins of three hours: 00:00 twice, 23:00 once
    assert found["hours.0"] == pytest.approx([2 / 3, 0])
    assert found["hours.7"] == pytest.approx([1 / 3, 0])


def test_amounts_leave_missing_values_out(history: counting.History) -> None:
    found = values(counting.amounts(history, "price", counting.windows(history, DAYS)))
    assert found["price.sum.all"] == pytest.approx([math.log1p(3), 0])
    assert found["price.mean.all"] == [1.5, 0]
    assert found["price.sum.30d"] == [0, 0]


def test_a_negative_sum_keeps_its_sign(tmp_path: Path) -> None:
    traces = write_traces(
        tmp_path / "traces", {"ann": [{"time": DAY, "price": -3.0}]}, {"price": "dense"}
    )
    history = counting.History.of(Snapshot(traces, AS_OF))
    found = values(counting.amounts(history, "price", counting.windows(history, ())))
    assert found["price.sum.all"] == pytest.approx([-math.log1p(3)])


def test_variety_by_hand(history: counting.History) -> None:
    found = values(counting.variety(history, "aisle", counting.windows(history, DAYS)))
    assert found["aisle.distinct.all"] == pytest.approx([math.log1p(2), 0])
    # shares 2/3 and 1/3
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert found["aisle.entropy.all"] == pytest.approx([entropy, 0])


def test_top_values_by_hand(history: counting.History) -> None:
    masks = counting.windows(history, (90,))
    codes_K = counting.widest_values(history, "aisle", 2)
    found = values(counting.top_values(history, "aisle", codes_K, masks, recent=1))
    # cat is code 1, dog code 2; one of the two is also counted over 90 days
    assert found == {
        "aisle.1.all": pytest.approx([math.log1p(2), 0]),
        "aisle.2.all": pytest.approx([math.log1p(1), 0]),
        "aisle.1.90d": pytest.approx([math.log1p(2), 0]),
    }


def test_widest_is_users_and_not_events(tmp_path: Path) -> None:
    many: list[dict[str, Any]] = [{"time": DAY, "aisle": "much"}] * 9
    events: dict[str, list[dict[str, Any]]] = {
        "ann": [*many, {"time": DAY, "aisle": "wide"}],
        "bob": [{"time": DAY, "aisle": "wide"}, {"time": DAY}],
        "cid": [{"time": DAY}, {"time": DAY, "aisle": "also"}],
    }
    traces = write_traces(tmp_path / "traces", events, {"aisle": "category"})
    history = counting.History.of(Snapshot(traces, AS_OF))
    top_K = counting.widest_values(history, "aisle", 5)
    names = traces.dictionary("aisle").to_pylist()
    # missing has two users too, but is no value; ties go to the lower code
    assert [names[code - 1] for code in top_K] == ["wide", "also", "much"]
    assert counting.widest_values(history, "aisle", 1).tolist() == top_K[:1].tolist()


@pytest.fixture
def crowd(tmp_path: Path) -> Traces:
    random = np.random.default_rng(0)
    events = {
        f"{u:02d}": [
            {"time": int(random.integers(120 * DAY)), "aisle": str(random.integers(9))}
            for _ in range(random.integers(12))
        ]
        for u in range(30)
    }
    return write_traces(tmp_path / "traces", events, {"aisle": "category"})


def test_a_crowd_is_counted_as_a_loop_over_users_would(crowd: Traces) -> None:
    snapshot = Snapshot(crowd, AS_OF)
    history = counting.History.of(snapshot)
    masks = counting.windows(history, (90,))
    codes_K = counting.widest_values(history, "aisle", 4)
    found = values(counting.variety(history, "aisle", masks))
    found |= values(counting.top_values(history, "aisle", codes_K, masks, recent=4))
    for u in range(crowd.num_users):
        rows = range(snapshot.start_U[u], snapshot.stop_U[u])
        times = Counter(int(crowd.column("aisle")[row]) for row in rows)
        late = Counter(
            int(crowd.column("aisle")[row]) for row in rows if crowd.time_L[row] >= AS_OF - 90 * DAY
        )
        assert found["aisle.distinct.all"][u] == pytest.approx(math.log1p(len(times)))
        for code in codes_K:
            assert found[f"aisle.{code}.all"][u] == pytest.approx(math.log1p(times[code]))
            assert found[f"aisle.{code}.90d"][u] == pytest.approx(math.log1p(late[code]))


def test_ages_of_everything_are_counted_from_the_end(pair: Traces) -> None:
    history = counting.History.of(Snapshot(pair))
    # the last event is bob's on day 100
    np.testing.assert_allclose(history.age_L, [80, 80, 5, 0], atol=1e-4)


def test_a_missing_value_is_no_variety(tmp_path: Path) -> None:
    events: dict[str, list[dict[str, Any]]] = {
        "ann": [{"time": DAY, "aisle": "cat"}, {"time": DAY}, {"time": DAY}]
    }
    traces = write_traces(tmp_path / "traces", events, {"aisle": "category"})
    history = counting.History.of(Snapshot(traces, AS_OF))
    found = values(counting.variety(history, "aisle", counting.windows(history, ())))
    # one value, and all of the known events hold it
    assert found == {"aisle.distinct.all": [pytest.approx(math.log(2))], "aisle.entropy.all": [0]}
