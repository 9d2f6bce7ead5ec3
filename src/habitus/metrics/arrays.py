"""The door of the metrics: what comes in is checked once, with errors that say what to change.

Shapes: B rows that are judged, one a user; R resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Statistic = Callable[[Array], Floats]
"""Weights ``(B, R)`` in, one value per resample ``(R)`` out: a metric prepared for its rows."""


def binary_labels(labels_B: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return labels as booleans; they must be 0 or 1."""
    labels = one_dimensional(labels_B, "labels")
    if not labels.size:
        raise DataError("there are no labels: a metric needs at least one row")
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise DataError(
            f"labels must be 0 or 1, got {wrong[0]}; leave out users who are not asked (NaN)"
        )
    return labels.astype(bool)


def scores_of(scores_B: npt.ArrayLike, num_labels: int) -> Floats:
    """Return one score a label, none of them NaN; infinities may stand, they still rank."""
    scores = one_dimensional(scores_B, "scores").astype(np.float64)
    _same_length(scores, "scores", num_labels)
    if np.isnan(scores).any():
        row = int(np.flatnonzero(np.isnan(scores))[0])
        raise DataError(f"score {row} is NaN: every user must have a score")
    return scores


def probabilities_of(scores_B: npt.ArrayLike, num_labels: int) -> Floats:
    """Return one probability a label, each in [0, 1]."""
    scores = scores_of(scores_B, num_labels)
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise DataError(
            f"probabilities must be in [0, 1], got {scores.min():g} to {scores.max():g}; "
            f"log loss, Brier score and calibration have no meaning for other scores"
        )
    return scores


def weights_of(weights_B: npt.ArrayLike | None, num_labels: int) -> Floats:
    """Return weights as a column ``(B, 1)``: ones where none are given."""
    if weights_B is None:
        return np.ones((num_labels, 1))
    weights = one_dimensional(weights_B, "weights").astype(np.float64)
    _same_length(weights, "weights", num_labels)
    if not np.isfinite(weights).all() or weights.min(initial=0) < 0:
        raise DataError("weights must be finite and 0 or more")
    return weights[:, None]


def one_dimensional(values: npt.ArrayLike, name: str) -> Array:
    """Return an array of one axis."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{name} must have one axis, got the shape {array.shape}")
    return array


def evaluate(statistic: Statistic, weights_B1: Floats) -> float:
    """Return the value of a statistic at one set of weights."""
    return float(statistic(weights_B1)[0])


def _same_length(array: Array, name: str, num_labels: int) -> None:
    if len(array) != num_labels:
        raise DataError(f"{name} and labels must be equally many: {len(array)} and {num_labels}")
