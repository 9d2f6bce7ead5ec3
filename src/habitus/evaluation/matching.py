"""Held-out matching: given what a user did on one service, find the same user on another.

Every user of the pool is looked for among all users of the pool who have texts on both services, by
the cosine of slots, from each service to each other. A user's value is the mean over the user's
queries; users are resampled, the same for all methods, so every difference is paired (D4).

Shapes: N users of the pool, K services, E width of a slot, Q queries, S seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from habitus.comparisons.service_words import service_texts
from habitus.data.posts import AUTO
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, GuardError
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    distribution,
    estimate,
    paired_difference,
    resample_counts,
)
from habitus.evaluation.comparing import Resampling
from habitus.metrics import hits, mean_statistic, reciprocal_ranks
from habitus.metrics.arrays import Floats
from habitus.metrics.matching import Matched, match
from habitus.random import numpy_generator

METRICS: Final = ("R@1", "R@10", "MRR")
MAIN: Final = "R@10"
"""What claims rest on: R@1 is of few people."""


class Matches(Protocol):
    """Anything with a vector for each user and service."""

    @property
    def services(self) -> Sequence[str | None]:
        """The service of each slot; None for one of no known service."""
        ...

    def slots(self, snapshot: Snapshot) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return a vector for each user and service, ``(U, K, E)``, and which are there."""
        ...


class Direction(NamedTuple):
    """From one service to another."""

    query: str
    answer: str
    place_Q: Rows
    """Users of the pool who have texts on both: who is looked for, and among whom."""


class MatchingTask:
    """Who is looked for among whom, in each direction.

    Args:
        snapshot: the pool, at the cutoff.
        text: which texts make somebody present on a service.

    Raises:
        DataError: the traces have no texts.
        GuardError: no two users have texts on the same two services.
    """

    def __init__(self, snapshot: Snapshot, text: str = AUTO) -> None:
        self.snapshot = snapshot
        found = service_texts(snapshot, text=text)
        pairs = list(permutations(range(len(found.services)), 2))
        both = [np.flatnonzero(found.present_UK[:, a] & found.present_UK[:, b]) for a, b in pairs]
        self.directions = [
            Direction(found.services[a], found.services[b], place_Q)
            for (a, b), place_Q in zip(pairs, both, strict=True)
            if len(place_Q) > 1
        ]
        if not self.directions:
            raise GuardError(
                f"of {snapshot.num_users} users nobody can be looked for: two of them must have "
                f"texts on the same two services before the cutoff"
            )
        self.places_N = np.unique(np.concatenate([d.place_Q for d in self.directions]))
        """Users of the pool who are looked for at all."""

    def match(self, method: Matches) -> Matching:
        """Return where a method puts everybody.

        Of a service without a slot, such as one that no training user was on, it says nothing:
        nobody is there.

        Raises:
            DataError: no two services with slots, or slots that are no vectors.
        """
        z_UKE, present_UK = method.slots(self.snapshot)
        slot_of = {name: k for k, name in enumerate(method.services)}
        known = [{d.query, d.answer} <= slot_of.keys() for d in self.directions]
        if not any(known):
            raise DataError(
                f"the method has slots for {', '.join(map(str, method.services))}, and people are "
                f"looked for across {', '.join(sorted({d.query for d in self.directions}))}"
            )
        found = []
        for direction in self.directions:
            place_Q = direction.place_Q
            slots = [slot_of.get(name) for name in (direction.query, direction.answer)]
            sides = [z_UKE[place_Q, k or 0] for k in slots]
            there = [present_UK[place_Q, k or 0] & (k is not None) for k in slots]
            found.append(match(*sides, *there))
        return Matching(self, found)

    def chance(self) -> Matching:
        """Return what is found if everybody is as near: arithmetic."""
        sizes = [len(direction.place_Q) for direction in self.directions]
        tied = [Matched(np.zeros(size, np.int64), np.full(size, size - 1)) for size in sizes]
        return Matching(self, tied)


@dataclass(frozen=True)
class Matching:
    """The place of each user in each direction."""

    task: MatchingTask
    found: Sequence[Matched]
    """One for each direction."""

    def values(self) -> dict[str, Floats]:
        """Return each user's metrics, the mean over the user's queries, ``(N)`` each."""
        place_Q = np.concatenate([d.place_Q for d in self.task.directions])
        user_Q = np.searchsorted(self.task.places_N, place_Q)
        parts = [_metrics(matched) for matched in self.found]
        return {
            name: np.bincount(user_Q, np.concatenate([p[name] for p in parts]))
            / np.bincount(user_Q)
            for name in METRICS
        }

    def by_direction(self) -> dict[str, dict[str, float]]:
        """Return the mean of each metric in each direction."""
        return {
            f"{direction.query} to {direction.answer}": {
                name: float(value_Q.mean()) for name, value_Q in _metrics(matched).items()
            }
            for direction, matched in zip(self.task.directions, self.found, strict=True)
        }


class MatchingTable:
    """Several methods on the same users and resamples; a method may have several seeds.

    Args:
        found: name → what each seed of it found.
        how: how often users are drawn anew.
        some_N: which users count, ``(N)``, each still looked for among all; None for everybody.

    Raises:
        GuardError: fewer than two users count.
    """

    def __init__(
        self,
        found: Mapping[str, Sequence[Matching]],
        how: Resampling,
        some_N: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self.found = found
        self.how = how
        task = next(iter(found.values()))[0].task
        some_N = np.ones(len(task.places_N), bool) if some_N is None else some_N
        if some_N.sum() < 2:
            raise GuardError(f"{some_N.sum()} of {len(some_N)} users count: give two or more")
        self.num_users = int(some_N.sum())
        self._values = {
            name: [{metric: of_N[some_N] for metric, of_N in one.values().items()} for one in seeds]
            for name, seeds in found.items()
        }
        self._dists: dict[tuple[str, str], Floats] = {}

    @cached_property
    def counts_NR(self) -> Counts:
        """How often each resample draws each user."""
        generator = numpy_generator(self.how.seed, "bootstrap", "matching")
        zeros_N = np.zeros(self.num_users, np.int64)
        return resample_counts(zeros_N, self.how.num_resamples, generator)

    def estimate(self, name: str, metric: str) -> Estimate:
        """Return a metric of a method, the mean over its seeds, with its interval."""
        values = [float(values[metric].mean()) for values in self._values[name]]
        return estimate(values, self._distribution(name, metric))

    def difference(self, name: str, against: str, metric: str = MAIN) -> Difference:
        """Return one method less another."""
        ours, theirs = (self.estimate(n, metric).value for n in (name, against))
        return paired_difference(
            ours, theirs, self._distribution(name, metric), self._distribution(against, metric)
        )

    def _distribution(self, name: str, metric: str) -> Floats:
        if (name, metric) not in self._dists:
            statistics = [mean_statistic(values[metric]) for values in self._values[name]]
            dist_R = distribution(statistics, self.counts_NR, len(self.counts_NR))
            self._dists[name, metric] = dist_R
        return self._dists[name, metric]


def estimate_entry(found: Estimate | Difference) -> dict[str, Any]:
    """Return a value and its interval, as tables of pages hold them."""
    return {"value": found.value, "low": found.low, "high": found.high}


def _metrics(matched: Matched) -> dict[str, Floats]:
    return {"R@1": hits(*matched, 1), "R@10": hits(*matched, 10), "MRR": reciprocal_ranks(*matched)}
