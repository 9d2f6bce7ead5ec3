"""Tasks: what is asked about users, after a cutoff or once."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from habitus.config import ConfigT
from habitus.errors import UsageError
from habitus.registry import Registry, did_you_mean
from habitus.tasks.base import DatedQuestion, Labels, NumberTask, Task, TaskConfig
from habitus.tasks.classes import ClassTask, ClassTaskConfig

TASKS = Registry[type[Task]](
    "task",
    {
        "bought_again": "habitus.tasks.bought_again:BoughtAgain",
        "has": "habitus.tasks.has:HasValue",
        "inactive": "habitus.tasks.inactive:Inactive",
        "labeled": "habitus.tasks.labeled:Labeled",
        "passed": "habitus.tasks.passed:Passed",
        "profile": "habitus.tasks.profile:ProfileIs",
    },
)

NUMBER_TASKS = Registry[type[NumberTask]]("number task", {"total": "habitus.tasks.total:Total"})

CLASS_TASKS = Registry[type[ClassTask]](
    "class task",
    {
        "activity": "habitus.tasks.activity:Activity",
        "label_class": "habitus.tasks.label_class:LabelClass",
        "main_value": "habitus.tasks.main_value:MainValue",
        "profile_class": "habitus.tasks.profile_class:ProfileClass",
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
    task_type = TASKS[kind_of(values, TASKS)]
    return task_type(_config_of(values, task_type.config_type))


def number_task_from_config(values: Mapping[str, Any]) -> NumberTask:
    """Return the question for a number that a mapping with a ``kind`` describes.

    >>> task = number_task_from_config({"kind": "total", "name": "events", "horizon_days": 30,
    ...                                 "question": "How many events in the next 30 days?"})
    >>> type(task).__name__
    'Total'

    Raises:
        UsageError: an unknown kind or key, a missing one, or one of the wrong type.
    """
    task_type = NUMBER_TASKS[kind_of(values, NUMBER_TASKS)]
    return task_type(_config_of(values, task_type.config_type))


def class_task_from_config(values: Mapping[str, Any]) -> ClassTask:
    """Return the class task that a mapping with a ``kind`` describes.

    >>> task = class_task_from_config({"kind": "profile_class", "name": "group",
    ...     "question": "Which group?", "classes": ["a", "b"], "attribute": "group"})
    >>> type(task).__name__
    'ProfileClass'

    Raises:
        UsageError: an unknown kind or key, a missing one, or one of the wrong type.
    """
    task_type = CLASS_TASKS[kind_of(values, CLASS_TASKS)]
    return task_type(_config_of(values, task_type.config_type))


def kind_of(values: Mapping[str, Any], kinds: Iterable[str]) -> str:
    """Return the kind that an entry of a tasks file names, or say what an entry is."""
    if not isinstance(values, Mapping):
        raise UsageError(f"a task must be a mapping with kind, name, question …, got {values!r}")
    if "kind" not in values:
        raise UsageError(f"a task needs kind, one of {', '.join(kinds)}; got {dict(values)!r}")
    return str(values["kind"])


def _config_of(values: Mapping[str, Any], config_type: type[ConfigT]) -> ConfigT:
    """Return what an entry says of its kind; say what is wrong in the words of the file."""
    settings = {str(key): value for key, value in values.items() if key != "kind"}
    which = f"task {settings['name']!r}" if "name" in settings else "a task"
    which += f" of kind {values['kind']!r}"
    fields = dataclasses.fields(config_type)
    names = [field.name for field in fields]
    for key in settings:
        if key not in names:
            raise UsageError(f"{which} has no key {key!r}; {did_you_mean(key, names)}")
    missing = [field.name for field in fields if field.name not in settings and _is_needed(field)]
    if missing:
        raise UsageError(
            f"{which} needs {' and '.join(missing)}; 'habitus tasks' says what each means"
        )
    try:
        return config_type.from_dict(settings)
    except UsageError as error:
        of_class, told = f"{config_type.__name__}.", str(error)
        if of_class not in told:
            raise
        raise UsageError(f"{which}: {told.replace(of_class, '')}") from error


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


__all__ = [
    "CLASS_TASKS",
    "NUMBER_TASKS",
    "TASKS",
    "ClassTask",
    "ClassTaskConfig",
    "DatedQuestion",
    "Labels",
    "NumberTask",
    "Task",
    "TaskConfig",
    "class_task_from_config",
    "kind_of",
    "number_task_from_config",
    "task_from_config",
]
