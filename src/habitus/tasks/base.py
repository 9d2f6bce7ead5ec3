"""What a task is: labels after a cutoff, metrics, and one main score.

Shapes: U users asked about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.split import Future

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


class Task(ABC):
    """A yes-or-no question about users after a cutoff."""

    kind: ClassVar[str]
    """The name in :data:`habitus.tasks.TASKS`."""
    main_score: ClassVar[str] = "auroc"
    config: TaskConfig

    @abstractmethod
    def labels(self, future: Future) -> Labels:
        """Return 0 or 1 for each user, ``(U)``; NaN for a user who is not asked (A-S6)."""
