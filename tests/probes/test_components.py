"""Principal components: those of scikit-learn, on constant columns and few rows too."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from habitus.errors import DataError, UsageError
from habitus.probes.components import Components


def vectors(rows: int = 50, width: int = 6) -> np.ndarray:
    random = np.random.default_rng(0)
    mix = random.standard_normal((width, width))
    return (random.standard_normal((rows, width)) @ mix).astype(np.float32)


def test_they_are_those_of_scikit_learn() -> None:
    x_BD = vectors()
    found = Components.fit(x_BD, 3)
    z_BD = (x_BD - x_BD.mean(0)) / x_BD.std(0)
    theirs = PCA(3).fit(z_BD)
    ours_BC, theirs_BC = found(x_BD), theirs.transform(z_BD)
    np.testing.assert_allclose(np.abs(ours_BC), np.abs(theirs_BC), atol=1e-4)
    assert found(x_BD[:2]).shape == (2, 3)
    assert found(x_BD).dtype == np.float32


def test_the_largest_part_of_an_axis_is_above_0() -> None:
    axes_DC = Components.fit(vectors(), 6).axes_DC
    assert (axes_DC[np.abs(axes_DC).argmax(axis=0), np.arange(6)] > 0).all()


def test_what_does_not_vary_is_no_component() -> None:
    x_BD = vectors()
    x_BD[:, 2] = 7.0
    x_BD[:, 3] = x_BD[:, 0]
    # Six columns, one constant, one a copy: four directions.
    assert Components.fit(x_BD, 6).axes_DC.shape == (6, 4)
    # Three rows span two directions about their mean.
    assert Components.fit(vectors(3), 6).axes_DC.shape == (6, 2)


def test_constant_vectors_become_one_zero() -> None:
    found = Components.fit(np.ones((4, 3), np.float32), 2)
    assert found(np.full((2, 3), 9.0, np.float32)).tolist() == [[0.0], [0.0]]


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UsageError, match="at least 1, got 0"):
        Components.fit(vectors(), 0)
    with pytest.raises(DataError, match="rows of finite numbers"):
        Components.fit(np.full((2, 2), np.nan, np.float32), 1)
    with pytest.raises(DataError, match="rows of finite numbers"):
        Components.fit(np.zeros((0, 2), np.float32), 1)
