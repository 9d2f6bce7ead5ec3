"""Scores of several tasks into means with paired intervals: AUC, R@P85, R@P50 (A-S21).

Users are drawn anew jointly: a resample draws the same people for all tasks and all rows.

Shapes: U test users of all tasks, B test rows of a task, S seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np

from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    distribution,
    estimate,
    paired_difference,
    resample_counts,
)
from habitus.evaluation.seesaw import METRICS
from habitus.metrics.arrays import Floats
from habitus.random import numpy_generator

AUC: Final = "auroc"
LABELS: Final[Mapping[str, str]] = {
    AUC: "AUC",
    "recall_at_85": "R@P85",
    "recall_at_50": "R@P50",
}
"""Metric → what tables call it."""


class PleTable:
    """All rows on the same resamples of the same test users.

    Args:
        together: whose test users.
        scores: row → task → scores ``(S, B)``; rows may have different numbers of seeds.
        num_resamples: of the users.
    """

    def __init__(
        self,
        together: AskedTogether,
        scores: Mapping[str, Mapping[str, Floats]],
        num_resamples: int,
    ) -> None:
        self.together, self.scores, self.num_resamples = together, scores, num_resamples
        self._kept: dict[tuple[str, str], tuple[tuple[float, ...], Floats]] = {}

    def estimate(self, row: str, metric: str = AUC) -> Estimate:
        """Return the mean of a metric over tasks, with its interval."""
        return estimate(*self._found(row, metric))

    def difference(self, row: str, against: str, metric: str = AUC) -> Difference:
        """Return one row less another, on the same resamples."""
        (ours_S, ours_R), (theirs_S, theirs_R) = (self._found(r, metric) for r in (row, against))
        return paired_difference(float(np.mean(ours_S)), float(np.mean(theirs_S)), ours_R, theirs_R)

    def _found(self, row: str, metric: str) -> tuple[tuple[float, ...], Floats]:
        """Return the mean over tasks: of each seed, and in each resample."""
        if (row, metric) not in self._kept:
            values_KS, dist_KR = [], []
            for task, asked in self.together.tasks.items():
                y_B, users_B = asked.test.y_B, asked.test.users_B
                statistics = [METRICS[metric](y_B, s_B) for s_B in self.scores[row][task]]
                ones_B1 = np.ones((len(y_B), 1))
                values_KS.append([float(statistic(ones_B1)[0]) for statistic in statistics])
                place_B = np.searchsorted(self._users_U, users_B)
                dist_KR.append(distribution(statistics, self._counts_UR, len(y_B), place_B))
            values_S = tuple(float(v) for v in np.mean(values_KS, axis=0))
            self._kept[row, metric] = values_S, np.mean(dist_KR, axis=0)
        return self._kept[row, metric]

    @cached_property
    def _users_U(self) -> np.ndarray:
        return np.unique(np.concatenate([t.test.users_B for t in self.together.tasks.values()]))

    @cached_property
    def _counts_UR(self) -> Counts:
        strata_U = np.zeros(len(self._users_U), np.int64)
        generator = numpy_generator(0, "bootstrap", "PLE")
        return resample_counts(strata_U, self.num_resamples, generator)
