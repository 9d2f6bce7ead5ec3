"""Tasks: what is asked about users after a cutoff."""

from collections.abc import Mapping
from typing import Any

from habitus.errors import UsageError
from habitus.registry import Registry
from habitus.tasks.base import Labels, Task, TaskConfig

TASKS = Registry[type[Task]](
    "task",
    {
        "has": "habitus.tasks.has:HasValue",
        "inactive": "habitus.tasks.inactive:Inactive",
        "labeled": "habitus.tasks.labeled:Labeled",
        "profile": "habitus.tasks.profile:ProfileIs",
    },
)


def task_from_config(values: Mapping[str, Any]) -> Task:
    """Return the task that a mapping with a ``kind`` describes, as one entry of a tasks file.

    >>> task = task_from_config({"kind": "inactive", "name": "inactive", "horizon_days": 30,
    ...                          "question": "Will nothing be bought in the next 30 days?"})
    >>> type(task).__name__
    'Inactive'

    Raises:
        UsageError: an unknown kind or key, a missing one, or one of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"a task must be a mapping with kind, name, question …, got {values!r}")
    if "kind" not in values:
        raise UsageError(f"a task needs kind, one of {', '.join(TASKS)}; got {dict(values)!r}")
    task_type = TASKS[str(values["kind"])]
    rest = {key: value for key, value in values.items() if key != "kind"}
    return task_type(task_type.config_type.from_dict(rest))


__all__ = ["TASKS", "Labels", "Task", "TaskConfig", "task_from_config"]
