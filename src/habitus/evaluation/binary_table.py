"""A yes-or-no task in the honest table: each method's metrics, strata and calibration.

Shapes: B test rows, S seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.evaluation.asked import AskedTask
from habitus.evaluation.bootstrap import user_strata
from habitus.evaluation.comparing import Resampling, ScoreTable
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import Prediction
from habitus.evaluation.results import calibration_entry
from habitus.metrics import BINARY_METRICS, Statistic

Predictions = Mapping[tuple[str, str], Prediction]
"""(task, method) → what it says."""


class TaskTable(ScoreTable):
    """A yes-or-no task."""

    metrics = BINARY_METRICS

    def __init__(
        self, task: AskedTask, predictions: Predictions, traces: Traces, how: Resampling
    ) -> None:
        test = Snapshot(traces, task.test.cutoff, task.test.users_B)
        super().__init__(task.name, test, user_strata(task.test.y_B), how)
        self.task, self.predictions = task, predictions
        self.main_score = task.dated.task.main_score

    @override
    def statistics(self, metric: str, method: str, rows: Rows | None = None) -> list[Statistic]:
        kept = slice(None) if rows is None else rows
        y_B, scores_SB = self.task.test.y_B, self.predictions[self.name, method].scores_SB
        return [self.metrics[metric].statistic(y_B[kept], scores_B[kept]) for scores_B in scores_SB]

    @override
    def _metric(self, metric: str, method: str) -> dict[str, Any]:
        """Return a metric with its interval; the calibration error without one.

        It is a sum of distances: chance adds to it, and a resample adds chance once more, so that
        percentiles of resamples lie above the value and would often not hold it.
        """
        if metric != "ece":
            return super()._metric(metric, method)
        values = self.values(metric, method)
        return {"value": float(np.mean(values)), "low": None, "high": None, "seeds": values}

    def cell(self, method: Method) -> dict[str, Any]:
        """Return everything about the method in this task."""
        prediction = self.predictions[self.name, method.name]
        return {
            "task": self.name,
            "method": method.name,
            "probe": prediction.probe,
            "validation": prediction.validation,
            "metrics": self.metric_entries(method.name),
            "strata": {
                name: self._stratum(in_B, method.name) for name, in_B in self.strata.items()
            },
            "calibration": calibration_entry(self.task.test.y_B, prediction.scores_SB),
        }

    def _stratum(self, in_B: npt.NDArray[np.bool_], method: str) -> dict[str, Any]:
        sizes = {"num_users": int(in_B.sum()), "num_positive": int(self.task.test.y_B[in_B].sum())}
        return {**sizes, self.main_score: self.stratum_estimate(in_B, method)}
