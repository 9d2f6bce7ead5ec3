"""Who is asked which class task, in which part, and what the right classes are (P21, A-P20).

Users are parted 8:1:1 by a hash of their ids. A user is asked of whom the representation may read
an event.

Shapes: B users of one part, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.data.snapshot import Snapshot, parse_as_of, parse_time
from habitus.data.split import Part, UserSplit
from habitus.data.traces import Rows, Traces
from habitus.errors import GuardError
from habitus.tasks.classes import ClassAsked, Classes, ClassTask

Protocol = Literal["transductive-text", "strict-inductive"]
CLASS_SPLIT: Final = UserSplit(train=0.8, valid=0.1, test=0.1)
"""P21."""
LEAST_VALID: Final = 2
"""Users of each class that validate: they choose among few settings, and carry no claim."""
PARTS: Final[tuple[Part, ...]] = ("train", "valid", "test")


class ClassAnswers(NamedTuple):
    """The users of one part and their classes."""

    users_B: Rows
    """Ascending."""
    y_B: Classes


class AskedClasses(NamedTuple):
    """A class task with the answers of all three parts, under one split."""

    task: ClassTask
    seen: Traces
    """What a representation may read: the whole, or one half of the posts."""
    as_of: int
    """Cutoff of the representation, in the unit of the traces."""
    train: ClassAnswers
    valid: ClassAnswers
    test: ClassAnswers

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.task.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.task.config.classes

    @property
    def users(self) -> Rows:
        """Everybody who is asked, ascending."""
        return np.sort(np.concatenate([getattr(self, part).users_B for part in PARTS]))

    def snapshot(self, users_B: Rows) -> Snapshot:
        """Return what may be read of some users."""
        return Snapshot(self.seen, self.as_of, users_B)

    def handed(self, chosen_B: npt.NDArray[np.bool_] | None = None) -> ClassAsked:
        """Return what a method is handed that answers itself; some training users, or all."""
        kept = slice(None) if chosen_B is None else chosen_B
        return ClassAsked(
            task=self.name,
            classes=self.classes,
            train=self.snapshot(self.train.users_B[kept]),
            train_y_B=self.train.y_B[kept],
            valid=self.snapshot(self.valid.users_B),
            valid_y_B=self.valid.y_B,
            test=self.snapshot(self.test.users_B),
        )


def ask_classes(
    task: ClassTask, traces: Traces, seen: Traces, split: UserSplit, *, min_per_class: int = 5
) -> AskedClasses:
    """Return the task with its answers.

    Args:
        task: what is asked.
        traces: everything, where the answers come from.
        seen: what a representation may read, of the same users.
        split: who is in which part.
        min_per_class: users of each class among those who train and those who test; among those
            who validate, two are enough.

    Raises:
        GuardError: a part has too few users of a class for any method to be told from another.
    """
    users_B, class_B = task.answers(traces, split.rows(traces, "train"))
    known_B = Snapshot(seen, task.config.as_of, users_B).lengths_U > 0
    users_B, class_B = users_B[known_B], class_B[known_B]
    place_B = split.part_of(traces.user_ids.take(pa.array(users_B)))
    train, valid, test = (
        ClassAnswers(users_B[place_B == p], class_B[place_B == p]) for p in range(len(PARTS))
    )
    asked = AskedClasses(task, seen, parse_as_of(task.config.as_of, seen), train, valid, test)
    _guard_sizes(asked, min_per_class)
    return asked


def _guard_sizes(asked: AskedClasses, least: int) -> None:
    for part in PARTS:
        answers: ClassAnswers = getattr(asked, part)
        needed = min(least, LEAST_VALID) if part == "valid" else least
        sizes = np.bincount(answers.y_B, minlength=len(asked.classes))
        if sizes.min() < needed:
            rarest = asked.classes[int(sizes.argmin())]
            raise GuardError(
                f"task {asked.name!r} is left out: of its {len(answers.y_B)} {part} users "
                f"{sizes.min()} are {rarest!r}, and at least {needed} of each class are needed: "
                f"give more users, or put rare classes together"
            )


def protocol_of(runs: Iterable[Mapping[str, Any]], traces: Traces, split: UserSplit) -> Protocol:
    """Return what pre-training saw of the test users (A-P20).

    Strict-inductive, if the split of every run kept all of them apart as test users: then their
    posts, edges and tags were not there. A run that does not say its split has seen everybody.
    Without any run there was no pre-training.
    """
    test = traces.user_ids.take(pa.array(split.rows(traces, "test")))
    for run in runs:
        if "split" not in run or run.get("protocol") == "transductive-text":
            return "transductive-text"
        if (UserSplit.from_dict(run["split"]).part_of(test) != PARTS.index("test")).any():
            return "transductive-text"
    return "strict-inductive"


def guard_late(runs: Iterable[Mapping[str, Any]], tasks: Iterable[ClassTask]) -> None:
    """Raise :class:`GuardError` where a model was pre-trained on what comes after a task's cutoff.

    A task without a cutoff may be asked of any model; a model of other making, whose run is empty,
    passes.
    """
    for task, run in product(tasks, filter(None, runs)):
        cutoff, as_of = task.config.as_of, run.get("as_of")
        if cutoff is not None and _is_later(as_of, cutoff):
            read = "all events" if as_of is None else f"events up to {as_of}"
            raise GuardError(
                f"the model was pre-trained on {read}, past the cutoff {cutoff} of task "
                f"{task.name!r}: it has seen what the task asks; pre-train with --as-of {cutoff}"
            )


def _is_later(as_of: str | int | None, cutoff: str | int) -> bool:
    """Return whether what is known as of one moment reaches past another."""
    if as_of is None:
        return True
    if isinstance(as_of, int) and isinstance(cutoff, int):
        # with ordinal time, the number of last events that are left out
        return as_of < cutoff
    return parse_time(str(as_of)) > parse_time(str(cutoff))
