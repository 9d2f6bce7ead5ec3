"""Who is reached when a budget goes to the highest scores: reach, conversion and value.

Under a budget of a share ``b`` of the people, those with the highest scores are targeted until the
budget is spent; people with one score share what is left of it evenly, which is the mean over all
orders in which they could stand.

- reach: share of all responders who are targeted;
- conversion: share of the targeted who respond;
- value: mean value of the targeted.

Shapes: B people, G distinct scores, R resamples, S seeds, U people of all campaigns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    estimate,
    paired_difference,
    resample_counts,
)
from habitus.metrics.arrays import Floats
from habitus.random import numpy_generator
from habitus.registry import did_you_mean

MEASURES: Final = ("reach", "conversion", "value")


@dataclass(frozen=True)
class Campaign:
    """People who could be targeted, what they then did, and what each method says of them."""

    name: str
    users_B: Rows
    """Ascending, each once."""
    responds_B: Floats
    """0 or 1."""
    value_B: Floats
    """What they spend in the window, in money; it may be below 0 where returns count."""
    scores: Mapping[str, Floats]
    """Method → scores of each seed, ``(S, B)``; the highest are targeted."""

    def __post_init__(self) -> None:
        for method, scores_SB in self.scores.items():
            if scores_SB.ndim != 2 or scores_SB.shape[1] != len(self.users_B):
                raise DataError(
                    f"{self.name}: scores of {method} are {scores_SB.shape}, and "
                    f"{len(self.users_B)} people could be targeted"
                )


class Targeted:
    """A ranking of people, to be weighted many times."""

    def __init__(self, scores_B: Floats, responds_B: Floats, value_B: Floats) -> None:
        self.order_B = np.argsort(-scores_B, kind="stable")
        sorted_B = scores_B[self.order_B]
        self.starts_G = np.flatnonzero(np.r_[True, sorted_B[1:] != sorted_B[:-1]])
        self.responds_B1 = responds_B[self.order_B][:, None]
        self.value_B1 = value_B[self.order_B][:, None]

    def measure(self, weights_BR: Floats, budget: float) -> dict[str, Floats]:
        """Return each measure at a budget, ``(R)``; NaN where nobody responds, or nobody is there.

        Args:
            weights_BR: how often each person is there.
            budget: share of them who can be targeted.

        Raises:
            UsageError: a budget that is no share.
        """
        if not 0 < budget <= 1:
            raise UsageError(f"a budget must be above 0 and at most 1, got {budget}")
        weights_BR = weights_BR[self.order_B]
        people_GR = np.add.reduceat(weights_BR, self.starts_G)
        responders_GR = np.add.reduceat(weights_BR * self.responds_B1, self.starts_G)
        value_GR = np.add.reduceat(weights_BR * self.value_B1, self.starts_G)
        before_GR = np.cumsum(people_GR, axis=0) - people_GR
        spent_R = budget * people_GR.sum(axis=0)
        taken_GR = np.clip(spent_R - before_GR, 0.0, people_GR)
        share_GR = np.divide(taken_GR, people_GR, out=np.zeros_like(taken_GR), where=people_GR > 0)
        reached_R = (share_GR * responders_GR).sum(axis=0)
        return {
            "reach": _ratio(reached_R, responders_GR.sum(axis=0)),
            "conversion": _ratio(reached_R, spent_R),
            "value": _ratio((share_GR * value_GR).sum(axis=0), spent_R),
        }


class TargetingTable:
    """All methods on the same resamples of the same people, drawn jointly for all campaigns.

    Args:
        campaigns: what is replayed.
        budgets: shares of the people.
        num_resamples: of the people.

    Raises:
        UsageError: no campaign.
    """

    def __init__(
        self, campaigns: Sequence[Campaign], budgets: Sequence[float], num_resamples: int
    ) -> None:
        if not campaigns:
            raise UsageError("a replay needs a campaign or more, got none")
        self.campaigns, self.budgets = list(campaigns), tuple(budgets)
        self.num_resamples = num_resamples
        self._kept: dict[tuple[str, str, float], dict[str, tuple[Floats, Floats]]] = {}

    def estimate(
        self, method: str, measure: str, budget: float, campaigns: Sequence[str] | None = None
    ) -> Estimate:
        """Return a measure with its interval: the mean over campaigns; None for all."""
        values_S, dist_R = self._mean(method, measure, budget, campaigns)
        return estimate(tuple(float(v) for v in values_S), dist_R)

    def difference(
        self,
        method: str,
        against: str,
        measure: str,
        budget: float,
        campaigns: Sequence[str] | None = None,
    ) -> Difference:
        """Return one method less another, on the same resamples."""
        (ours_S, ours_R), (theirs_S, theirs_R) = (
            self._mean(name, measure, budget, campaigns) for name in (method, against)
        )
        return paired_difference(float(ours_S.mean()), float(theirs_S.mean()), ours_R, theirs_R)

    def _mean(
        self, method: str, measure: str, budget: float, names: Sequence[str] | None
    ) -> tuple[Floats, Floats]:
        if measure not in MEASURES:
            raise UsageError(f"no measure {measure!r}; {did_you_mean(measure, MEASURES)}")
        chosen = [c for c in self.campaigns if names is None or c.name in names]
        found = [self._measured(campaign, method, budget)[measure] for campaign in chosen]
        values_S, dist_R = (np.mean([f[i] for f in found], axis=0) for i in (0, 1))
        return values_S, dist_R

    def _measured(
        self, campaign: Campaign, method: str, budget: float
    ) -> dict[str, tuple[Floats, Floats]]:
        """Return each measure on the people as they are, by seed, and in each resample."""
        key = (campaign.name, method, budget)
        if key not in self._kept:
            place_B = np.searchsorted(self._users_U, campaign.users_B)
            weights_BR = self._counts_UR[place_B].astype(np.float64)
            ones_B1 = np.ones((len(place_B), 1))
            values: list[dict[str, Floats]] = []
            draws: list[dict[str, Floats]] = []
            for scores_B in campaign.scores[method]:
                ranked = Targeted(scores_B, campaign.responds_B, campaign.value_B)
                values.append(ranked.measure(ones_B1, budget))
                draws.append(ranked.measure(weights_BR, budget))
            self._kept[key] = {
                m: (
                    np.array([v[m][0] for v in values]),
                    np.mean([d[m] for d in draws], axis=0),
                )
                for m in MEASURES
            }
        return self._kept[key]

    @cached_property
    def _users_U(self) -> Rows:
        users: Rows = np.unique(np.concatenate([c.users_B for c in self.campaigns]))
        return users

    @cached_property
    def _counts_UR(self) -> Counts:
        strata_U = np.zeros(len(self._users_U), np.int64)
        generator = numpy_generator(0, "bootstrap", "targeting")
        return resample_counts(strata_U, self.num_resamples, generator)


def _ratio(above_R: Floats, below_R: Floats) -> Floats:
    out_R: Floats = np.full(len(above_R), np.nan)
    return np.divide(above_R, below_R, out=out_R, where=below_R > 0)
