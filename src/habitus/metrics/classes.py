"""Metrics of predicted classes: accuracy and macro-F1 over a fixed set of labels (evaluation D3).

Shapes: B rows that are judged, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.metrics.arrays import Array, one_dimensional, weights_of


def accuracy(
    labels_B: npt.ArrayLike, predictions_B: npt.ArrayLike, weights_B: npt.ArrayLike | None = None
) -> float:
    """Return the share of rows whose predicted class is right; NaN with no rows.

    >>> accuracy(["a", "b"], ["a", "a"])
    0.5
    """
    labels, predictions = _pair(labels_B, predictions_B)
    weights = weights_of(weights_B, len(labels))[:, 0]
    total = weights.sum()
    return float(weights[labels == predictions].sum() / total) if total else float("nan")


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
    weights = weights_of(weights_B, len(labels))[:, 0]
    for array in (labels, predictions):
        unknown = array[~np.isin(array, np.asarray(classes))]
        if unknown.size:
            raise DataError(f"{unknown.tolist()[0]!r} is none of the classes {list(classes)}")
    return float(np.mean([_f1(labels == c, predictions == c, weights) for c in classes]))


def _f1(actual_B: Array, predicted_B: Array, weights_B: Array) -> float:
    both = weights_B[actual_B & predicted_B].sum()
    either = weights_B[actual_B].sum() + weights_B[predicted_B].sum()
    return float(2 * both / either) if either else 0.0


def _pair(labels_B: npt.ArrayLike, predictions_B: npt.ArrayLike) -> tuple[Array, Array]:
    labels = one_dimensional(labels_B, "labels")
    predictions = one_dimensional(predictions_B, "predictions")
    if len(labels) != len(predictions):
        raise DataError(
            f"labels and predictions must be equally many: {len(labels)} and {len(predictions)}"
        )
    return labels, predictions
