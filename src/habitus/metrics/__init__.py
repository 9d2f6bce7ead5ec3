"""Metrics: arrays in, float out. Nothing here knows users, tasks or methods.

:data:`BINARY_METRICS`, :data:`CLASS_METRICS` and :data:`NUMBER_METRICS` are what the evaluation and
its bootstrap read.
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
from habitus.metrics.classes import accuracy, accuracy_statistic, macro_f1, macro_f1_statistic
from habitus.metrics.numbers import (
    r_squared,
    r_squared_statistic,
    spearman,
    spearman_statistic,
)
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


class Metric(NamedTuple):
    """A metric of labels and what was said of them, and which way is better."""

    label: str
    """What tables and plots call it."""
    statistic: Callable[[npt.ArrayLike, npt.ArrayLike], Statistic]
    """Labels and scores in, a function of weights out."""
    higher_is_better: bool


BINARY_METRICS: Final[dict[str, Metric]] = {
    "auroc": Metric("AUROC", auroc_statistic, True),
    "auprc": Metric("AUPRC", auprc_statistic, True),
    "log_loss": Metric("log loss", log_loss_statistic, False),
    "brier": Metric("Brier score", brier_statistic, False),
    "ece": Metric("calibration error", ece_statistic, False),
}
CLASS_METRICS: Final[dict[str, Metric]] = {
    "macro_f1": Metric("macro-F1", macro_f1_statistic, True),
    "accuracy": Metric("accuracy", accuracy_statistic, True),
}
NUMBER_METRICS: Final[dict[str, Metric]] = {
    "spearman": Metric("Spearman's ρ", spearman_statistic, True),
    "r_squared": Metric("R²", r_squared_statistic, True),
}

__all__ = [
    "BINARY_METRICS",
    "CLASS_METRICS",
    "NUMBER_METRICS",
    "Metric",
    "RankedClasses",
    "Reliability",
    "Statistic",
    "accuracy",
    "accuracy_statistic",
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
    "macro_f1_statistic",
    "mean_statistic",
    "mrr",
    "ndcg",
    "novelty",
    "r_squared",
    "recall_at_precision",
    "reciprocal_ranks",
    "reliability_curve",
    "spearman",
]
