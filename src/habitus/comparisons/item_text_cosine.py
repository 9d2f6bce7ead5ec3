"""Item text cosine: items whose texts are like those of the history (TF-IDF, no training).

Shapes: U users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.item_scores import TextScores
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError


@dataclass(frozen=True, kw_only=True)
class ItemTextCosineConfig(Config):
    """Which words count."""

    min_df: int = 1
    """Item texts of training that a word must stand in."""


class ItemTextCosine(Comparison):
    """The cosine of the centroid of a history and the text of each item.

    Raises:
        DataError: asked before ``fit``, or the items have no text.
        GuardError: no item that train users met has a text.
    """

    name: ClassVar[str] = "item_text_cosine"
    label: ClassVar[str] = "Item text cosine"

    def __init__(self, config: ItemTextCosineConfig | None = None) -> None:
        self.config: ItemTextCosineConfig = config or ItemTextCosineConfig()
        self._texts: TextScores | None = None

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:  # noqa: ARG002 - nothing is random
        """Count words in the texts that train users met."""
        self._texts = TextScores(snapshot, self.config.min_df)

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return the cosines, ``(U, I)``; 0 for a user or an item without known words."""
        if self._texts is None:
            raise DataError("item_text_cosine has not been fitted: call fit first")
        return self._texts.score(snapshot, items_I)
