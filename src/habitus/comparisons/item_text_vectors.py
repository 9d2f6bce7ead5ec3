"""Item text vectors: TF-IDF of item texts on its main axes; a user is the mean of the history.

The bag-of-words twin of an encoder of item texts: the same texts, slot by slot, without order and
without training. What an encoder adds shows when both are read by the same probe.

Shapes: U users, K services, I items, E width of an item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.item_scores import TextScores
from habitus.config import Config
from habitus.data.columns import ITEM_ID, SERVICE
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.random import derive_seed


@dataclass(frozen=True, kw_only=True)
class ItemTextVectorsConfig(Config):
    """How wide."""

    width: int = 128
    """Axes that are kept; fewer where the words of training have fewer."""
    by_service: bool = True
    """Whether each service has a mean of its own, side by side, as a slot of CLUE is."""

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width must be at least 1, got {self.width}")


class ItemTextVectors(Comparison):
    """Means of SVD vectors of item texts.

    Raises:
        DataError: asked before ``fit``, or the items have no text.
        GuardError: no item that train users met has a text.
    """

    name: ClassVar[str] = "item_text_vectors"
    label: ClassVar[str] = "TF-IDF/SVD vectors"

    def __init__(self, config: ItemTextVectorsConfig | None = None) -> None:
        self.config: ItemTextVectorsConfig = config or ItemTextVectorsConfig()
        self._vectors_IE: Matrix | None = None
        self._services: list[int] = []

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Find the main axes of the item texts that train users met."""
        from sklearn.decomposition import TruncatedSVD

        texts = TextScores(snapshot)
        row_L, _ = snapshot.latest()
        met = np.unique(snapshot.values(ITEM_ID, row_L).astype(np.int64))
        met_MV = texts.weight_JV[met[met > 0] - 1]
        width = min(self.config.width, min(met_MV.shape) - 1)
        if width < 1:
            self._vectors_IE = np.asarray(texts.weight_JV.toarray()[:, :1], np.float32)
        else:
            chance = derive_seed(seed, "item_text_vectors") % 2**31
            axes = TruncatedSVD(width, random_state=chance).fit(met_MV)
            self._vectors_IE = np.asarray(axes.transform(texts.weight_JV), np.float32)
        named = self.config.by_service and SERVICE in snapshot.traces.columns
        self._services = sorted({int(c) for c in snapshot.values(SERVICE, row_L)}) if named else []

    def item_vectors(self, items_I: Rows) -> Matrix:
        """Return the vectors of items by code, ``(I, E)``; zeros for one without known words."""
        return self._fitted()[items_I - 1]

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return the means of each user's items, ``(U, K · E)``; zeros where there are none.

        Services stand in the order of their codes; one that was not met in training has no place.
        """
        vectors_IE = self._fitted()
        row_L, ptr_U1 = snapshot.latest()
        user_L = np.repeat(np.arange(snapshot.num_users), np.diff(ptr_U1))
        code_L = snapshot.values(ITEM_ID, row_L).astype(np.int64)
        if not self._services:
            return _means(user_L, code_L, snapshot.num_users, vectors_IE)
        service_L = snapshot.values(SERVICE, row_L)
        parts = [
            _means(user_L[of_L], code_L[of_L], snapshot.num_users, vectors_IE)
            for of_L in (service_L == service for service in self._services)
        ]
        return np.concatenate(parts, axis=1)

    def _fitted(self) -> Matrix:
        if self._vectors_IE is None:
            raise DataError("item_text_vectors has not been fitted: call fit first")
        return self._vectors_IE


def _means(user_L: Rows, code_L: Rows, num_users: int, vectors_IE: Matrix) -> Matrix:
    """Return the mean vector of each user's distinct items."""
    key_L = np.unique(user_L[code_L > 0] * (len(vectors_IE) + 1) + code_L[code_L > 0])
    user_L, code_L = np.divmod(key_L, len(vectors_IE) + 1)
    number_U = np.bincount(user_L, minlength=num_users)
    share_L = (1 / number_U[user_L]).astype(np.float32)
    mean_UI = csr_array((share_L, (user_L, code_L - 1)), (num_users, len(vectors_IE)))
    return np.asarray(mean_UI @ vectors_IE, np.float32)
