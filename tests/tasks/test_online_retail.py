"""The questions about a gift shop."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, Future
from habitus.datasets.online_retail import CHANNELS, OnlineRetail
from habitus.tasks.dated import DatedTask
from habitus.tasks.online_retail import ITEMS, online_retail_tasks
from habitus.testing.hand_made import write_traces

TASKS = {task.name: task for task in online_retail_tasks()}


def test_seven_questions_none_of_them_sensitive() -> None:
    assert set(TASKS) == {"inactive_30", "inactive_90", "returns", *ITEMS}
    assert not any(task.task.config.sensitive for task in TASKS.values())


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_window_ends_before_the_data_does(task: DatedTask) -> None:
    # The last purchase is of 2011-12-09.
    end = task.cutoffs.test_time + task.cutoffs.horizon_days * DAY
    assert end <= parse_time("2011-12-09")
    assert task.cutoffs.test_time > parse_time("2011-08-01")


def test_answers_are_what_happens_after_the_cutoff(tmp_path: Path) -> None:
    def event(when: str, item: str, kind: str = "purchase") -> dict[str, object]:
        return {"time": parse_time(when), "item_id": item, "kind": kind}

    first = event("2010-12-01", "22423")
    events = {
        # From 2011-09-01 on: a cakestand, nothing, a return of bunting, and what is too late.
        "ann": [first, event("2011-09-05", "22423")],
        "bob": [first],
        "cat": [first, event("2011-10-05", "47566", "return")],
        "dan": [first, event("2011-12-05", "22423", "return")],
    }
    traces = write_traces(tmp_path / "traces", events, CHANNELS)
    users = np.arange(4)

    def answers(name: str) -> list[float]:
        task = TASKS[name]
        cutoffs = task.cutoffs
        future = Future(traces, cutoffs.test_time, cutoffs.horizon_days * DAY, users)
        labels: list[float] = task.task.labels(future).tolist()
        return labels

    assert answers("inactive_90") == [0, 1, 0, 1]
    assert answers("returns") == [0, 0, 1, 0]
    assert answers("cakestand") == [1, 0, 0, 0]
    assert answers("party_bunting") == [0, 0, 1, 0]


@pytest.mark.skipif(OnlineRetail().missing() is not None, reason="needs HABITUS_DATA")
def test_some_of_the_real_customers_say_yes(tmp_path: Path) -> None:
    traces = OnlineRetail().ingest(tmp_path / "traces")
    for task in TASKS.values():
        cutoffs = task.cutoffs
        users = np.arange(traces.num_users)
        future = Future(traces, cutoffs.test_time, cutoffs.horizon_days * DAY, users)
        assert 0.02 < task.task.labels(future).mean() < 0.9
