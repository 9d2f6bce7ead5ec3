"""How well numbers are foretold: Spearman's ρ and R².

Each is one formula over weights, as in :mod:`habitus.metrics.binary`: a value and its bootstrap
resamples come from the same lines. Spearman's ρ asks for the order alone and bears amounts with a
long tail; R² asks for the amounts themselves and may be below 0.

Shapes: B rows that are judged, G distinct values, R resamples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.metrics.arrays import (
    Array,
    Floats,
    Statistic,
    evaluate,
    one_dimensional,
    scores_of,
    weights_of,
)


def spearman(
    y_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the correlation of ranks, ties at their mean rank.

    0 where all scores are one, which say nothing of the order; NaN where all answers are one.

    >>> round(spearman([1, 2, 3, 4], [1, 3, 2, 4]), 6)  # 1 - 6 · (1 + 1) / (4 · 15)
    0.8
    """
    return evaluate(spearman_statistic(y_B, scores_B), weights_of(weights_B, len(numbers_of(y_B))))


def r_squared(
    y_B: npt.ArrayLike, scores_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the share of the variance that is explained; NaN where all answers are one.

    >>> r_squared([0, 2], [0, 1])  # squared errors 0 + 1, about the mean 1 + 1
    0.5
    """
    statistic = r_squared_statistic(y_B, scores_B)
    return evaluate(statistic, weights_of(weights_B, len(numbers_of(y_B))))


def spearman_statistic(y_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return Spearman's ρ as a function of weights."""
    y = numbers_of(y_B)
    of_answers, of_scores = _Ranks(y), _Ranks(scores_of(scores_B, len(y)))

    def statistic(weights_BR: Array) -> Floats:
        total_R = weights_BR.sum(axis=0, dtype=np.float64)
        answer_BR, score_BR = of_answers(weights_BR), of_scores(weights_BR)
        # Mid-ranks have the mean total / 2, whatever is tied.
        answer_BR -= total_R / 2
        score_BR -= total_R / 2
        both_R, answer_R, score_R = (
            np.einsum("br,br,br->r", weights_BR, one_BR, other_BR)
            for one_BR, other_BR in (
                (answer_BR, score_BR),
                (answer_BR, answer_BR),
                (score_BR, score_BR),
            )
        )
        size_R = np.sqrt(answer_R * score_R)
        out_R: Floats = np.where(answer_R > 0, 0.0, np.nan)
        np.divide(both_R, size_R, out=out_R, where=size_R > 0)
        return out_R

    return statistic


def r_squared_statistic(y_B: npt.ArrayLike, scores_B: npt.ArrayLike) -> Statistic:
    """Return R² as a function of weights; the mean is that of the resample."""
    y = numbers_of(y_B)
    error_B = (y - scores_of(scores_B, len(y))) ** 2
    # About the mean of all: else the squares of large numbers would swallow their differences.
    centred_B = y - y.mean()

    def statistic(weights_BR: Array) -> Floats:
        weights_BR = weights_BR.astype(np.float64)
        total_R = weights_BR.sum(axis=0)
        mean_R = np.divide(
            centred_B @ weights_BR, total_R, out=np.zeros_like(total_R), where=total_R > 0
        )
        # Differences and not squares less a square: rounding would make a variance of none.
        spread_R = np.einsum("br,br->r", weights_BR, (centred_B[:, None] - mean_R) ** 2)
        known_R = spread_R > total_R * (8 * np.finfo(np.float64).eps * np.abs(y).max()) ** 2
        out_R: Floats = np.full(len(total_R), np.nan)
        np.divide(error_B @ weights_BR, spread_R, out=out_R, where=known_R)
        return 1 - out_R

    return statistic


def numbers_of(y_B: npt.ArrayLike) -> Floats:
    """Return the answers, all of them finite.

    Raises:
        DataError: there is none, or one is NaN or infinite.
    """
    y = one_dimensional(y_B, "answers").astype(np.float64)
    if not y.size:
        raise DataError("there are no answers: a metric needs at least one row")
    if not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(
            f"answer {row} is {y[row]}: numbers must be finite; leave out users who are not asked"
        )
    return y


class _Ranks:
    """Mid-ranks of values that were sorted once, under any weights."""

    def __init__(self, values_B: Floats) -> None:
        self.order_B = np.argsort(values_B, kind="stable")
        distinct_G, self.group_B = np.unique(values_B, return_inverse=True)
        self.first_G = np.searchsorted(values_B[self.order_B], distinct_G)

    def __call__(self, weights_BR: Array) -> Floats:
        sum_GR = np.add.reduceat(weights_BR[self.order_B].astype(np.float64), self.first_G, axis=0)
        rank_BR: Floats = (np.cumsum(sum_GR, axis=0) - sum_GR / 2)[self.group_B]
        return rank_BR
