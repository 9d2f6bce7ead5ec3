"""How much a user will do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.tasks import class_task_from_config
from habitus.tasks.activity import Activity, ActivityConfig
from habitus.testing.class_tasks import ClassTaskContract
from habitus.testing.hand_made import write_traces

CONFIG = ActivityConfig(name="t", question="How much?", as_of="1970-01-11", horizon_days=5)


def people(path: Path, counts: list[int]) -> Traces:
    """User ``i`` has one event on day 1 and ``counts[i]`` from day 10 to 14; one only later."""
    events = {
        f"u{i}": [{"time": DAY}] + [{"time": (10 + n % 5) * DAY} for n in range(count)]
        for i, count in enumerate(counts)
    }
    return write_traces(path, events | {"x": [{"time": 20 * DAY}]}, {})


def test_terciles_of_the_events_in_the_window(tmp_path: Path) -> None:
    traces = people(tmp_path / "t", [5, 0, 2, 1, 9, 3])
    users_B, class_B = Activity(CONFIG).answers(traces)
    # 0 1 | 2 3 | 5 9; x has no event before the cutoff
    assert users_B.tolist() == [0, 1, 2, 3, 4, 5]
    assert class_B.tolist() == [2, 0, 1, 0, 2, 1]


def test_equal_counts_are_in_the_lower_group(tmp_path: Path) -> None:
    traces = people(tmp_path / "t", [0, 0, 0, 0, 1, 7])
    # both edges are 0 (four of six), so nobody is in the middle
    assert Activity(CONFIG).answers(traces)[1].tolist() == [0, 0, 0, 0, 2, 2]


def test_edges_are_those_of_the_training_users(tmp_path: Path) -> None:
    traces = people(tmp_path / "t", [5, 0, 2, 1, 9, 3])
    train = np.array([1, 2, 3, 6])
    # the training users 1, 2, 3 have 0, 2 and 1; user 6 is not asked
    assert Activity(CONFIG).answers(traces, train)[1].tolist() == [2, 0, 2, 1, 2, 2]


def test_two_groups_are_halves(tmp_path: Path) -> None:
    traces = people(tmp_path / "t", [5, 0, 2, 1])
    config = ActivityConfig.from_dict({**CONFIG.to_dict(), "classes": ["less", "more"]})
    assert Activity(config).answers(traces)[1].tolist() == [1, 0, 1, 0]


def test_a_window_past_the_end_is_an_error(tmp_path: Path) -> None:
    config = ActivityConfig.from_dict({**CONFIG.to_dict(), "horizon_days": 50})
    with pytest.raises(GuardError, match="the data ends"):
        Activity(config).answers(people(tmp_path / "t", [1]))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"as_of": None}, "needs as_of, a date"), ({"horizon_days": 0}, "must be 1 or more")],
)
def test_what_is_wrong_is_said(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        class_task_from_config({"kind": "activity", **CONFIG.to_dict(), **change})


class TestActivity(ClassTaskContract):
    task = Activity
    config = CONFIG

    def make_traces(self, path: Path) -> Traces:
        return people(path, [5, 0, 2, 1, 9, 3])
