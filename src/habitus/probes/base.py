"""What every probe promises: vectors and labels in, probabilities out.

Shapes: B rows (a user at a cutoff), D width of a representation, F features that a probe keeps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.errors import DataError

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Labelled(NamedTuple):
    """Vectors of some users at some cutoffs, and the answers."""

    x_BD: Matrix
    y_B: Floats
    """0 or 1."""


class Probe(ABC):
    """A small model on frozen vectors.

    It is fitted on rows of training users. What it tunes, it tunes on the rows of validation users;
    it never sees a test user. Equal seeds give equal probabilities.
    """

    name: ClassVar[str]
    """The name in :data:`habitus.probes.PROBES`."""
    config: Config

    @abstractmethod
    def fit(self, train: Labelled, valid: Labelled, seed: int) -> Self:
        """Fit on the training rows, tune on the validation rows; return itself."""

    @abstractmethod
    def predict(self, x_BD: Matrix) -> Floats:
        """Return the probability of yes for each row, ``(B)``."""


class Screen(NamedTuple):
    """The features that a probe keeps: those whose means differ most between yes and no.

    Hundreds of counts, most of them about things a task does not ask for, slow every probe down
    and drown the small ones. The screen is fitted on training rows, the same for every method; it
    keeps everything where there are few features, as of a representation.
    """

    kept_F: npt.NDArray[np.int64]

    @classmethod
    def fit(cls, train: Labelled, max_features: int) -> Screen:
        """Return the screen; ties go to the earlier feature.

        Raises:
            DataError: the rows are of one class, or a value is not finite.
        """
        _check(train)
        width = train.x_BD.shape[1]
        if width <= max_features:
            return cls(np.arange(width))
        shift_D = train.x_BD.mean(axis=0, dtype=np.float64)
        contrast_B = train.y_B - train.y_B.mean()
        covariance_D = contrast_B @ train.x_BD
        square_D = np.einsum("bd,bd->d", train.x_BD, train.x_BD, dtype=np.float64)
        variance_D = square_D / len(contrast_B) - shift_D**2
        # rounding leaves a constant feature a variance just above or below zero
        varies_D = variance_D > 1e-6 * (shift_D**2 + 1e-6)
        strength_D = np.where(varies_D, covariance_D**2 / np.where(varies_D, variance_D, 1), -1)
        return cls(np.sort(np.argsort(-strength_D, kind="stable")[:max_features]))

    def __call__(self, x_BD: Matrix) -> Matrix:
        """Return the kept features, ``(B, F)``."""
        return x_BD if len(self.kept_F) == x_BD.shape[1] else x_BD[:, self.kept_F]


def _check(train: Labelled) -> None:
    if len(np.unique(train.y_B)) != 2:
        raise DataError(
            f"a probe needs both answers among its training rows, got {len(train.y_B)} rows with "
            f"labels {np.unique(train.y_B).tolist()}"
        )
    if not np.isfinite(train.x_BD).all():
        row = int(np.argmax(~np.isfinite(train.x_BD).all(axis=1)))
        raise DataError(f"a representation is not finite (row {row}): the probe cannot read it")
