import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from habitus.data.association import (
    BINARY,
    COOC,
    LLR,
    NPMI,
    PMI,
    PPMI,
    Rules,
    is_exact,
    is_joined,
    log_counts,
    log_likelihood_ratio,
    normalised,
    pmi,
    weight_of,
)

RULES = Rules(
    window=20,
    max_nodes=-1,
    rule=PMI,
    threshold=0.0,
    weight=BINARY,
    smoothing=1.0,
    shrinkage=0.0,
    by_count=False,
)


def log_ij(n_i: int, n_j: int) -> float:
    return math.log(n_i) + math.log(n_j)


def test_pmi_by_hand() -> None:
    # 8 windows, 4 and 2 with a word, 2 with both: log(2 · 8 / (4 · 2)) = log 2.
    assert pmi(2, log_ij(4, 2), 8, 0.0) == pytest.approx(math.log(2))
    # 2 / (2 + 6) of it.
    assert pmi(2, log_ij(4, 2), 8, 6.0) == pytest.approx(math.log(2) / 4)
    assert pmi(1, log_ij(4, 2), 8, 0.0) == pytest.approx(0, abs=1e-12)


def test_npmi_is_1_for_words_that_are_only_together() -> None:
    assert normalised(pmi(2, log_ij(2, 2), 8, 0.0), 2, 8) == pytest.approx(1)
    assert normalised(pmi(2, log_ij(4, 2), 8, 0.0), 2, 8) == pytest.approx(0.5)  # log 2 / log 4
    assert normalised(0.3, 8, 8) == 0


def tables() -> list[tuple[int, int, int, int]]:
    """Return counts that can be: no cell of the table is below 0."""
    found = product((1, 3), (3, 7), (4, 5), (9, 30))
    return [c for c in found if c[0] <= min(c[1:3]) and c[1] + c[2] - c[0] <= c[3]]


@pytest.mark.parametrize("counts", tables())
def test_the_likelihood_ratio_is_that_of_scipy(counts: tuple[int, int, int, int]) -> None:
    n_ij, n_i, n_j, n = counts
    table = np.array([[n_ij, n_i - n_ij], [n_j - n_ij, n - n_i - n_j + n_ij]])
    oracle = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert log_likelihood_ratio(n_ij, n_i, n_j, n) == pytest.approx(oracle, abs=1e-12)


def test_a_ratio_of_empty_cells() -> None:
    # Both in 2 windows, neither in 2, where 1 is expected: 2 · (2 log 2/1 + 2 log 2/1) = 8 log 2.
    assert log_likelihood_ratio(2, 2, 2, 4) == pytest.approx(8 * math.log(2))


def test_smoothing_is_the_mean_of_both_directions() -> None:
    windows_N, alpha = np.array([9, 4, 1, 1]), 0.75
    log_N = log_counts(windows_N, alpha)
    scale = windows_N.sum() / (windows_N**alpha).sum()
    for i, j in ((0, 1), (1, 3)):
        context = [math.log(windows_N[k] ** alpha * scale) for k in (i, j)]
        both = [math.log(windows_N[i]) + context[1], context[0] + math.log(windows_N[j])]
        assert log_N[i] + log_N[j] == pytest.approx(np.mean(both))
    # Rare words count as more frequent than they are, frequent ones as less.
    assert log_N[0] < math.log(9)
    assert log_N[2] > math.log(1)
    assert log_counts(windows_N, 1.0).tolist() == pytest.approx(np.log(windows_N).tolist())


@pytest.mark.parametrize(
    ("changed", "exact"),
    [
        ({}, True),
        ({"rule": NPMI}, True),
        ({"rule": LLR, "smoothing": 0.75}, True),
        ({"smoothing": 0.75}, False),
        ({"threshold": 0.1}, False),
        ({"rule": COOC}, False),
    ],
)
def test_integers_decide_where_the_rule_is_pmi_above_0(
    changed: dict[str, Any], exact: bool
) -> None:
    assert is_exact(RULES._replace(**changed)) == exact


def test_rules_by_hand() -> None:
    # PMI log 2 = .693, NPMI .5, together twice.
    def joined(rule: int, threshold: float, n_ij: int = 2) -> bool:
        rules = RULES._replace(rule=rule, threshold=threshold)
        return bool(is_joined(n_ij, 4, 2, 8, log_ij(4, 2), rules))

    assert [joined(PMI, t) for t in (0.69, 0.70)] == [True, False]
    assert [joined(NPMI, t) for t in (0.49, 0.51)] == [True, False]
    assert [joined(COOC, t) for t in (2.0, 3.0)] == [True, False]
    ratio = log_likelihood_ratio(2, 4, 2, 8)
    assert [joined(LLR, t) for t in (ratio - 0.01, ratio + 0.01)] == [True, False]
    # Words that avoid each other have a high ratio too, and are not joined.
    rules = RULES._replace(rule=LLR, threshold=0.5)
    assert log_likelihood_ratio(1, 6, 6, 12) > 5
    assert not is_joined(1, 6, 6, 12, log_ij(6, 6), rules)


def test_weights_are_never_below_0() -> None:
    for weight in (PPMI, NPMI):
        rules = RULES._replace(weight=weight)
        assert weight_of(1, log_ij(6, 6), 12, rules) == 0
        assert weight_of(2, log_ij(4, 2), 8, rules) == pytest.approx(
            math.log(2) if weight == PPMI else 0.5
        )
    assert weight_of(3, log_ij(6, 6), 12, RULES._replace(weight=COOC)) == 3
