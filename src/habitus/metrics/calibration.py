"""Whether probabilities mean what they say: log loss, Brier score, calibration error and curve.

Bins hold equally many rows, and rows with one probability are never parted: so a constant
prediction has one bin, and the order of rows does not matter.

Shapes: B rows that are judged, N bins, R resamples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import UsageError
from habitus.metrics.arrays import (
    Array,
    Floats,
    Statistic,
    binary_labels,
    evaluate,
    probabilities_of,
    weights_of,
)

NUM_BINS = 10


class Reliability(NamedTuple):
    """The calibration curve: bins by rising probability, empty ones left out."""

    predicted_N: Floats
    """Mean probability of each bin."""
    observed_N: Floats
    """Share of positives in each bin."""
    count_N: Floats
    """Rows of each bin, weighted."""


def log_loss(
    labels_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the mean negative log-likelihood in nats; probabilities are kept off 0 and 1 by 2e-16.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)  # ln 2
    0.6931
    """
    statistic = log_loss_statistic(labels_B, scores_B)
    return evaluate(statistic, weights_of(weights_B, len(np.asarray(labels_B))))


def brier(
    labels_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the mean squared distance of the probability from the label.

    >>> brier([1, 0], [0.5, 0.0])  # (0.25 + 0) / 2
    0.125
    """
    statistic = brier_statistic(labels_B, scores_B)
    return evaluate(statistic, weights_of(weights_B, len(np.asarray(labels_B))))


def expected_calibration_error(
    labels_B: npt.ArrayLike,
    scores_B: npt.ArrayLike,
    weights_B: npt.ArrayLike | None = None,
    num_bins: int = NUM_BINS,
) -> float:
    """Return the mean distance of predicted from observed over equal-count bins.

    >>> expected_calibration_error([1, 0], [0.5, 0.5])
    0.0
    """
    statistic = ece_statistic(labels_B, scores_B, num_bins)
    return evaluate(statistic, weights_of(weights_B, len(np.asarray(labels_B))))


def reliability_curve(
    labels_B: npt.ArrayLike,
    scores_B: npt.ArrayLike,
    weights_B: npt.ArrayLike | None = None,
    num_bins: int = NUM_BINS,
) -> Reliability:
    """Return predicted and observed share of positives per equal-count bin."""
    labels = binary_labels(labels_B)
    scores = probabilities_of(scores_B, len(labels))
    weights = weights_of(weights_B, len(labels))[:, 0]
    bin_B = equal_count_bins(scores, num_bins)
    count_N = np.bincount(bin_B, weights, num_bins).astype(np.float64)
    kept = count_N > 0
    predicted_N = np.bincount(bin_B, weights * scores, num_bins)[kept] / count_N[kept]
    observed_N = np.bincount(bin_B, weights * labels, num_bins)[kept] / count_N[kept]
    return Reliability(predicted_N, observed_N, count_N[kept])


def equal_count_bins(scores_B: Floats, num_bins: int = NUM_BINS) -> npt.NDArray[np.int64]:
    """Return the bin of each row; tied rows share the bin that their middle falls in."""
    if num_bins < 1:
        raise UsageError(f"num_bins must be at least 1, got {num_bins}")
    _, value_B, count_V = np.unique(scores_B, return_inverse=True, return_counts=True)
    middle_B = (np.cumsum(count_V) - count_V / 2)[value_B] / max(1, len(scores_B))
    return np.asarray(np.minimum(middle_B * num_bins, num_bins - 1), np.int64)


def log_loss_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return log loss as a function of weights."""
    labels = binary_labels(labels_B)
    tiny = np.finfo(np.float64).eps
    scores = np.clip(probabilities_of(scores_B, len(labels)), tiny, 1 - tiny)
    return mean_statistic(-np.log(np.where(labels, scores, 1 - scores)))


def brier_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return the Brier score as a function of weights."""
    labels = binary_labels(labels_B)
    return mean_statistic((probabilities_of(scores_B, len(labels)) - labels) ** 2)


def ece_statistic(
    labels_B: npt.ArrayLike, scores_B: npt.ArrayLike, num_bins: int = NUM_BINS
) -> Statistic:
    """Return the calibration error as a function of weights; the bins stay those of all rows."""
    labels = binary_labels(labels_B)
    scores = probabilities_of(scores_B, len(labels))
    in_bin_NB = equal_count_bins(scores, num_bins) == np.arange(num_bins)[:, None]
    gap_NB = in_bin_NB * (scores - labels)

    def statistic(weights_BR: Array) -> Floats:
        distance_R = np.abs(gap_NB @ weights_BR).sum(axis=0)
        return np.asarray(distance_R / weights_BR.sum(axis=0, dtype=np.float64))

    return statistic


def mean_statistic(values_B: Floats) -> Statistic:
    """Return the weighted mean of values as a function of weights."""

    def statistic(weights_BR: Array) -> Floats:
        weights_BR = weights_BR.astype(np.float64, copy=False)
        return np.asarray((values_B @ weights_BR) / weights_BR.sum(axis=0))

    return statistic
