"""A YAML file of tasks: all of one sort, dated ones or class tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from habitus.config import read_yaml
from habitus.errors import DataError, UsageError
from habitus.registry import did_you_mean
from habitus.tasks import CLASS_TASKS, TASKS, class_task_from_config, kind_of
from habitus.tasks.classes import ClassTask

Sort = Literal["dated", "classes"]


def read_entries(path: str | Path) -> list[Any]:
    """Return the entries of a tasks file.

    Raises:
        DataError: no such file, or no YAML.
        UsageError: no list.
    """
    try:
        entries = read_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"the tasks file {path} cannot be read: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path} must hold a list of tasks, each with kind, name, question …")
    return entries


def sort_of(path: str | Path) -> Sort:
    """Return which sort of tasks a file holds.

    Raises:
        DataError: a file that cannot be read.
        UsageError: both sorts, or a kind that there is not.
    """
    known = [*TASKS, *CLASS_TASKS]
    kinds = [kind_of(entry, known) for entry in read_entries(path)]
    for kind in kinds:
        if kind not in TASKS and kind not in CLASS_TASKS:
            raise UsageError(f"no task is called {kind!r}; {did_you_mean(kind, known)}")
    dated = sorted({kind for kind in kinds if kind in TASKS})
    classes = sorted({kind for kind in kinds if kind in CLASS_TASKS})
    if dated and classes:
        raise UsageError(
            f"{path} mixes yes-or-no tasks at cutoffs ({', '.join(dated)}) with class tasks "
            f"({', '.join(classes)}): they are split and scored differently, so give each sort a "
            f"file of its own"
        )
    return "classes" if classes else "dated"


def read_class_tasks(path: str | Path) -> list[ClassTask]:
    """Return the class tasks of a YAML file: a list of ``{kind, name, question, classes, …}``.

    Raises:
        DataError: no such file, or no YAML.
        UsageError: an unknown key, or a name that stands twice.
    """
    tasks = [class_task_from_config(entry) for entry in read_entries(path)]
    check_names(path, [task.name for task in tasks])
    return tasks


def check_names(path: str | Path, names: Sequence[str]) -> None:
    """Raise :class:`UsageError` where a name stands twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{path} names {', '.join(map(repr, twice))} twice; give each one name")
