"""The hybrid: a pre-trained vector beside one of the task's own, read by the same towers (A-C21).

The task's own is item CF in vectors, the best method at hand that has vectors of users and items.
Each of the two is brought to one scale on the train users, or one of them would drown the other.

Differs from the paper (C22): it has the last layer of BST or LightGCN in the place of item CF.

Shapes: B users of a history, D width of a user, I items of the catalogue, E width of an item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from habitus.comparisons.base import Matrix
from habitus.comparisons.item_factors import ItemFactors
from habitus.data.snapshot import Snapshot
from habitus.evaluation.next_item import Group, VectorMethod
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import Scale, TwoTowerConfig
from habitus.runs.analyses.next_item_rows import ModelVectors

FACTORS, HYBRID = "item_factors", "hybrid"


class Source(Protocol):
    """Vectors of users and items."""

    def users(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        """Return the vectors of some users, ``(B, D)``."""
        ...

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        """Return the vectors of the catalogue, ``(I, E)``."""
        ...


class Slots:
    """The slots of models as a source: all of a user, or the one that is asked about."""

    def __init__(self, vectors: ModelVectors, *, own: bool) -> None:
        self._vectors = vectors
        self.users = vectors.own_slot if own else vectors.all_slots
        self.items = vectors.items


class Factors:
    """Item CF in vectors, fitted and tuned on each question once a seed."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[AskedItems, ItemFactors]] = {}

    def users(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        """Return the vectors of some users, ``(B, D)``."""
        return self._of(asked, seed).represent(history)

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        """Return the vectors of the catalogue, ``(I, E)``."""
        return self._of(asked, seed).item_vectors(asked.catalogue_I)

    def _of(self, asked: AskedItems, seed: int) -> ItemFactors:
        key = (id(asked), seed)
        if key not in self._known:
            made = ItemFactors()
            made.fit(asked.seen, seed)
            made.tune(asked.valid.history, asked.valid_targets, asked.catalogue_I)
            # The question is kept too: another one could get its id.
            self._known[key] = asked, made
        return self._known[key][1]


class SideBySide:
    """Several sources in one vector, each with mean 0 and deviation 1 over train users or items."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._known: dict[tuple[int, int], tuple[AskedItems, list[Scale]]] = {}

    def users(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        """Return the vectors of some users, ``(B, D)``."""
        scales = self._scales(asked, seed)
        parts = [source.users(asked, history, seed) for source in self._sources]
        return np.hstack([scale(x) for scale, x in zip(scales, parts, strict=True)])

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        """Return the vectors of the catalogue, ``(I, E)``."""
        parts = [source.items(asked, seed) for source in self._sources]
        return np.hstack([Scale.fit(x)(x) for x in parts])

    def _scales(self, asked: AskedItems, seed: int) -> list[Scale]:
        key = (id(asked), seed)
        if key not in self._known:
            history = asked.train[0].history
            found = [Scale.fit(source.users(asked, history, seed)) for source in self._sources]
            self._known[key] = asked, found
        return self._known[key][1]


def hybrid_rows(vectors: ModelVectors, towers: TwoTowerConfig, *, own: bool) -> list[VectorMethod]:
    """Return item CF in vectors read by towers, and the same beside the pre-trained vectors.

    Args:
        vectors: of the pre-trained models.
        towers: what is trained.
        own: the slot of the service that is asked about, alone.
    """
    factors = Factors()
    both = SideBySide([Slots(vectors, own=own), factors])
    return [
        source_row(FACTORS, "Item CF in vectors, two towers", factors, towers, group="rung"),
        source_row(HYBRID, "CLUE + item CF in vectors (hybrid)", both, towers),
    ]


def source_row(
    name: str, label: str, source: Source, towers: TwoTowerConfig, group: Group = "ours"
) -> VectorMethod:
    """Return a source as a row of the table."""
    return VectorMethod(
        name=name, label=label, group=group, users=source.users, items=source.items, towers=towers
    )
