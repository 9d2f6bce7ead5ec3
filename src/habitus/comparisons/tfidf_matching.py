"""TF-IDF matching: a user's items on a service as a bag of words, weighted; nothing is learned.

Shapes: U users, K services, W words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.slot_weights import SlotWeights, SlotWeightsConfig
from habitus.data.snapshot import Snapshot


@dataclass(frozen=True, kw_only=True)
class TfidfMatchingConfig(SlotWeightsConfig):
    """Which texts are read, and which words count how much."""


class TfidfMatching(Comparison):
    """The words of a user's items on each service; two slots are as near as their words."""

    name: ClassVar[str] = "tfidf_matching"
    label: ClassVar[str] = "TF-IDF cosine"
    config: TfidfMatchingConfig

    def __init__(self, config: TfidfMatchingConfig | None = None) -> None:
        self.config = config or TfidfMatchingConfig()
        self.words = SlotWeights(self.config)

    @property
    def services(self) -> tuple[str, ...]:
        """Those of the training users, by name."""
        return self.words.services

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Fit which words there are and what each is worth.

        Raises:
            DataError: the traces have no such text.
            GuardError: no word is frequent enough.
        """
        self.words.fit(snapshot)

    def slots(self, snapshot: Snapshot) -> tuple[Matrix, npt.NDArray[np.bool_]]:
        """Return a vector for each user and service, ``(U, K, W)``, and which hold a word.

        Raises:
            UsageError: it is not fitted.
        """
        weight_SW = self.words.weights(snapshot)
        shape = (snapshot.num_users, len(self.services))
        present_UK = (np.diff(weight_SW.indptr) > 0).reshape(shape)
        return weight_SW.toarray().reshape(*shape, -1).astype(np.float32), present_UK
