"""Spearman's ρ and R²: against SciPy and scikit-learn on rows that are written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import r2_score

from habitus.errors import DataError
from habitus.metrics import NUMBER_METRICS, r_squared, spearman
from habitus.metrics.numbers import r_squared_statistic, spearman_statistic

ROWS = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 3)), min_size=2, max_size=25
)


@settings(deadline=None)
@given(ROWS)
def test_a_weight_is_as_many_rows(rows: list[tuple[int, int, int]]) -> None:
    y, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    again = np.repeat(np.arange(len(y)), weights)
    if not len(again) or len(set(y[again])) == 1:
        assert math.isnan(spearman(y, scores, weights))
        assert math.isnan(r_squared(y, scores, weights))
        return
    assert r_squared(y, scores, weights) == pytest.approx(r2_score(y[again], scores[again]))
    if len(set(scores[again])) == 1:
        assert spearman(y, scores, weights) == 0
    else:
        wanted = spearmanr(y[again], scores[again]).statistic
        assert spearman(y, scores, weights) == pytest.approx(wanted, abs=1e-12)


def test_many_resamples_are_each_alone() -> None:
    random = np.random.default_rng(0)
    y, scores = random.exponential(size=40).round(1), random.random(40)
    weights_BR = random.integers(0, 4, (40, 7)).astype(np.float32)
    for statistic in (spearman_statistic(y, scores), r_squared_statistic(y, scores)):
        alone = [float(statistic(weights_BR[:, [r]])[0]) for r in range(7)]
        np.testing.assert_allclose(statistic(weights_BR), alone, rtol=1e-12)


def test_far_from_zero_nothing_is_lost() -> None:
    y, scores = np.array([1e6, 1e6 + 2]), np.array([1e6, 1e6 + 1])
    # As [0, 2] and [0, 1]: 1 - (0 + 1) / (1 + 1).
    assert r_squared(y, scores) == pytest.approx(0.5)
    assert math.isnan(r_squared(np.full(3, 0.1), np.zeros(3)))


def test_the_table_holds_both_and_higher_is_better() -> None:
    y = np.arange(6.0)
    for metric in NUMBER_METRICS.values():
        good, bad = (metric.statistic(y, s)(np.ones((6, 1)))[0] for s in (y, -y))
        assert good == pytest.approx(1)
        assert good > bad
        assert metric.higher_is_better
        assert metric.label


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DataError, match="no answers"):
        spearman([], [])
    with pytest.raises(DataError, match="answer 1 is nan: numbers must be finite"):
        r_squared([0, np.nan], [0, 1])
    with pytest.raises(DataError, match="score 0 is NaN"):
        spearman([0, 1], [np.nan, 1])
    with pytest.raises(DataError, match="equally many: 1 and 2"):
        r_squared([0, 1], [0])
