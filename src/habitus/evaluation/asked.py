"""Who is asked what, when, and what the right answers are: the only reader of futures here.

Evaluation D1: one user's windows stand on one side of the split; training cutoffs are those whose
windows end by the test cutoff; validation users are asked at the training cutoffs, test users once,
at the test cutoff. A user is asked from the first event on.

Shapes: B rows (a user at a cutoff).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot, format_time, parse_time
from habitus.data.split import Future, Part, UserSplit
from habitus.data.traces import Rows, Traces
from habitus.errors import GuardError
from habitus.tasks.classes import ClassTask
from habitus.tasks.dated import DatedTask

PartUsers = Mapping[Part, Rows]
"""Rows of the users of each part."""


class Answers(NamedTuple):
    """Labels of some users at one cutoff."""

    cutoff: int
    users_B: Rows
    """Ascending."""
    y_B: npt.NDArray[np.float64]


class AskedTask(NamedTuple):
    """A task with the answers of all three parts."""

    dated: DatedTask
    train: tuple[Answers, ...]
    valid: tuple[Answers, ...]
    test: Answers

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.dated.name


def guard_sensitive(tasks: Iterable[DatedTask | ClassTask], *, allowed: bool) -> None:
    """Raise :class:`GuardError` where a task profiles a sensitive trait and nobody allowed it."""
    configs = [task.config if isinstance(task, ClassTask) else task.task.config for task in tasks]
    sensitive = [config.name for config in configs if config.sensitive]
    if sensitive and not allowed:
        raise GuardError(
            f"{', '.join(sensitive)}: these tasks profile sensitive traits of people; leave them "
            f"out, or allow them with --allow-sensitive if you may do so and have a reason"
        )


def guard_pretraining(run: Mapping[str, Any], first_cutoff: str, split: UserSplit) -> None:
    """Raise :class:`GuardError` where a model saw what a task asks about.

    Args:
        run: the config of the pre-training; an empty one, of a model of other making, passes.
        first_cutoff: the earliest test cutoff.
        split: of the evaluation: test users of one split may be train users of another.
    """
    if not run:
        return
    as_of = run.get("as_of")
    if as_of is None:
        raise GuardError(
            f"the model was pre-trained on all events, those after the test cutoff {first_cutoff} "
            f"too: it has seen what the tasks ask; pre-train with --as-of {first_cutoff}"
        )
    if "split" in run and UserSplit.from_dict(run["split"]) != split:
        raise GuardError(
            f"the model was pre-trained with another split of the users, {run['split']}: people of "
            f"the test part may have been trained on; pre-train with {split.to_dict()}"
        )
    if parse_time(str(as_of)) > parse_time(first_cutoff):
        raise GuardError(
            f"the model was pre-trained on events up to {as_of}, after the test cutoff "
            f"{first_cutoff}: it has seen what the tasks ask; ask from {as_of} on, or pre-train "
            f"with --as-of {first_cutoff}"
        )


def ask(dated: DatedTask, traces: Traces, users: PartUsers, *, min_positive: int = 10) -> AskedTask:
    """Return the task with its answers.

    Raises:
        GuardError: a part has one answer only, or the test part fewer than ``min_positive`` of
            either (of a question for a number, so few other than the commonest): no method could
            be told from another.
    """
    times = dated.cutoffs.train_times()
    task = AskedTask(
        dated,
        tuple(_answers(dated, traces, t, users["train"]) for t in times),
        tuple(_answers(dated, traces, t, users["valid"]) for t in times),
        _answers(dated, traces, dated.cutoffs.test_time, users["test"]),
    )
    _guard_answers(task, min_positive)
    return task


def users_by_cutoff(tasks: Sequence[AskedTask]) -> dict[int, Rows]:
    """Return the users, ascending, whose vectors any task needs at each cutoff."""
    needed: dict[int, list[Rows]] = {}
    for task in tasks:
        for answers in (*task.train, *task.valid, task.test):
            needed.setdefault(answers.cutoff, []).append(answers.users_B)
    return {t: np.unique(np.concatenate(users)) for t, users in sorted(needed.items())}


def labels_of(answers: Sequence[Answers]) -> npt.NDArray[np.float64]:
    """Return the labels of several cutoffs, one after the other."""
    return np.concatenate([a.y_B for a in answers])


def _answers(dated: DatedTask, traces: Traces, cutoff: int, users: Rows) -> Answers:
    known_U = np.sort(users)
    known_U = known_U[Snapshot(traces, cutoff, known_U).lengths_U > 0]
    y_U = dated.task.labels(Future(traces, cutoff, dated.cutoffs.horizon, known_U))
    asked_U = ~np.isnan(y_U)
    return Answers(cutoff, known_U[asked_U], y_U[asked_U])


def _guard_answers(task: AskedTask, min_positive: int) -> None:
    parts = (
        ("train", task.train, 1),
        ("valid", task.valid, 1),
        ("test", [task.test], min_positive),
    )
    for part, answers, least in parts:
        y_B = labels_of(answers)
        if task.dated.is_number:
            _guard_numbers(task.name, part, y_B, least)
            continue
        yes, no = int((y_B == 1).sum()), int((y_B == 0).sum())
        if min(yes, no) < least:
            raise GuardError(
                f"task {task.name!r} is left out: among its {part} users from "
                f"{format_time(answers[0].cutoff)} the answer is {yes} times yes and {no} times "
                f"no, and at least {least} of each are needed"
            )


def _guard_numbers(name: str, part: str, y_B: npt.NDArray[np.float64], least: int) -> None:
    counts_G = np.unique(y_B, return_counts=True)[1]
    others = len(y_B) - int(counts_G.max(initial=0))
    if others < least:
        raise GuardError(
            f"task {name!r} is left out: of its {len(y_B)} answers of {part} users {others} differ "
            f"from the commonest one, and at least {least} are needed"
        )
