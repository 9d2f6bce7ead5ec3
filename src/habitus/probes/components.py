"""Principal components of vectors: one width for every representation that a probe reads (D5).

Shapes: B rows, D width of a vector, C components kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from habitus.errors import DataError, UsageError
from habitus.probes.base import Floats, Matrix
from habitus.probes.logistic import Standardiser


class Components(NamedTuple):
    """The first principal components of standardised vectors, fitted on training rows."""

    standardise: Standardiser
    axes_DC: Floats

    @classmethod
    def fit(cls, x_BD: Matrix, number: int) -> Components:
        """Return as many components as there are, up to ``number``.

        A component that has no variance is left out; of constant vectors one is kept, all zeros.

        Raises:
            DataError: no row, or a value that is not finite.
            UsageError: fewer than one component.
        """
        if number < 1:
            raise UsageError(f"number of components must be at least 1, got {number}")
        if not len(x_BD) or not np.isfinite(x_BD).all():
            raise DataError("components need rows of finite numbers to be fitted on")
        standardise = Standardiser.fit(x_BD)
        z_BD = standardise(x_BD)
        variance_D, axes_DD = np.linalg.eigh(z_BD.T @ z_BD / len(z_BD))
        rising = max(1, int((variance_D > 1e-9 * max(variance_D[-1], 1e-12)).sum()))
        kept = min(number, rising) if variance_D[-1] > 0 else 1
        axes_DC = axes_DD[:, ::-1][:, :kept]
        # Signs of axes are free: the largest number of each is above 0, on every machine.
        sign_C = np.sign(axes_DC[np.abs(axes_DC).argmax(axis=0), np.arange(kept)])
        return cls(standardise, axes_DC * sign_C)

    def __call__(self, x_BD: Matrix) -> Matrix:
        """Return the components of some rows, ``(B, C)``."""
        return np.asarray(self.standardise(x_BD) @ self.axes_DC, np.float32)
