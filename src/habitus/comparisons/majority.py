"""Majority: the shares of the answers among the training labels, for everybody (D3, D12, B-1).

Its AUROC is .5 by arithmetic; its log loss and Brier score are what a method must beat to have
learned anything about probabilities. In a class task everybody gets the commonest class: with the
share p of it, macro-F1 is 2p / (1 + p) / C (A-P19).

Shapes: B rows, C classes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.tasks.classes import ClassAsked


class Majority(Comparison):
    """One probability for all."""

    name: ClassVar[str] = "majority"
    label: ClassVar[str] = "majority"

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or Config()

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Nothing to fit: the labels come with :meth:`predict`."""

    def predict(self, labels_B: npt.NDArray[np.float64], snapshot: Snapshot) -> Matrix:
        """Return the share of yes among the labels, for each user, ``(U)``."""
        return np.full(snapshot.num_users, labels_B.mean(), np.float32)

    def classify(
        self,
        asked: ClassAsked,
        seed: int = 0,  # noqa: ARG002 - there is no chance in it
    ) -> npt.NDArray[np.float64]:
        """Return the share of each class among the training users, for each test user, ``(B, C)``.

        Of classes with equally many training users, the first gets the majority by a hair.
        """
        count_C = np.bincount(asked.train_y_B, minlength=len(asked.classes)).astype(np.float64)
        count_C[count_C.argmax()] += 1e-6
        return np.tile(count_C / count_C.sum(), (asked.test.num_users, 1))
