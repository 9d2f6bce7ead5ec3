"""Five people whose every event is written out, for the tests of tasks."""

from pathlib import Path

import numpy as np

from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.tasks import task_from_config
from habitus.testing.hand_made import write_traces

CUTOFF = 100 * DAY


def five_people(path: Path) -> Traces:
    """Cutoff on day 100, window of 30 days: days 100 … 129 count, 99 and 130 do not."""
    return write_traces(
        path,
        {
            "ann": [{"time": 99 * DAY, "aisle": "cat"}, {"time": 100 * DAY, "aisle": "dog"}],
            "bob": [{"time": 50 * DAY, "aisle": "dog"}, {"time": 130 * DAY, "aisle": "cat"}],
            "cid": [{"time": 130 * DAY - 1, "aisle": "cat"}],
            "dan": [],
            "eve": [{"time": 10 * DAY, "aisle": "cat"}, {"time": 110 * DAY}],
        },
        {"aisle": "category"},
        tables={
            "labels": {
                "task": ["coupon", "coupon", "coupon", "other", "coupon"],
                "user_id": ["ann", "bob", "cid", "dan", "eve"],
                "time": [100 * DAY, 130 * DAY, 129 * DAY, 110 * DAY, 99 * DAY],
                "value": [1, 1, 0, 1, 1],
            },
            "profiles": {"user_id": ["eve", "ann", "cid"], "age": ["65+", "19-24", None]},
        },
    )


def labels(traces: Traces, **entry: object) -> list[float]:
    """Return the labels of everybody, for a task of 30 days."""
    task = task_from_config({"name": "t", "question": "Yes?", "horizon_days": 30, **entry})
    users = np.arange(traces.num_users)
    return [float(y) for y in task.labels(Future(traces, CUTOFF, 30 * DAY, users))]
