"""Metrics of predicted classes: accuracy and macro-F1 over a fixed set of labels (evaluation D3).

Each metric is one formula over weights, so that a value and 10,000 bootstrap resamples of it come
from the same lines: the counts of all resamples are one matrix product.

Shapes: B rows that are judged, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.metrics.arrays import (
    Array,
    Floats,
    Statistic,
    evaluate,
    one_dimensional,
    weights_of,
)


def accuracy(
    labels_B: npt.ArrayLike, predictions_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the share of rows whose predicted class is right; NaN with no rows.

    >>> accuracy(["a", "b"], ["a", "a"])
    0.5
    """
    labels, predictions = _pair(labels_B, predictions_B)
    weights_B1 = weights_of(weights_B, len(labels))
    return evaluate(_share((labels == predictions).astype(np.float64)), weights_B1)


def macro_f1(
    labels_B: npt.ArrayLike,
    predictions_B: npt.ArrayLike,
    classes: Sequence[int] | Sequence[str],
    weights_B: npt.ArrayLike | None = None,
) -> float:
    """Return the mean F1 over ``classes``, all of them, also those that do not occur (F1 of 0).

    The set is fixed so that a small test set cannot change what is averaged.

    Raises:
        DataError: a label or prediction is none of ``classes``.

    >>> macro_f1(["a", "a", "b"], ["a", "a", "a"], classes=["a", "b"])  # (2·2/(3+2) + 0) / 2
    0.4
    """
    labels, predictions = _pair(labels_B, predictions_B)
    for array in (labels, predictions):
        unknown = array[~np.isin(array, np.asarray(classes))]
        if unknown.size:
            raise DataError(f"{unknown.tolist()[0]!r} is none of the classes {list(classes)}")
    known = np.asarray(classes)
    actual_BC, said_BC = labels[:, None] == known, predictions[:, None] == known
    return evaluate(_mean_f1(actual_BC, said_BC), weights_of(weights_B, len(labels)))


def accuracy_statistic(labels_B: npt.ArrayLike, said_BC: npt.ArrayLike) -> Statistic:
    """Return accuracy as a function of weights.

    Args:
        labels_B: the place of each row's class.
        said_BC: 1 where a class was predicted; shares, where the prediction is a guess.
    """
    actual_BC, said = _table(labels_B, said_BC)
    return _share((actual_BC * said).sum(axis=1))


def macro_f1_statistic(labels_B: npt.ArrayLike, said_BC: npt.ArrayLike) -> Statistic:
    """Return macro-F1 as a function of weights; arguments as in :func:`accuracy_statistic`.

    Of a guess, given as shares, it is the F1 of the expected counts.
    """
    return _mean_f1(*_table(labels_B, said_BC))


def _share(right_B: Array) -> Statistic:
    def statistic(weights_BR: Array) -> Floats:
        total_R = weights_BR.sum(axis=0, dtype=np.float64)
        return _ratio(right_B @ weights_BR, total_R, np.nan)

    return statistic


def _mean_f1(actual_BC: Array, said_BC: Array) -> Statistic:
    num_classes = actual_BC.shape[1]
    both_BC = actual_BC * said_BC
    counted_BK = np.hstack([both_BC, actual_BC, said_BC]).astype(np.float64)

    def statistic(weights_BR: Array) -> Floats:
        counts_KR = counted_BK.T @ weights_BR
        both_CR, actual_CR, said_CR = np.split(counts_KR, [num_classes, 2 * num_classes])
        return np.asarray(_ratio(2 * both_CR, actual_CR + said_CR, 0.0).mean(axis=0))

    return statistic


def _ratio(above: Array, below: Array, otherwise: float) -> Floats:
    """Return above / below, and another value where there is nothing below."""
    out: Floats = np.full(below.shape, otherwise)
    return np.divide(above, below, out=out, where=below > 0)


def _table(labels_B: npt.ArrayLike, said_BC: npt.ArrayLike) -> tuple[Array, Array]:
    """Return one row of zeros and a one for each label, beside what was said."""
    labels, said = one_dimensional(labels_B, "labels"), np.asarray(said_BC, np.float64)
    if said.ndim != 2 or len(said) != len(labels):
        raise DataError(
            f"what was said must be one row a label, ({len(labels)}, C), got the shape {said.shape}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < said.shape[1]:
        raise DataError(
            f"labels must be in [0, {said.shape[1]}), got {labels.min()} to {labels.max()}"
        )
    return np.eye(said.shape[1])[labels], said


def _pair(labels_B: npt.ArrayLike, predictions_B: npt.ArrayLike) -> tuple[Array, Array]:
    labels = one_dimensional(labels_B, "labels")
    predictions = one_dimensional(predictions_B, "predictions")
    if len(labels) != len(predictions):
        raise DataError(
            f"labels and predictions must be equally many: {len(labels)} and {len(predictions)}"
        )
    return labels, predictions
