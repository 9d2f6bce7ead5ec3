"""What a task is: labels after a cutoff, metrics, and one main score.

Shapes: U users asked about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.split import Future
from habitus.errors import UsageError

Labels = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TaskConfig(Config):
    """What a task asks, in words and numbers."""

    name: str
    question: str
    """A sentence a reader understands, ending in a question mark."""
    horizon_days: int
    """Length of the window of labels after the cutoff."""
    sensitive: bool = False
    """True where the answer profiles a sensitive trait: run only when the caller allows it."""

    def __post_init__(self) -> None:
        if not self.name:
            raise UsageError("a task needs a name")
        if not self.question.endswith("?"):
            raise UsageError(
                f"the question of task {self.name!r} must end in a question mark, "
                f"got {self.question!r}"
            )
        if self.horizon_days < 1:
            raise UsageError(
                f"horizon_days of task {self.name!r} must be 1 or more, got {self.horizon_days}"
            )


class DatedQuestion(ABC):
    """A question about users after a cutoff, whatever its answers are."""

    kind: ClassVar[str]
    """The name in the table of its sort."""
    config_type: ClassVar[type[TaskConfig]] = TaskConfig
    """What the constructor takes."""
    main_score: ClassVar[str]
    config: TaskConfig

    def __init__(self, config: TaskConfig) -> None:
        self.config = config

    @abstractmethod
    def labels(self, future: Future) -> Labels:
        """Return the answer of each user, ``(U)``; NaN for a user who is not asked (A-S6)."""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of a tasks file that makes this question."""
        return {"kind": self.kind, **self.config.to_dict()}


class Task(DatedQuestion):
    """A yes-or-no question: answers are 0 or 1. Registered in :data:`habitus.tasks.TASKS`."""

    main_score: ClassVar[str] = "auroc"


class NumberTask(DatedQuestion):
    """A question for a finite number, in :data:`habitus.tasks.NUMBER_TASKS`: a regression."""

    main_score: ClassVar[str] = "spearman"
