"""How well scores put the positives first: AUROC, average precision, recall at a precision.

Each metric is one formula over weights, so that a value and 10,000 bootstrap resamples of it come
from the same lines (evaluation D3, D4). Rows with tied scores are one step of the curve, whatever
order they stand in. With labels of one class only there is nothing to rank: the value is NaN.

Shapes: B rows that are judged, G distinct scores that a positive has, R resamples.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from habitus.metrics.arrays import (
    Array,
    Floats,
    Statistic,
    binary_labels,
    evaluate,
    scores_of,
    weights_of,
)


class RankedClasses:
    """Labels sorted by falling score, once, to be weighted many times.

    Both curves move in recall only where positives stand, so G steps describe them: a negative is
    counted at the first step that is not above it.
    """

    def __init__(self, labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> None:
        labels = binary_labels(labels_B)
        scores = scores_of(scores_B, len(labels))
        self.positive_B, self.negative_B = np.flatnonzero(labels), np.flatnonzero(~labels)
        steps_G, step_of_positive = np.unique(-scores[labels], return_inverse=True)
        step_of_negative = np.searchsorted(steps_G, -scores[~labels])
        self.positives_GB = _sums(step_of_positive, len(steps_G), len(self.positive_B))
        self.negatives_GB = _sums(step_of_negative, len(steps_G), len(self.negative_B))
        # Half of a tied negative counts at its own step, the other half at the next one.
        after = np.searchsorted(steps_G, -scores[~labels], side="right")
        self.has_ties = bool((after > step_of_negative).any())
        self.half_negatives_GB = (
            (self.negatives_GB + _sums(after, len(steps_G), len(self.negative_B))) * 0.5
            if self.has_ties
            else self.negatives_GB
        ).astype(np.float32)

    @property
    def one_class(self) -> bool:
        """True where there is nothing to rank."""
        return not (len(self.positive_B) and len(self.negative_B))

    def auroc(self, weights_BR: Array) -> Floats:
        """Return the weighted share of pairs (positive, negative) in the right order, ``(R)``."""
        if self.one_class:
            return np.full(weights_BR.shape[1], np.nan)
        negatives_BR = weights_BR[self.negative_B]
        positives_GR = self.positives_GB @ weights_BR[self.positive_B]
        below_GR = self.half_negatives_GB @ negatives_BR
        np.cumsum(below_GR, axis=0, out=below_GR)
        total_R = negatives_BR.sum(axis=0)
        num_positives_R = positives_GR.sum(axis=0, dtype=np.float64)
        np.subtract(total_R, below_GR, out=below_GR)
        np.multiply(positives_GR, below_GR, out=below_GR)
        return _ratio(below_GR.sum(axis=0, dtype=np.float64), num_positives_R * total_R)

    def auprc(self, weights_BR: Array) -> Floats:
        """Return the weighted average precision, ``(R)``."""
        if self.one_class:
            return np.full(weights_BR.shape[1], np.nan)
        positives_GR, found_GR, precision_GR = self._curve(weights_BR)
        np.multiply(precision_GR, positives_GR, out=precision_GR)
        return _ratio(precision_GR.sum(axis=0, dtype=np.float64), found_GR[-1])

    def recall_at_precision(self, weights_BR: Array, precision: float) -> Floats:
        """Return the largest recall at which the precision still is ``precision``, ``(R)``."""
        if self.one_class:
            return np.full(weights_BR.shape[1], np.nan)
        _, found_GR, precision_GR = self._curve(weights_BR)
        reached_R = np.where(precision_GR >= precision, found_GR, 0).max(axis=0)
        return _ratio(reached_R, found_GR[-1])

    def _curve(self, weights_BR: Array) -> tuple[Array, Array, Array]:
        """Return positives at each step, positives found by it, and the precision there."""
        positives_GR = self.positives_GB @ weights_BR[self.positive_B]
        found_GR = np.cumsum(positives_GR, axis=0)
        precision_GR = self.negatives_GB @ weights_BR[self.negative_B]
        np.cumsum(precision_GR, axis=0, out=precision_GR)
        np.add(precision_GR, found_GR, out=precision_GR)
        # 0 / 0 above the first row that was drawn: no positive stands there, any value will do.
        np.maximum(precision_GR, np.finfo(np.float32).tiny, out=precision_GR)
        np.divide(found_GR, precision_GR, out=precision_GR)
        return positives_GR, found_GR, precision_GR


def auroc(
    labels_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the area under the ROC curve; a tied pair counts one half; NaN with one class only.

    >>> auroc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])  # 3 of 4 pairs are in order
    0.75
    """
    statistic = auroc_statistic(labels_B, scores_B)
    return evaluate(statistic, weights_of(weights_B, len(np.asarray(labels_B))))


def auprc(
    labels_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the average precision, ties grouped; NaN with one class only.

    >>> round(auprc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)  # (1/1 + 2/3) / 2
    0.8333
    """
    statistic = auprc_statistic(labels_B, scores_B)
    return evaluate(statistic, weights_of(weights_B, len(np.asarray(labels_B))))


def recall_at_precision(
    labels_B: npt.ArrayLike,
    scores_B: npt.ArrayLike,
    precision: float,
    weights_B: npt.ArrayLike | None = None,
) -> float:
    """Return the largest recall whose precision is at least ``precision``; 0 where none is.

    >>> recall_at_precision([0, 1, 1], [0.5, 0.4, 0.9], precision=0.85)
    0.5
    """
    ranked = RankedClasses(labels_B, scores_B)
    weights_B1 = weights_of(weights_B, len(np.asarray(labels_B)))
    return evaluate(lambda weights: ranked.recall_at_precision(weights, precision), weights_B1)


def auroc_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return AUROC as a function of weights."""
    return RankedClasses(labels_B, scores_B).auroc


def auprc_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return average precision as a function of weights."""
    return RankedClasses(labels_B, scores_B).auprc


def recall_at_85_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return R@P85 (A-S21), the largest recall at a precision of .85, as a function of weights."""
    return partial(RankedClasses(labels_B, scores_B).recall_at_precision, precision=0.85)


def recall_at_50_statistic(labels_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return R@P50 (A-S21), the largest recall at a precision of .50, as a function of weights."""
    return partial(RankedClasses(labels_B, scores_B).recall_at_precision, precision=0.5)


def _sums(step: npt.NDArray[np.int64], num_steps: int, num_columns: int) -> csr_matrix:
    """Return the matrix that adds up columns by step; a step past the last one is left out."""
    inside = step < num_steps
    ones = np.ones(int(inside.sum()), np.float32)
    return csr_matrix(
        (ones, (step[inside], np.flatnonzero(inside))), shape=(num_steps, num_columns)
    )


def _ratio(above_R: Array, below_R: Array) -> Floats:
    """Return above / below, NaN where a resample has none of a class."""
    above_R, below_R = above_R.astype(np.float64), below_R.astype(np.float64)
    out_R: Floats = np.full(len(above_R), np.nan)
    return np.divide(above_R, below_R, out=out_R, where=below_R > 0)
