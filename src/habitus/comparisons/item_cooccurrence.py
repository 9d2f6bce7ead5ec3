"""Item co-occurrence (ItemKNN, B-17): what train users had together with the items of a history.

Shapes: U users, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from habitus.comparisons.base import Comparison, Matrix
from habitus.comparisons.item_scores import CountScores, choose
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.probes.targets import Targets
from habitus.tasks.next_item import some_users


@dataclass(frozen=True, kw_only=True)
class ItemCooccurrenceConfig(Config):
    """How much an item counts less for being popular."""

    damping: float = 0.25
    """From 0, counts, to 0.5, cosines; what is used until :meth:`ItemCooccurrence.tune`."""
    dampings: tuple[float, ...] = (0.0, 0.25, 0.5)
    """What :meth:`ItemCooccurrence.tune` tries."""

    def __post_init__(self) -> None:
        if not self.dampings or min(self.damping, *self.dampings) < 0:
            raise UsageError(f"dampings must be 0 or more, and some given, got {self}")


class ItemCooccurrence(Comparison):
    """Sum over the history of how often train users had both items.

    It needs no vector of a user, so people who were not there in training are no problem.

    Raises:
        DataError: asked before ``fit``.
    """

    name: ClassVar[str] = "item_cooccurrence"
    label: ClassVar[str] = "Item CF"

    def __init__(self, config: ItemCooccurrenceConfig | None = None) -> None:
        self.config: ItemCooccurrenceConfig = config or ItemCooccurrenceConfig()
        self.damping = self.config.damping
        self._counts: CountScores | None = None

    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:  # noqa: ARG002 - nothing is random
        """Note what each train user had."""
        self._counts = CountScores(snapshot)

    def tune(self, history: Snapshot, asked: Targets, items_I: Rows) -> None:
        """Choose the damping by NDCG@10 of validation users."""
        found = [
            asked.all_places(partial(self._score, history, items_I, damping))
            for damping in self.config.dampings
        ]
        self.damping = self.config.dampings[choose(found)[0]]

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return the score of each user and item, ``(U, I)``; 0 for a user without a history."""
        return self._score(snapshot, items_I, self.damping, np.arange(snapshot.num_users))

    def _score(self, snapshot: Snapshot, items_I: Rows, damping: float, place_B: Rows) -> Matrix:
        if self._counts is None:
            raise DataError("item_cooccurrence has not been fitted: call fit first")
        return self._counts.score(some_users(snapshot, place_B), items_I, damping)
