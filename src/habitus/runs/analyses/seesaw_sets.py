"""The sets that many tasks are asked of at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.registry import did_you_mean
from habitus.tasks import number_task_from_config
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.complete_journey_funnel import complete_journey_funnel
from habitus.tasks.dated import DatedTask, dated_task, default_cutoffs
from habitus.tasks.movielens_1m import movielens_1m_tasks
from habitus.tasks.numbers import (
    complete_journey_numbers,
    movielens_1m_numbers,
    online_retail_numbers,
)
from habitus.tasks.online_retail import online_retail_tasks

TasksOf = Callable[[Traces], list[DatedTask]]


def _tastes(traces: Traces) -> list[DatedTask]:
    """Return whether made-up people will buy of four tastes, or nothing at all, and how much."""
    entries: list[dict[str, Any]] = [
        {
            "kind": "has",
            "name": f"taste_{taste}",
            "question": f"Will anything of taste {taste} be bought in the next 30 days?",
            "horizon_days": 30,
            "channel": "category",
            "values": [f"taste-{taste}"],
        }
        for taste in range(1, 5)
    ]
    entries.append(
        {
            "kind": "inactive",
            "name": "inactive",
            "question": "Will nothing be bought in the next 60 days?",
            "horizon_days": 60,
        }
    )
    return [*(dated_task(entry, traces) for entry in entries), _events(traces)]


def _events(traces: Traces) -> DatedTask:
    task = number_task_from_config(
        {
            "kind": "total",
            "name": "events",
            "question": "How many things will be bought in the next 30 days?",
            "horizon_days": 30,
        }
    )
    return DatedTask(task=task, cutoffs=default_cutoffs(traces, 30))


SETS: Final[Mapping[str, TasksOf]] = {
    "complete_journey": lambda _: [*complete_journey_tasks(), *complete_journey_numbers()],
    "movielens_1m": lambda _: [*movielens_1m_tasks(), *movielens_1m_numbers()],
    "online_retail": lambda _: [*online_retail_tasks(), *online_retail_numbers()],
    "synthetic": _tastes,
}
"""Name of a set → its tasks, yes-or-no ones and those for numbers; none profiles people."""
FUNNELS: Final[Mapping[str, Callable[[], list[DatedTask]]]] = {
    "complete_journey": complete_journey_funnel,
}
"""Name of a set → the steps of its funnel, in their order."""


def tasks_of(data: str, traces: Traces) -> list[DatedTask]:
    """Return the tasks that are asked of a set.

    Raises:
        UsageError: no tasks are known of it.
    """
    if data not in SETS:
        raise UsageError(f"no tasks at cutoffs are known of {data!r}; {did_you_mean(data, SETS)}")
    return SETS[data](traces)
