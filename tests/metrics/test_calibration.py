from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as scikit_log_loss

from habitus.errors import UsageError
from habitus.metrics import (
    brier,
    equal_count_bins,
    expected_calibration_error,
    log_loss,
    mean_statistic,
    reliability_curve,
)
from habitus.metrics.calibration import brier_statistic, ece_statistic, log_loss_statistic

rows = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1), st.integers(1, 3)), min_size=1, max_size=40
)


def columns(rows: list[tuple[int, float, int]]) -> tuple[Any, Any, Any]:
    labels, scores, weights = zip(*rows, strict=True)
    return np.array(labels), np.array(scores), np.array(weights)


@given(rows)
def test_log_loss_and_brier_are_those_of_scikit_learn(rows: list[tuple[int, float, int]]) -> None:
    labels, scores, weights = columns(rows)
    expected = scikit_log_loss(labels, scores, sample_weight=weights, labels=[0, 1])
    assert log_loss(labels, scores, weights) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    expected = np.average((scores - labels) ** 2, weights=weights)
    assert brier(labels, scores, weights) == pytest.approx(expected)


def test_brier_is_that_of_scikit_learn() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.9, 0.4]
    assert brier(labels, scores) == pytest.approx(brier_score_loss(labels, scores))


def test_a_sure_mistake_has_a_finite_log_loss() -> None:
    assert log_loss([1], [0.0]) == pytest.approx(-np.log(np.finfo(float).eps))


def test_bins_hold_equally_many() -> None:
    assert np.bincount(equal_count_bins(np.random.default_rng(0).random(100))).tolist() == [10] * 10


def test_tied_rows_share_a_bin_that_their_middle_falls_in() -> None:
    # Ten rows, five bins of two. Rows 1 … 6 are tied: their middle, place 4, is in bin 4 / 2 = 2.
    scores = np.array([0.0, *[0.5] * 6, 0.7, 0.8, 0.9])
    assert equal_count_bins(scores, 5).tolist() == [0, *[2] * 6, 3, 4, 4]


def test_calibration_error_by_hand() -> None:
    # Two bins of two: predicted .1 and .8, observed 1/2 and 1: (2 · .4 + 2 · .2) / 4.
    labels, scores = [0, 1, 1, 1], [0.1, 0.1, 0.7, 0.9]
    assert expected_calibration_error(labels, scores, num_bins=2) == pytest.approx(0.3)
    curve = reliability_curve(labels, scores, num_bins=2)
    np.testing.assert_allclose(curve.predicted_N, [0.1, 0.8])
    np.testing.assert_allclose(curve.observed_N, [0.5, 1.0])
    np.testing.assert_allclose(curve.count_N, [2, 2])


@given(rows, st.integers(1, 12))
def test_calibration_error_is_the_weighted_gap_of_the_curve(
    rows: list[tuple[int, float, int]], num_bins: int
) -> None:
    labels, scores, weights = columns(rows)
    predicted_N, observed_N, count_N = reliability_curve(labels, scores, weights, num_bins)
    expected = np.average(np.abs(predicted_N - observed_N), weights=count_N)
    ours = expected_calibration_error(labels, scores, weights, num_bins)
    assert ours == pytest.approx(expected, abs=1e-12)
    assert count_N.sum() == weights.sum()


@given(rows, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: Any, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    expected = expected_calibration_error(*columns(rows))
    assert expected_calibration_error(*columns(shuffled)) == pytest.approx(expected, abs=1e-12)


def test_a_constant_base_rate_is_calibrated_however_the_rows_stand() -> None:
    # Cutting tied rows into bins by their place would give this an error of .25 here.
    labels = np.repeat([1, 0], [25, 75])
    assert expected_calibration_error(labels, np.full(100, 0.25)) == pytest.approx(0)


def test_one_bin_is_the_distance_of_the_means() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.4, 0.3]
    assert expected_calibration_error(labels, scores, num_bins=1) == pytest.approx(2 / 3 - 0.3)


def test_needs_a_bin() -> None:
    with pytest.raises(UsageError, match="num_bins must be at least 1, got 0"):
        expected_calibration_error([0, 1], [0.2, 0.3], num_bins=0)


@pytest.mark.parametrize("prepare", [log_loss_statistic, brier_statistic, ece_statistic])
def test_many_weights_at_once_are_each_alone(prepare: Any) -> None:
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 30), generator.random(30)
    weights_BR = generator.integers(1, 4, (30, 5)).astype(np.float32)
    statistic = prepare(labels, scores)
    alone = [statistic(weights_BR[:, r : r + 1])[0] for r in range(5)]
    np.testing.assert_allclose(statistic(weights_BR), alone, rtol=1e-6)


def test_a_weighted_mean_by_hand() -> None:
    weights_BR = np.array([[1, 0], [3, 1]])
    np.testing.assert_allclose(mean_statistic(np.array([4.0, 8.0]))(weights_BR), [7, 8])
