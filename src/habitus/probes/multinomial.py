"""Multinomial logistic regression: which class a vector says, along straight lines (D5, A-P22).

The penalty is chosen on the validation users by macro-F1, the score that class tasks are judged by.

Shapes: B rows, D width, C classes, K classes that a training row has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from habitus.config import Config
from habitus.errors import DataError, UsageError
from habitus.probes.base import Floats, Matrix
from habitus.probes.logistic import Standardiser
from habitus.probes.trials import Score, for_all_classes, judge

Classes = npt.NDArray[np.int64]


class Classified(NamedTuple):
    """Vectors of some users, and which class each one is in."""

    x_BD: Matrix
    y_B: Classes
    """0 … C - 1."""


@dataclass(frozen=True, kw_only=True)
class MultinomialConfig(Config):
    """The path of penalties."""

    penalties: tuple[float, ...] = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
    """λ of ``mean log loss + λ/2 · |W|²`` on standardised features, falling."""
    max_steps: int = 1000
    """Of L-BFGS, for each penalty."""

    def __post_init__(self) -> None:
        falling = list(self.penalties) == sorted(self.penalties, reverse=True)
        if not self.penalties or not falling or self.penalties[-1] <= 0:
            raise UsageError(f"penalties must be positive and fall, got {self.penalties}")


class Multinomial:
    """Penalised softmax regression on standardised features. It has no chance in it.

    A class without a training row gets the probability 0.
    """

    def __init__(self, config: MultinomialConfig | None = None) -> None:
        self.config: MultinomialConfig = config or MultinomialConfig()
        self.num_classes = 0
        self.class_K: Classes = np.zeros(0, np.int64)
        """The classes of the training rows."""
        self.weight_DK = np.zeros((0, 0))
        self.bias_K = np.zeros(0)
        self.penalty = 0.0
        """The one that the validation users chose."""
        self.score = Score(float("nan"), float("nan"))
        """What it scores on the validation users."""

    def fit(self, train: Classified, valid: Classified, num_classes: int) -> Self:
        """Fit on the training rows, choose the penalty on the validation rows; return itself.

        Raises:
            DataError: the training rows are of one class, there is no validation row, or a value
                is not finite.
        """
        _check(train)
        self.num_classes, best = num_classes, None
        self.class_K, place_B = np.unique(train.y_B, return_inverse=True)
        self._standardise = Standardiser.fit(train.x_BD)
        valid_BD = self._standardise(valid.x_BD)
        for penalty, weight_DK, bias_K in self._path(self._standardise(train.x_BD), place_B):
            score = judge(self._probabilities(valid_BD, weight_DK, bias_K), valid.y_B)
            if best is None or score > best:
                best, self.penalty, self.weight_DK, self.bias_K = score, penalty, weight_DK, bias_K
        self.score = best or self.score
        return self

    def predict(self, x_BD: Matrix) -> Floats:
        """Return the probability of each class for each row, ``(B, C)``."""
        return self._probabilities(self._standardise(x_BD), self.weight_DK, self.bias_K)

    def _probabilities(self, x_BD: Floats, weight_DK: Floats, bias_K: Floats) -> Floats:
        probability_BK = softmax(x_BD @ weight_DK + bias_K, axis=1)
        return for_all_classes(probability_BK, self.class_K, self.num_classes)

    def _path(self, x_BD: Floats, place_B: Classes) -> Iterator[tuple[float, Floats, Floats]]:
        """Yield each penalty with its weights and biases, each started from the one before."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(warm_start=True, max_iter=self.config.max_steps)
        for penalty in self.config.penalties:
            model.C = 1 / (penalty * len(place_B))
            model.fit(x_BD, place_B)
            weight_KD, bias_K = model.coef_.copy(), model.intercept_.copy()
            if len(self.class_K) == 2:
                # scikit-learn keeps one row of log-odds for two classes
                weight_KD, bias_K = np.vstack([0 * weight_KD, weight_KD]), np.append(0, bias_K)
            yield penalty, weight_KD.T, bias_K


def _check(train: Classified) -> None:
    if len(np.unique(train.y_B)) < 2:
        raise DataError(
            f"a probe needs two classes among its training rows, got {len(train.y_B)} rows of "
            f"{np.unique(train.y_B).tolist()}"
        )
    if not np.isfinite(train.x_BD).all():
        row = int(np.argmax(~np.isfinite(train.x_BD).all(axis=1)))
        raise DataError(f"a representation is not finite (row {row}): the probe cannot read it")
