"""Six people who post in forums, for the tests of class tasks."""

from pathlib import Path
from typing import Any

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.tasks import class_task_from_config
from habitus.testing.hand_made import write_traces

CUTOFF = "1970-04-11"
"""Day 100."""


def posts(*where: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"time": int(day * DAY), "forum": f, "thread": f"{f}{int(day)}"} for day, f in where]


def six_people(path: Path) -> Traces:
    """After day 100: ann art, bob art and law alike, cid law, dan nothing, eve law, fay zoo."""
    return write_traces(
        path,
        {
            "ann": posts((10, "law"), (100, "art"), (101, "art"), (102, "law")),
            "bob": posts((20, "art"), (110, "law"), (111, "art"), (112, "zoo")),
            "cid": posts((30, "law"), (31, "law"), (99.9, "art"), (129, "law")),
            "dan": posts((50, "law")),
            "eve": posts((120, "law"), (121, "law")),
            "fay": posts((5, "art"), (130, "zoo")),
        },
        {"forum": "category", "thread": "id"},
        tables={
            "labels": {
                "task": ["stance", "stance", "stance", "other", "stance", "stance"],
                "user_id": ["ann", "bob", "ann", "dan", "eve", "nobody"],
                "time": [10 * DAY, 20 * DAY, 5 * DAY, 1 * DAY, 3 * DAY, 1],
                "value": [0.2, 0.9, 0.9, 0.1, None, 0.3],
            },
            "profiles": {
                "user_id": ["fay", "ann", "bob", "cid", "eve"],
                "work": ["a Bank clerk", "nurse", "bank of the army", "Army", None],
                "born": [1950, 1999, 1975, 1980, None],
                "tags": [["sports", "nba"], ["food"], [], None, ["Food", "NBA"]],
            },
        },
    )


def answers(traces: Traces, **entry: Any) -> dict[str, str]:
    """Return the name of the class of each user who is asked."""
    values = {"name": "t", "question": "Which?", "classes": ["art", "law"], **entry}
    task = class_task_from_config(values)
    users_B, class_B = task.answers(traces)
    ids = traces.user_ids.to_pylist()
    return {ids[u]: task.config.classes[c] for u, c in zip(users_B, class_B, strict=True)}
