"""The questions about people who rate films."""

from pathlib import Path

import numpy as np

from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, Future
from habitus.tasks.movielens_1m import GENRES, movielens_1m_tasks
from habitus.testing.hand_made import write_traces

TASKS = {task.name: task for task in movielens_1m_tasks()}


def test_five_questions_none_of_them_sensitive() -> None:
    assert list(TASKS) == ["inactive", *(genre.lower() for genre in GENRES)]
    assert not any(task.task.config.sensitive for task in TASKS.values())


def test_answers_are_what_happens_after_the_cutoff(tmp_path: Path) -> None:
    def event(when: str, genre: str) -> dict[str, object]:
        return {"time": parse_time(when), "genre": genre}

    first = event("2000-05-01", "Horror")
    events = {
        "ann": [first, event("2000-12-02", "Drama"), event("2001-02-28", "Horror")],
        "bob": [first],
        # Ninety days from 2000-12-01 end with 2001-02-28.
        "cat": [first, event("2001-03-01", "Drama")],
    }
    traces = write_traces(tmp_path / "traces", events, {"genre": "category"})
    found = {}
    for name, task in TASKS.items():
        cutoffs = task.cutoffs
        future = Future(traces, cutoffs.test_time, cutoffs.horizon_days * DAY, np.arange(3))
        found[name] = task.task.labels(future).tolist()
    assert found["inactive"] == [0, 1, 1]
    assert found["drama"] == [1, 0, 0]
    assert found["horror"] == [1, 0, 0]
    assert found["comedy"] == found["action"] == [0, 0, 0]
