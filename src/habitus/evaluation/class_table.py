"""A class task in the honest table: accuracy and macro-F1, by seed, by split, by stratum (A-P21).

Shapes: B test rows, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.data.traces import Rows
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.class_predictions import ClassPrediction, guessed_macro_f1, said
from habitus.evaluation.comparing import Resampling, ScoreTable
from habitus.evaluation.features import Method
from habitus.metrics import CLASS_METRICS, Statistic
from habitus.tasks.classes import Classes

Floats = npt.NDArray[np.float64]
Fits = Sequence[ClassPrediction]
"""What a method says of one task, by probe seed."""
Scores = Mapping[str, float]
"""Metric → value."""


class ClassTable(ScoreTable):
    """A class task under the fixed split.

    Args:
        asked: the task.
        fits: by method; one that was left out of this task is not there.
        how: resamples.
    """

    metrics = CLASS_METRICS

    def __init__(self, asked: AskedClasses, fits: Mapping[str, Fits], how: Resampling) -> None:
        super().__init__(asked.name, asked.snapshot(asked.test.users_B), asked.test.y_B, how)
        self.asked, self.fits = asked, fits
        self.main_score = asked.task.main_score

    @override
    def statistics(self, metric: str, method: str, rows: Rows | None = None) -> list[Statistic]:
        kept = slice(None) if rows is None else rows
        y_B, fits = self.asked.test.y_B[kept], self.fits[method]
        return [class_statistic(metric, y_B, fit.probability_BC[kept]) for fit in fits]

    @property
    @override
    def num_classes(self) -> int:
        return len(self.asked.classes)

    def cell(self, method: Method, splits: Mapping[int, Scores | None]) -> dict[str, Any]:
        """Return everything about the method in this task.

        Args:
            method: one that was run.
            splits: the metrics under each random split, None where it was not run.
        """
        first = self.fits[method.name][0]
        return {
            "task": self.name,
            "method": method.name,
            "probe": first.probe,
            "validation": {} if first.probe is None else {first.probe: first.validation},
            "metrics": self.metric_entries(method.name),
            "strata": {n: self._stratum(in_B, method.name) for n, in_B in self.strata.items()},
            "splits": {str(seed): values for seed, values in splits.items()},
        }

    def _stratum(self, in_B: npt.NDArray[np.bool_], method: str) -> dict[str, Any]:
        found = self.stratum_estimate(in_B, method)
        return {"num_users": int(in_B.sum()), self.main_score: found}


def class_statistic(metric: str, y_B: Classes, probability_BC: Floats) -> Statistic:
    """Return a metric of the likeliest classes as a function of weights.

    Where several classes are likeliest, each is guessed as often; the value of macro-F1 is then the
    mean over draws of the guesses (B-1), and weights move it as they move that of expected counts.
    """
    said_BC = said(probability_BC)
    plain = CLASS_METRICS[metric].statistic(y_B, said_BC)
    if metric != "macro_f1" or said_BC.max(axis=1).min() == 1:
        return plain
    shift = guessed_macro_f1(y_B, said_BC) - plain(np.ones((len(y_B), 1)))[0]
    return lambda weights_BR: plain(weights_BR) + shift


def scores(y_B: Classes, fit: ClassPrediction) -> dict[str, float]:
    """Return every metric of one fit."""
    ones_B1 = np.ones((len(y_B), 1))
    return {
        metric: float(class_statistic(metric, y_B, fit.probability_BC)(ones_B1)[0])
        for metric in CLASS_METRICS
    }
