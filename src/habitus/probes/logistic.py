"""Logistic regression with an L2 penalty: what a vector says along straight lines (D5).

The penalty is chosen on the validation users, along a path from strong to weak. The problem is
turned to the principal axes of the training rows and each axis is scaled by its curvature at the
start: L-BFGS then needs about ten steps where the raw features need hundreds, and the minimum is
the same.

Shapes: B rows, D width, F features kept after screening.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from typing_extensions import override

from habitus.config import Config
from habitus.errors import UsageError
from habitus.probes.base import Floats, Labelled, Matrix, Probe, Screen

# A test row far outside the training range must not decide alone.
MAX_DEVIATIONS = 10.0


@dataclass(frozen=True, kw_only=True)
class LogisticConfig(Config):
    """The path of penalties."""

    penalties: tuple[float, ...] = (3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
    """λ of ``mean log loss + λ/2 · |w|²`` on standardised features, falling."""
    patience: int = 2
    """Worse penalties in a row before the path ends."""
    max_features: int = 256
    """Width above which features are screened."""

    def __post_init__(self) -> None:
        falling = list(self.penalties) == sorted(self.penalties, reverse=True)
        if not self.penalties or not falling or self.penalties[-1] <= 0:
            raise UsageError(f"penalties must be positive and fall, got {self.penalties}")


class Standardiser(NamedTuple):
    """Mean 0 and deviation 1 on the training rows; a constant feature becomes 0."""

    mean_F: Floats
    scale_F: Floats

    @classmethod
    def fit(cls, x_BF: Matrix) -> Standardiser:
        """Return the standardiser of some rows."""
        mean_F = x_BF.mean(axis=0, dtype=np.float64)
        std_F = x_BF.std(axis=0, dtype=np.float64)
        constant_F = std_F <= 1e-6 * (np.abs(mean_F) + 1e-6)
        return cls(mean_F, np.where(constant_F, 0.0, 1 / np.where(constant_F, 1, std_F)))

    def __call__(self, x_BF: Matrix) -> Floats:
        """Return the rows standardised and held within ten deviations."""
        return np.clip((x_BF - self.mean_F) * self.scale_F, -MAX_DEVIATIONS, MAX_DEVIATIONS)


class Logistic(Probe):
    """Penalised logistic regression on standardised features. It has no chance in it."""

    name: ClassVar[str] = "logistic"

    def __init__(self, config: LogisticConfig | None = None) -> None:
        self.config: LogisticConfig = config or LogisticConfig()
        self.weight_F = np.zeros(0)
        self.bias = 0.0
        self.penalty = 0.0
        """The one that the validation users chose."""

    @override
    def fit(self, train: Labelled, valid: Labelled, seed: int) -> Self:
        self._screen = Screen.fit(train, self.config.max_features)
        kept_BF = self._screen(train.x_BD)
        self._standardise = Standardiser.fit(kept_BF)
        path = _Path(self._standardise(kept_BF), train.y_B)
        valid_VF = self._standardise(self._screen(valid.x_BD))
        best, worse = np.inf, 0
        for penalty in self.config.penalties:
            weight_F, bias = path.minimise(penalty)
            loss = _log_loss(valid_VF @ weight_F + bias, valid.y_B)
            worse = worse + 1 if loss >= best else 0
            if loss < best:
                best, self.weight_F, self.bias, self.penalty = loss, weight_F, bias, penalty
            if worse >= self.config.patience:
                break
        return self

    @override
    def predict(self, x_BD: Matrix) -> Floats:
        score_B = self._standardise(self._screen(x_BD)) @ self.weight_F + self.bias
        return np.asarray(expit(score_B), np.float64)


class _Path:
    """Minimisers of the penalised loss, each started from the one before."""

    def __init__(self, x_BF: Floats, y_B: Floats) -> None:
        self.y_B = y_B
        rate = float(y_B.mean())
        self.curvature = rate * (1 - rate)
        spread_F, self.axes_FF = np.linalg.eigh(x_BF.T @ x_BF / len(y_B))
        self.spread_F = np.maximum(spread_F, 0)
        self.z_BF = x_BF @ self.axes_FF
        self.bias = float(logit(rate))
        self.turned_F = np.zeros(x_BF.shape[1])

    def minimise(self, penalty: float) -> tuple[Floats, float]:
        """Return the weights of the standardised features, and the bias."""
        scale_F = 1 / np.sqrt(self.curvature * self.spread_F + penalty)
        scale_G = np.append(scale_F, 1 / np.sqrt(self.curvature))

        def loss(u_G: Floats) -> tuple[float, Floats]:
            v_G = u_G * scale_G
            turned_F, bias = v_G[:-1], v_G[-1]
            score_B = self.z_BF @ turned_F + bias
            slope_B = (expit(score_B) - self.y_B) / len(self.y_B)
            gradient_G = np.append(slope_B @ self.z_BF + penalty * turned_F, slope_B.sum())
            value = _log_loss(score_B, self.y_B) + 0.5 * penalty * float(turned_F @ turned_F)
            return value, gradient_G * scale_G

        start_G = np.append(self.turned_F, self.bias) / scale_G
        options = {"maxiter": 200, "gtol": 1e-5, "ftol": 1e-10}
        found = minimize(loss, start_G, jac=True, method="L-BFGS-B", options=options)
        v_G = np.asarray(found.x * scale_G, np.float64)
        self.turned_F, self.bias = v_G[:-1], float(v_G[-1])
        return self.axes_FF @ self.turned_F, self.bias


def _log_loss(score_B: Floats, y_B: Floats) -> float:
    """Return the mean log loss of log-odds."""
    return float(np.mean(np.logaddexp(0, score_B) - y_B * score_B))
