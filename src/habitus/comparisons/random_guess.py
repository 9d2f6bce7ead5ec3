"""Random guess: each class is equally likely, for everybody (B-1).

Its accuracy is 1/C by arithmetic. The evaluation reads a tie between classes as a guess among them.

Shapes: B rows, C classes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.tasks.classes import ClassAsked


class RandomGuess(Comparison):
    """One over the number of classes."""

    name: ClassVar[str] = "random_guess"
    label: ClassVar[str] = "random guess"

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Nothing to fit."""

    def classify(
        self,
        asked: ClassAsked,
        seed: int = 0,  # noqa: ARG002 - there is no chance in it
    ) -> npt.NDArray[np.float64]:
        """Return the same probability for each class and test user, ``(B, C)``."""
        return np.full((asked.test.num_users, len(asked.classes)), 1 / len(asked.classes))
