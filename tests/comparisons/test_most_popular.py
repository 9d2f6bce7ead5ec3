from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.most_popular import MostPopular, MostPopularConfig
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import Event, write_traces


class TestMostPopular(ComparisonContract):
    comparison = MostPopular
    config = MostPopularConfig()
    tolerance = 0.0

    def test_nobody_sees_a_score_of_their_own(self, traces: Traces) -> None:
        score_UI = self.run(traces)[0]["score"]
        assert (score_UI == score_UI[0]).all()


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    """Two users in order: a, a, b | c and b | c; one event has no item."""
    events: dict[str, list[Event]] = {
        "x": [
            {"time": 0, "item_id": "a"},
            {"time": 1, "item_id": "a"},
            {"time": 2, "item_id": "b"},
            {"time": 3, "item_id": "c"},
        ],
        "y": [{"time": 0}, {"time": 1, "item_id": "b"}, {"time": 2, "item_id": "c"}],
    }
    return write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")


def fitted(traces: Traces, as_of: int) -> MostPopular:
    comparison = MostPopular()
    comparison.fit(Snapshot(traces, as_of))
    return comparison


def test_counts_are_of_the_training_snapshot_and_leave_the_targets_out(traces: Traces) -> None:
    # Leak test (e) of evaluation D1: c, the target of both, was never seen in training.
    score_UI = fitted(traces, 1).score(Snapshot(traces, 1), np.array([1, 2, 3]))
    assert score_UI.tolist() == [[2, 2, 0]] * 2
    leaky_UI = fitted(traces, 0).score(Snapshot(traces, 1), np.array([1, 2, 3]))
    assert leaky_UI.tolist() == [[2, 2, 2]] * 2


def test_only_the_training_users_count(traces: Traces) -> None:
    comparison = MostPopular()
    comparison.fit(Snapshot(traces, 0, np.array([1])))
    assert comparison.score(Snapshot(traces, 0), np.array([1, 2, 3]))[0].tolist() == [0, 1, 1]


def test_items_come_in_the_order_asked_for(traces: Traces) -> None:
    assert fitted(traces, 0).score(Snapshot(traces), np.array([3, 1]))[0].tolist() == [2, 2]
    assert fitted(traces, 2).score(Snapshot(traces), np.array([2, 1]))[0].tolist() == [0, 2]


def test_scores_before_fit_are_an_error(traces: Traces) -> None:
    with pytest.raises(DataError, match="has not been fitted"):
        MostPopular().score(Snapshot(traces), np.array([1]))


@pytest.mark.parametrize("code", [0, 4])
def test_an_item_that_is_not_there_is_an_error(traces: Traces, code: int) -> None:
    with pytest.raises(DataError, match="item codes must be 1 … 3"):
        fitted(traces, 1).score(Snapshot(traces), np.array([code]))
