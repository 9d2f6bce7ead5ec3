"""Next-item recommendation with frozen vectors, and the rungs below it, on equal questions (C19).

A method is either a comparison that scores items itself, or a source of vectors of users and items
that two towers are trained on.

Shapes: B users of a part, D width of a user, I items of the catalogue, E width of an item.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix, Scores
from habitus.comparisons.item_scores import items_had
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError
from habitus.evaluation.next_item_asked import AskedItems
from habitus.evaluation.next_item_ranking import Rankings, rank_next_items
from habitus.probes.targets import Score, Targets
from habitus.probes.two_tower import Pairs, TwoTower, TwoTowerConfig
from habitus.tasks.next_item import some_users

Group = Literal["rung", "control", "ours"]
NOTHING = float("nan")
TIMED_USERS = 256
"""Users whose scores are timed."""


@runtime_checkable
class TunesItems(Protocol):
    """A comparison that chooses settings on validation users."""

    def tune(self, history: Snapshot, asked: Targets, items_I: Rows) -> None:
        """Choose by NDCG@10 of what validation users are asked."""
        ...


class Costs(NamedTuple):
    """What a method costs on one question (Table 1)."""

    weights: int
    """Trained on this question; 0 for counts."""
    seconds_per_epoch: float
    """NaN where nothing is trained."""
    epochs: int
    seconds: float
    """To fit in all, users and items encoded already."""
    users_per_second: float
    """From histories or stored vectors to scores of the whole catalogue."""


class Fitted(NamedTuple):
    """A method that is ready for the test users."""

    score: Score
    weights: int = 0
    seconds_per_epoch: float = NOTHING
    epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class ItemMethod(ABC):
    """A row of the table."""

    name: str
    label: str
    group: Group

    @abstractmethod
    def fit(self, asked: AskedItems, seed: int) -> Fitted:
        """Fit on train users, tune on validation users."""


@dataclass(frozen=True, kw_only=True)
class ScoringMethod(ItemMethod):
    """A comparison that scores items itself."""

    build: Callable[[], Comparison]
    group: Group = "rung"

    @override
    def fit(self, asked: AskedItems, seed: int) -> Fitted:
        comparison = self.build()
        if not isinstance(comparison, Scores):
            raise DataError(f"{comparison.name} scores no items")
        comparison.fit(asked.seen, seed)
        if isinstance(comparison, TunesItems):
            comparison.tune(asked.valid.history, asked.valid_targets, asked.catalogue_I)
        history, items_I = asked.test.history, asked.catalogue_I
        return Fitted(lambda place_B: comparison.score(some_users(history, place_B), items_I))


@dataclass(frozen=True, kw_only=True)
class VectorMethod(ItemMethod):
    """Frozen vectors, read by two towers."""

    users: Callable[[AskedItems, Snapshot, int], Matrix]
    """Vectors of the users of a history, ``(B, D)``; of a seed, where there are several models."""
    items: Callable[[AskedItems, int], Matrix]
    """Vectors of the catalogue, ``(I, E)``."""
    towers: TwoTowerConfig = field(default_factory=TwoTowerConfig)
    popularity: bool = True
    """Whether the tower of items is also told how many train users had each: frozen vectors of
    texts do not know."""

    @override
    def fit(self, asked: AskedItems, seed: int) -> Fitted:
        towers = self.train(asked, seed)
        test_BD = self.users(asked, asked.test.history, seed)
        return Fitted(
            lambda place_B: towers.scores(test_BD[place_B]),
            towers.num_weights,
            towers.seconds_per_epoch,
            towers.num_epochs,
        )

    def train(self, asked: AskedItems, seed: int) -> TwoTower:
        """Return towers that learned from train users and were stopped by validation users.

        No test user is read, so settings can be chosen by what they score.
        """
        x_BD = np.concatenate([self.users(asked, part.history, seed) for part in asked.train])
        target_B = asked.column_of(np.concatenate([part.target_B for part in asked.train]))
        valid = self.users(asked, asked.valid.history, seed), asked.valid_targets
        items_IE = self.items(asked, seed)
        if self.popularity:
            items_IE = with_popularity(items_IE, asked)
        return TwoTower(self.towers).fit(items_IE, Pairs(x_BD, target_B), valid, seed)


def with_popularity(items_IE: Matrix, asked: AskedItems) -> Matrix:
    """Return vectors of the catalogue with the log of its train users, on their scale, at the end.

    The column varies as much as a number of the vectors does on average.
    """
    users_I = np.asarray(items_had(asked.seen).sum(axis=0)).ravel()[asked.catalogue_I - 1]
    log_I = np.log1p(users_I)
    spread = np.sqrt(items_IE.var(axis=0, dtype=np.float64).mean())
    column_I = (log_I - log_I.mean()) * (spread or 1.0) / (log_I.std() or 1.0)
    return np.hstack([items_IE, column_I[:, None].astype(np.float32)])


@dataclass(frozen=True)
class Outcome:
    """One method on one question."""

    method: ItemMethod
    asked: AskedItems
    seeds: tuple[Rankings, ...]
    """The places of the targets, for each seed."""
    costs: Costs


def evaluate_next_items(
    questions: Sequence[AskedItems],
    methods: Sequence[ItemMethod],
    seeds: Sequence[int] = (0,),
    show: Callable[[str, int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Yield every method on every question, a question at a time.

    Args:
        questions: such as one for each service.
        methods: in the order of the table.
        seeds: of probes; a method without chance in it is fitted once.
        show: told the label, how many are done, and of how many.
    """
    total = len(questions) * len(methods)
    for q, asked in enumerate(questions):
        column_BN = asked.column_of(asked.candidates().items_UN)
        for m, method in enumerate(methods):
            if show is not None:
                show(f"{asked.name}: {method.label}", q * len(methods) + m, total)
            yield _outcome(method, asked, column_BN, seeds)


def _outcome(
    method: ItemMethod, asked: AskedItems, column_BN: Rows, seeds: Sequence[int]
) -> Outcome:
    found = []
    once = isinstance(method, ScoringMethod)
    for seed in seeds[:1] if once else seeds:
        began = time.perf_counter()
        fitted = method.fit(asked, seed)
        fit_seconds = time.perf_counter() - began
        found.append(rank_next_items(fitted.score, asked.test_targets, column_BN))
    place_B = np.arange(min(TIMED_USERS, asked.test_targets.num_users))
    began = time.perf_counter()
    fitted.score(place_B)
    rate = len(place_B) / max(time.perf_counter() - began, 1e-9)
    costs = Costs(fitted.weights, fitted.seconds_per_epoch, fitted.epochs, fit_seconds, rate)
    return Outcome(method, asked, tuple(found), costs)
