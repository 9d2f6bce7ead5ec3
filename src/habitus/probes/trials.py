"""Trials: what was tried on the validation users and how it did (comparisons B-0).

Every method that answers class tasks is tuned by the same score, and says what it tried.

Shapes: B rows that are judged, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError
from habitus.metrics.classes import macro_f1

Classes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
LEAST = 1e-12
"""A probability below it counts as it: one answer that is sure and wrong must not decide alone."""


class Score(NamedTuple):
    """How probabilities did on the validation users; the greater tuple is better.

    Macro-F1 decides. It moves in steps, few of them where validation users are few, so the log
    loss decides between equals.
    """

    macro_f1: float
    minus_log_loss: float


class Trial(NamedTuple):
    """One setting that was tried."""

    settings: Mapping[str, Any]
    score: Score
    epochs: int
    """The epoch whose weights were kept; 0 where nothing is trained in epochs."""
    seconds: float


def judge(probability_BC: Floats, class_B: Classes) -> Score:
    """Return the score of some probabilities.

    Raises:
        DataError: there is nobody to judge by, or a class is not in ``0 … C - 1``.
    """
    num_classes = probability_BC.shape[1]
    if not len(class_B):
        raise DataError("there is no validation user: settings cannot be chosen")
    if not (class_B.min() >= 0 and class_B.max() < num_classes):
        raise DataError(
            f"classes must be 0 … {num_classes - 1}, got {class_B.min()} to {class_B.max()}"
        )
    of_truth_B = probability_BC[np.arange(len(class_B)), class_B]
    f1 = macro_f1(class_B, probability_BC.argmax(axis=1), range(num_classes))
    return Score(f1, float(np.log(np.maximum(of_truth_B, LEAST)).mean()))


def for_all_classes(probability_BK: Floats, class_K: Classes, num_classes: int) -> Floats:
    """Return probabilities of all classes, ``(B, C)``, given those of the classes that were seen.

    A class that no training user is in gets 0.

    >>> for_all_classes(np.array([[0.25, 0.75]]), np.array([0, 2]), 3).tolist()
    [[0.25, 0.0, 0.75]]
    """
    probability_BC = np.zeros((len(probability_BK), num_classes))
    probability_BC[:, class_K] = probability_BK
    return probability_BC
