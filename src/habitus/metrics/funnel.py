"""Funnels: steps that follow each other, each asked only of those who passed the one before (S5).

SUPERMOE eq. 3 and A-S6: the sample space of a step is who passed the steps before it, so a model of
it is P(step | step before); their product is P(the whole). Trained on everybody, a later step would
count as a failure whoever never came to it.

Shapes: B rows, K steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.metrics.arrays import Floats


class FunnelRates(NamedTuple):
    """What was observed and predicted of each step, and of the whole up to it."""

    asked_K: npt.NDArray[np.int64]
    """Rows in the sample space of each step."""
    step_observed_K: Floats
    """Share of those who were asked; NaN where nobody was."""
    step_predicted_K: Floats
    """Mean probability of those who were asked; NaN where nobody was."""
    whole_observed_K: Floats
    """Share of all rows that passed this step and all before it."""
    whole_predicted_K: Floats
    """Mean over all rows of the product of probabilities."""


def funnel_answers(passed_BK: npt.ArrayLike) -> Floats:
    """Return the answer of each step, ``(B, K)``; NaN for rows outside its sample space.

    >>> funnel_answers([[1, 0, 0], [0, 0, 0], [1, 1, 1]]).tolist()
    [[1.0, 0.0, nan], [0.0, nan, nan], [1.0, 1.0, 1.0]]

    Args:
        passed_BK: 0 or 1; NaN where it is not known, which also hides the steps after it.

    Raises:
        DataError: something else, or no step.
    """
    passed = np.asarray(passed_BK, np.float64)
    if passed.ndim != 2 or not passed.shape[1]:
        raise DataError(f"a funnel needs rows of one step or more, got the shape {passed.shape}")
    wrong = passed[~np.isin(passed, (0, 1)) & ~np.isnan(passed)]
    if wrong.size:
        raise DataError(f"a step of a funnel is 0 or 1, or NaN where it is not known: {wrong[0]}")
    came_BK = np.cumprod(passed == 1, axis=1).astype(bool)
    asked_BK = np.hstack([np.ones((len(passed), 1), bool), came_BK[:, :-1]])
    return np.where(asked_BK, passed, np.nan)


def whole_probabilities(probability_BK: npt.ArrayLike) -> Floats:
    """Return the probability of each step and all before it, ``(B, K)``."""
    return np.asarray(np.cumprod(np.asarray(probability_BK, np.float64), axis=1), np.float64)


def funnel_rates(answer_BK: npt.ArrayLike, probability_BK: npt.ArrayLike) -> FunnelRates:
    """Return the rates of each step and of the whole.

    Args:
        answer_BK: of :func:`funnel_answers`; rows whose first step is not known are left out, and
            the whole is counted among rows of which every answer up to the step is known.
        probability_BK: P(step | step before), of all rows: also of those who never came to it.

    Raises:
        DataError: shapes that differ, or probabilities outside 0 … 1.
    """
    answer, probability = (np.asarray(a, np.float64) for a in (answer_BK, probability_BK))
    if answer.shape != probability.shape:
        raise DataError(f"answers are {answer.shape}, probabilities {probability.shape}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise DataError("a probability of a funnel is outside 0 … 1")
    first_B = ~np.isnan(answer[:, 0])
    answer, probability = answer[first_B], probability[first_B]
    asked_BK = ~np.isnan(answer)
    # Who failed a step is known to have failed the whole, though never asked about later steps.
    failed_BK = np.cumsum(answer == 0, axis=1) > 0
    known_BK = np.cumprod(asked_BK | failed_BK, axis=1).astype(bool)
    whole_BK = np.cumprod(answer == 1, axis=1)
    return FunnelRates(
        asked_BK.sum(axis=0),
        _mean(answer, asked_BK),
        _mean(probability, asked_BK),
        _mean(whole_BK, known_BK),
        _mean(whole_probabilities(probability), known_BK),
    )


def _mean(value_BK: npt.NDArray[np.generic], of_BK: npt.NDArray[np.bool_]) -> Floats:
    count_K = of_BK.sum(axis=0)
    sum_K = np.where(of_BK, value_BK, 0).sum(axis=0)
    mean_K: Floats = np.full(len(count_K), np.nan)
    np.divide(sum_K, count_K, out=mean_K, where=count_K > 0)
    return mean_K
