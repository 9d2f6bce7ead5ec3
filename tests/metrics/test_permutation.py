"""Rank correlation against SciPy's, by all permutations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import permutation_test, spearmanr

from habitus.errors import DataError, GuardError
from habitus.metrics.permutation import rank_correlation


@pytest.mark.parametrize("seed", range(4))
def test_few_cases_are_permuted_in_all_ways(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.integers(0, 5, 6), random.normal(size=6)

    def statistic(x: npt.NDArray[np.float64]) -> float:
        return float(spearmanr(x, y).statistic)

    expected = permutation_test((x,), statistic, permutation_type="pairings", n_resamples=1_000)
    # SciPy doubles the smaller tail; the permutations are the same.
    null = np.abs(expected.null_distribution)
    found = rank_correlation(x, y)
    assert found.value == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(np.mean(null >= abs(expected.statistic) - 1e-9))
    assert found.num_cases == 6


def test_many_cases_are_permuted_by_chance() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=40)
    y = x + random.normal(size=40)
    found, expected = rank_correlation(x, y), spearmanr(x, y)
    assert found.value == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=0.005)
    # Stronger than any order by chance: that which was found is counted among 10,001.
    assert rank_correlation(x, x**3).p == pytest.approx(1 / 10_001)
    noise = random.normal(size=40)
    # Standard error of 10,000 permutations at p = .5: .005.
    expected = spearmanr(x, noise)
    assert rank_correlation(x, noise).p == pytest.approx(expected.pvalue, abs=0.025)
    assert rank_correlation(x, noise, seed=1).p != rank_correlation(x, noise).p


def test_nothing_goes_with_itself_by_chance_alone() -> None:
    # 40 cases without any connection: about one in twenty is below .05.
    random = np.random.default_rng(1)
    ps = [rank_correlation(*random.normal(size=(2, 5))).p for _ in range(400)]
    assert np.mean(np.array(ps) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        ([1, 2, 3], [1, 2, 3], GuardError),
        ([1, 1, 1, 1], [1, 2, 3, 4], GuardError),
        ([1, 2, 3, 4], [2, 2, 2, 2], GuardError),
        ([1, 2, 3, 4], [1, 2, 3], DataError),
        ([1, 2, 3, np.nan], [1, 2, 3, 4], DataError),
    ],
)
def test_what_says_nothing(x: list[float], y: list[float], error: type[Exception]) -> None:
    with pytest.raises(error, match="cases"):
        rank_correlation(x, y)
