"""A task and the cutoffs at which it is asked; and a YAML file of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, Cutoffs
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.tasks import DatedQuestion, NumberTask, Task, task_from_config
from habitus.tasks.entries import check_names, read_entries
from habitus.tasks.known_values import check_values

MIN_HISTORY_DAYS = 28
"""History before the first training cutoff, where the caller names none."""


@dataclass(frozen=True, kw_only=True)
class DatedTask:
    """What is asked, and when."""

    task: DatedQuestion
    cutoffs: Cutoffs

    def __post_init__(self) -> None:
        if self.cutoffs.horizon_days != self.task.config.horizon_days:
            raise UsageError(
                f"task {self.name!r} asks about {self.task.config.horizon_days} days, its cutoffs "
                f"leave {self.cutoffs.horizon_days}"
            )

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.task.config.name

    @property
    def is_number(self) -> bool:
        """Whether answers are numbers and not yes or no."""
        return isinstance(self.task, NumberTask)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: one entry of a tasks file."""
        dates = {"first": self.cutoffs.first, "test": self.cutoffs.test}
        return {**self.task.to_dict(), "cutoffs": dates}


def default_cutoffs(traces: Traces, horizon_days: int) -> Cutoffs:
    """Return the latest monthly test cutoff whose window the data still covers.

    The first training cutoff leaves at least four weeks of history before it.

    Raises:
        DataError: the data is too short for one such window, or undated.
    """
    if traces.manifest.time_unit == "order":
        raise DataError("tasks need dated events; the time of this data is only an order")
    if not traces.num_events:
        raise DataError(f"{traces.path} has no events, so no cutoff")
    begin, end = int(traces.time_L.min()), int(traces.time_L.max())
    earliest = _first_of_month(begin + MIN_HISTORY_DAYS * DAY + 30 * DAY)
    test = _first_of_month(end + DAY - horizon_days * DAY)
    if parse_time(test) <= begin:
        raise DataError(
            f"the data spans {(end - begin) // DAY} days: no first of a month has history before "
            f"it and {horizon_days} days of labels after it; shorten horizon_days"
        )
    return Cutoffs(first=min(earliest, test), test=test, horizon_days=horizon_days)


def read_tasks(
    path: str | Path, traces: Traces, on_note: Callable[[str], None] | None = None
) -> list[DatedTask]:
    """Return the tasks of a YAML file: a list of ``{kind, name, question, horizon_days, …}``.

    An entry may hold ``cutoffs: {first: 2017-02-01, test: 2017-10-01}``; without it they follow
    from the data (:func:`default_cutoffs`).

    Args:
        path: the file.
        traces: what the tasks will be asked of.
        on_note: called with each sentence that a reader should see, such as one about a value that
            never occurs beside others that do.

    Raises:
        DataError: no such file, no YAML, or a task none of whose values ever occurs.
        UsageError: an unknown key, or a name that stands twice.
    """
    tasks = [dated_task(entry, traces) for entry in read_entries(path)]
    check_names(path, [task.name for task in tasks])
    asked = [task.task for task in tasks if isinstance(task.task, Task)]
    for note in (note for task in asked for note in check_values(task, traces)):
        if on_note is not None:
            on_note(note)
    return tasks


def dated_task(entry: Mapping[str, Any], traces: Traces) -> DatedTask:
    """Return the task of one entry of a tasks file."""
    rest = dict(entry) if isinstance(entry, Mapping) else entry
    dates = rest.pop("cutoffs", None) if isinstance(rest, dict) else None
    task = task_from_config(rest)
    days = task.config.horizon_days
    if dates is None:
        return DatedTask(task=task, cutoffs=default_cutoffs(traces, days))
    if not isinstance(dates, Mapping):
        raise UsageError(f"cutoffs must hold first and test, two dates; got {dates!r}")
    texts = {key: str(value) for key, value in dates.items()}
    return DatedTask(task=task, cutoffs=Cutoffs.from_dict({**texts, "horizon_days": days}))


def _first_of_month(seconds: int) -> str:
    """Return the first of the month of an instant, as a date."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().replace(day=1).isoformat()
