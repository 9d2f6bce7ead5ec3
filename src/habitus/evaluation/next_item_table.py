"""Next-item outcomes into figures: intervals over people, uplift, strata (D4, D6, A-C27).

People are resampled whole, with all they were asked on several services. A stratum is one of its
service: cold and heavy by the length of the history, new where there are dates (C25).

Shapes: B questions of all services, U users, S seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from habitus.data.traces import Rows
from habitus.errors import UsageError
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    distribution,
    estimate,
    paired_difference,
    resample_counts,
)
from habitus.evaluation.feasibility import Feasibility, check_row
from habitus.evaluation.next_item import Outcome
from habitus.evaluation.strata import strata_of
from habitus.metrics import Statistic
from habitus.metrics.arrays import Floats
from habitus.random import numpy_generator

Kind = Literal["full", "sampled"]
Mask = npt.NDArray[np.bool_]
CHECKED: Final = ("HR@1", "NDCG@10", "MRR")
"""Metrics of one row that must be able to belong together."""
MIN_IN_STRATUM: Final = 10
"""Questions below which a stratum has no score worth printing."""


@dataclass(frozen=True)
class NextItemTable:
    """All methods on the questions of all services, on the same resamples.

    Args:
        outcomes: each method on each question, as
            :func:`~habitus.evaluation.next_item.evaluate_next_items` yields them.
        num_resamples: of the users.
        seed: of the resamples.
    """

    outcomes: Sequence[Outcome]
    num_resamples: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.outcomes:
            raise UsageError("a table of next items needs an outcome")

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods, in order."""
        return list(dict.fromkeys(o.method.name for o in self.outcomes))

    @cached_property
    def services(self) -> list[str]:
        """Names of the questions, in order."""
        return list(dict.fromkeys(o.asked.name for o in self.outcomes))

    @cached_property
    def user_B(self) -> Rows:
        """Place of the user of each question among :attr:`counts_UR`."""
        users = [o.asked.test.history.users_U for o in self._of(self.methods[0])]
        return np.unique(np.concatenate(users), return_inverse=True)[1]

    @cached_property
    def counts_UR(self) -> Counts:
        """How often each resample draws each user."""
        generator = numpy_generator(self.seed, "bootstrap", "next_item")
        nothing_U = np.zeros(self.user_B.max() + 1, np.int64)
        return resample_counts(nothing_U, self.num_resamples, generator)

    @cached_property
    def strata(self) -> Mapping[str, Mask]:
        """Which questions are in each stratum, and ``all``."""
        found = [strata_of(o.asked.test.history) for o in self._of(self.methods[0])]
        names = [name for name in ("new", "cold", "mid", "heavy") if all(name in f for f in found)]
        parts = {str(n): np.concatenate([f[n] for f in found]) for n in names}  # type: ignore[index]
        return {"all": np.ones(len(self.user_B), np.bool_), **parts}

    def of_service(self, service: str) -> Mask:
        """Return which questions are of a service."""
        first = self._of(self.methods[0])
        sizes = [o.asked.test_targets.num_users for o in first]
        return np.repeat([o.asked.name == service for o in first], sizes)

    def values(self, method: str, metric: str, kind: Kind = "full") -> Floats:
        """Return the metric of each seed and question, ``(S, B)``."""
        outcomes = self._of(method)
        seeds = range(min(len(o.seeds) for o in outcomes))
        found = [
            [getattr(o.seeds[seed], kind).values()[metric] for o in outcomes] for seed in seeds
        ]
        return np.stack([np.concatenate(parts) for parts in found])

    def score(
        self, method: str, metric: str, kind: Kind = "full", chosen_B: Mask | None = None
    ) -> Estimate | None:
        """Return the mean over questions, with its interval; None for too few of them."""
        values_SB, rows = self.values(method, metric, kind), self._rows(chosen_B)
        if len(rows) < MIN_IN_STRATUM:
            return None
        each = tuple(float(v) for v in values_SB[:, rows].mean(axis=1))
        return estimate(each, self._distribution(values_SB, rows))

    def difference(
        self,
        method: str,
        against: str,
        metric: str,
        kind: Kind = "full",
        chosen_B: Mask | None = None,
    ) -> Difference | None:
        """Return one method less another, paired; None for too few questions."""
        rows = self._rows(chosen_B)
        if len(rows) < MIN_IN_STRATUM:
            return None
        ours_SB, theirs_SB = (self.values(name, metric, kind) for name in (method, against))
        return paired_difference(
            float(ours_SB[:, rows].mean()),
            float(theirs_SB[:, rows].mean()),
            self._distribution(ours_SB, rows),
            self._distribution(theirs_SB, rows),
        )

    def impossible(self) -> dict[str, Feasibility]:
        """Return the rows of our own table that cannot be, and why: none, if all is well.

        Each service is checked by itself, against the most candidates that anybody has there.
        """
        found = {}
        for outcome in self.outcomes:
            for kind in ("full", "sampled"):
                ranking = getattr(outcome.seeds[0], kind)
                means = ranking.metrics()
                row = {metric: means[metric] for metric in CHECKED}
                checked = check_row(row, int(ranking.num_candidates_U.max()))
                if not checked.possible:
                    found[f"{outcome.asked.name}, {outcome.method.label}, {kind}"] = checked
        return found

    def entry(self, found: Estimate | Difference | None) -> dict[str, Any] | None:
        """Return what a table of an analysis shows of a figure."""
        if found is None:
            return None
        return {"value": found.value, "low": found.low, "high": found.high}

    def _of(self, method: str) -> list[Outcome]:
        return [o for o in self.outcomes if o.method.name == method]

    def _rows(self, chosen_B: Mask | None) -> Rows:
        return np.arange(len(self.user_B)) if chosen_B is None else np.flatnonzero(chosen_B)

    def _distribution(self, values_SB: Floats, rows: Rows) -> Floats:
        statistics = [_weighted_mean(values_B[rows]) for values_B in values_SB]
        return distribution(statistics, self.counts_UR, len(rows), self.user_B[rows])


def _weighted_mean(values_B: Floats) -> Statistic:
    def mean(weights_BR: npt.NDArray[Any]) -> Floats:
        total_R = weights_BR.sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample without the stratum
            return np.asarray(values_B @ weights_BR / total_R, np.float64)

    return mean
