"""Metrics: arrays in, float out. Nothing here knows users, tasks or methods.

:data:`BINARY_METRICS` is the table that the evaluation and its bootstrap read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy.typing as npt

from habitus.metrics.arrays import Statistic
from habitus.metrics.binary import (
    RankedClasses,
    auprc,
    auprc_statistic,
    auroc,
    auroc_statistic,
    recall_at_precision,
)
from habitus.metrics.calibration import (
    Reliability,
    brier,
    brier_statistic,
    ece_statistic,
    equal_count_bins,
    expected_calibration_error,
    log_loss,
    log_loss_statistic,
    mean_statistic,
    reliability_curve,
)
from habitus.metrics.classes import accuracy, macro_f1
from habitus.metrics.ranking import (
    gains,
    gini,
    hit_rate,
    hits,
    mrr,
    ndcg,
    novelty,
    reciprocal_ranks,
)


class BinaryMetric(NamedTuple):
    """A metric of 0/1 labels and scores, and which way is better."""

    label: str
    """What tables and plots call it."""
    statistic: Callable[[npt.ArrayLike, npt.ArrayLike], Statistic]
    """Labels and scores in, a function of weights out."""
    higher_is_better: bool


BINARY_METRICS: Final[dict[str, BinaryMetric]] = {
    "auroc": BinaryMetric("AUROC", auroc_statistic, True),
    "auprc": BinaryMetric("AUPRC", auprc_statistic, True),
    "log_loss": BinaryMetric("log loss", log_loss_statistic, False),
    "brier": BinaryMetric("Brier score", brier_statistic, False),
    "ece": BinaryMetric("calibration error", ece_statistic, False),
}

__all__ = [
    "BINARY_METRICS",
    "BinaryMetric",
    "RankedClasses",
    "Reliability",
    "Statistic",
    "accuracy",
    "auprc",
    "auroc",
    "brier",
    "equal_count_bins",
    "expected_calibration_error",
    "gains",
    "gini",
    "hit_rate",
    "hits",
    "log_loss",
    "macro_f1",
    "mean_statistic",
    "mrr",
    "ndcg",
    "novelty",
    "recall_at_precision",
    "reciprocal_ranks",
    "reliability_curve",
]
