"""The screen of features, against a loop over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.probes.base import Labelled, Screen
from tests.probes.planted import planted


def strength_by_loop(rows: Labelled) -> list[float]:
    """Squared correlation of each feature with the label."""
    return [
        0.0 if np.ptp(x_B) == 0 else float(np.corrcoef(x_B, rows.y_B)[0, 1] ** 2)
        for x_B in rows.x_BD.T.astype(float)
    ]


@given(st.integers(0, 50), st.integers(1, 6))
def test_it_keeps_the_features_that_correlate_most(seed: int, kept: int) -> None:
    rows = planted(40, width=7, seed=seed)
    strongest = np.argsort(strength_by_loop(rows))[::-1][:kept]
    assert Screen.fit(rows, kept).kept_F.tolist() == sorted(strongest)


def test_it_keeps_everything_where_there_is_little() -> None:
    rows = planted(20, width=3)
    assert Screen.fit(rows, 3)(rows.x_BD) is rows.x_BD


def test_a_constant_feature_goes_first_however_large() -> None:
    rows = planted(50, width=3)
    x_BD = np.hstack([np.full((50, 1), 12345.678, np.float32), rows.x_BD])
    assert Screen.fit(Labelled(x_BD, rows.y_B), 3).kept_F.tolist() == [1, 2, 3]


def test_kept_features_keep_their_order() -> None:
    rows = planted(200, width=6)
    screen = Screen.fit(rows, 2)
    np.testing.assert_array_equal(screen(rows.x_BD), rows.x_BD[:, screen.kept_F])
    assert screen.kept_F[0] == 0


def test_one_answer_is_nothing_to_learn() -> None:
    rows = planted(10)
    with pytest.raises(DataError, match=r"both answers .* got 10 rows with labels \[1.0\]"):
        Screen.fit(Labelled(rows.x_BD, np.ones(10)), 3)


def test_a_vector_that_is_not_finite_is_named() -> None:
    rows = planted(10)
    rows.x_BD[4, 1] = np.nan
    with pytest.raises(DataError, match="row 4"):
        Screen.fit(rows, 3)
