"""CF + text: co-occurrence, text and popularity of items in one score, weighed on validation users.

Each of the three is standardised over the catalogue of a user first, so that weights mean the same
for everybody.

Shapes: U users, B of them, I items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.item_scores import CountScores, TextScores, choose, standardised
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.probes.targets import Targets
from habitus.tasks.next_item import some_users


class Weights(NamedTuple):
    """Of a blend; co-occurrence has weight 1."""

    damping: float
    text: float
    popularity: float


@dataclass(frozen=True, kw_only=True)
class ItemBlendConfig(Config):
    """The grid of weights."""

    dampings: tuple[float, ...] = (0.0, 0.25, 0.5)
    """Of co-occurrence: from counts to cosines."""
    text: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0)
    popularity: tuple[float, ...] = (0.0, 0.1, 0.3, 0.6)

    def __post_init__(self) -> None:
        if not (self.dampings and self.text and self.popularity):
            raise UsageError(f"each weight needs a value to try, got {self}")

    def grid(self) -> list[Weights]:
        """Return every combination."""
        return [
            Weights(damping, text, popularity)
            for damping in self.dampings
            for text in self.text
            for popularity in self.popularity
        ]


class ItemBlend(Comparison):
    """Co-occurrence and text: what a claim about learned item vectors has to beat.

    Raises:
        DataError: asked before ``fit``, or the items have no text.
        GuardError: no item that train users met has a text.
    """

    name: ClassVar[str] = "item_blend"
    label: ClassVar[str] = "CF + text"

    def __init__(self, config: ItemBlendConfig | None = None) -> None:
        self.config: ItemBlendConfig = config or ItemBlendConfig()
        middle = (self.config.dampings, self.config.text, self.config.popularity)
        self.weights = Weights(*(values[len(values) // 2] for values in middle))
        """The middle of the grid, until :meth:`tune`."""
        self._fitted: tuple[CountScores, TextScores] | None = None

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:  # noqa: ARG002 - nothing is random
        """Note what each train user had, and count words in its texts."""
        self._fitted = CountScores(snapshot), TextScores(snapshot)

    def tune(self, history: Snapshot, asked: Targets, items_I: Rows) -> None:
        """Choose the weights by NDCG@10 of validation users."""
        grid = self.config.grid()
        better_WU, tied_WU = np.zeros((2, len(grid), asked.num_users), np.int64)
        for place_B in asked.blocks():
            scores = self._blends(some_users(history, place_B), items_I, grid)
            for w, score_BI in enumerate(scores):
                better_WU[w, place_B], tied_WU[w, place_B] = asked.places(score_BI, place_B)
        self.weights = grid[choose(list(zip(better_WU, tied_WU, strict=True)))[0]]

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return the blend, ``(U, I)``."""
        return next(self._blends(snapshot, items_I, [self.weights]))

    def _blends(self, snapshot: Snapshot, items_I: Rows, grid: list[Weights]) -> Iterator[Matrix]:
        """Yield the scores of each of some weights; equal dampings stand together."""
        if self._fitted is None:
            raise DataError("item_blend has not been fitted: call fit first")
        counts, texts = self._fitted
        text_BI = standardised(texts.score(snapshot, items_I))
        popular_I = standardised(counts.popularity(items_I)[None])
        damping, together_BI = -1.0, text_BI
        for weights in grid:
            if weights.damping != damping:
                damping = weights.damping
                together_BI = standardised(counts.score(snapshot, items_I, damping))
            yield (
                together_BI
                + np.float32(weights.text) * text_BI
                + np.float32(weights.popularity) * popular_I
            )
