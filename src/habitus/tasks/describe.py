"""What can be asked: every kind of task with its fields, read from the code that checks them."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

from habitus.config import Config, allowed, as_yaml, meanings
from habitus.tasks import CLASS_TASKS, TASKS, ClassTask, ClassTaskConfig, Task, TaskConfig

CUTOFFS = """\
Any entry may also hold
  cutoffs: {first: DATE, test: DATE}
    First training cutoff and test cutoff, dates such as 2017-10-01. Left out, they follow from the
    data: the test cutoff is the latest first of a month whose window the data still covers, the
    first one leaves four weeks of history. Between them every first of a month is a training
    cutoff as long as its window ends by the test cutoff.

For example
  - {kind: inactive, name: leaves, horizon_days: 30, active_within_days: 60,
     question: "Will nothing happen in the next 30 days?"}
  - {kind: has, name: shop, horizon_days: 90, channel: service, values: [shop],
     question: "Will the shop be visited in the next 90 days?"}"""


class FieldLine(NamedTuple):
    """One field of an entry of a tasks file."""

    name: str
    type: str
    default: str | None
    """None where a value must be given."""
    meaning: str
    """The docstring of the field, on one line; empty without one."""


def describe_task_kinds() -> str:
    """Return every kind of task with its fields, and what may be said of cutoffs, as plain text."""
    dated = _family("Yes-or-no tasks at cutoffs", TASKS, TaskConfig)
    classes = _family(
        "Class tasks, asked once of each user, in a file of their own", CLASS_TASKS, ClassTaskConfig
    )
    return "\n".join([*dated, CUTOFFS, "", *classes]).rstrip()


def _family(
    title: str,
    registry: Mapping[str, type[Task]] | Mapping[str, type[ClassTask]],
    base: type[Config],
) -> list[str]:
    shared = fields_of(base)
    lines = [title, "=" * len(title), "Every entry of the tasks file holds"]
    lines += ["  kind: one of those below", *_lines(shared), ""]
    for kind, task in registry.items():
        own = [line for line in fields_of(task.config_type) if line not in shared]
        about = [_first_line(inspect.getmodule(task)), _first_line(task)]
        lines += [f"kind: {kind}", *(f"  {line}" for line in about), *_lines(own), ""]
    return lines


def fields_of(config: type[Config]) -> list[FieldLine]:
    """Return the fields of a config class, those of its bases first."""
    hints, told = get_type_hints(config), meanings(config)
    return [
        FieldLine(field.name, allowed(hints[field.name]), _default(field), told[field.name])
        for field in dataclasses.fields(config)
    ]


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _lines(fields: list[FieldLine]) -> list[str]:
    lines = []
    for field in fields:
        default = "" if field.default is None else f", {field.default} if left out"
        lines.append(f"  {field.name}: {field.type}{default}")
        if field.meaning:
            lines.append(textwrap.fill(field.meaning, 96, **_INDENT))
    return lines


_INDENT: dict[str, Any] = {"initial_indent": "    ", "subsequent_indent": "    "}


def _default(field: dataclasses.Field[Any]) -> str | None:
    if field.default_factory is not dataclasses.MISSING:
        return "empty"
    if field.default is dataclasses.MISSING:
        return None
    return as_yaml(field.default)
