"""What a class task is: users, and which of C classes each one is in.

A class task asks who a user is (or will be), once per user; tasks of :mod:`habitus.tasks.base` ask
yes or no, at several cutoffs. Users, not cutoffs, are parted into train, valid and test.

Shapes: U users of the traces, B users who are asked, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import UsageError

Classes = npt.NDArray[np.int64]
"""The place of each user's class in ``classes``, ``(B)``."""
Half = Literal["all", "first", "second"]


@dataclass(frozen=True, kw_only=True)
class ClassTaskConfig(Config):
    """What a class task asks, in words."""

    name: str
    question: str
    """A sentence a reader understands, ending in a question mark."""
    classes: tuple[str, ...]
    """Names of the classes, two or more."""
    as_of: str | int | None = None
    """Cutoff of the representation: a date, or with ordinal time the number of last events to leave
    out; None reads everything."""
    sensitive: bool = False
    """True where the answer profiles a sensitive trait: run only when the caller allows it."""
    part: Half = "all"
    """The half of each user's posts that the representation may read."""
    part_by: str | None = None
    """Channel whose value decides the half, such as a discussion: events of one value are in one
    half, for all users. None: a user's posts in turn."""
    part_seed: int = 0
    """Another number, other halves."""

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("a task needs a name")
        if not self.question.endswith("?"):
            raise UsageError(
                f"the question of task {self.name!r} must end in a question mark, "
                f"got {self.question!r}"
            )
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise UsageError(
                f"task {self.name!r} needs two classes or more, each with its own name, "
                f"got {list(self.classes)}"
            )


class ClassTask(ABC):
    """A question about users whose answer is one of C classes."""

    kind: ClassVar[str]
    """The name in :data:`habitus.tasks.CLASS_TASKS`."""
    config_type: ClassVar[type[ClassTaskConfig]] = ClassTaskConfig
    """What the constructor takes."""
    main_score: ClassVar[str] = "macro_f1"
    config: ClassTaskConfig

    def __init__(self, config: ClassTaskConfig) -> None:
        self.config = config

    @abstractmethod
    def answers(self, traces: Traces, train: Rows | None = None) -> tuple[Rows, Classes]:
        """Return the rows of the users who are asked, ascending, and the class of each.

        Args:
            traces: all that the users left.
            train: rows of the training users: what an answer fits (edges of quantiles), it fits on
                them alone. None fits on everybody.
        """

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.config.name

    def to_dict(self) -> dict[str, Any]:
        """Return what :func:`habitus.tasks.class_task_from_config` makes this task of."""
        return {"kind": self.kind, **self.config.to_dict()}


@dataclass(frozen=True)
class ClassAsked:
    """What a method that answers class tasks itself is handed; test labels are not in it."""

    task: str
    classes: tuple[str, ...]
    train: Snapshot
    train_y_B: Classes
    valid: Snapshot
    valid_y_B: Classes
    test: Snapshot
