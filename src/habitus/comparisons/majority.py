"""Majority: the share of yes among the training labels, for everybody (D3, D12).

Its AUROC is .5 by arithmetic; its log loss and Brier score are what a method must beat to have
learned anything about probabilities.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix
from habitus.config import Config
from habitus.data.snapshot import Snapshot


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
