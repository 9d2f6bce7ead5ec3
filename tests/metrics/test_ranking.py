from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError, UsageError
from habitus.metrics import (
    gains,
    gini,
    hit_rate,
    hits,
    mrr,
    ndcg,
    novelty,
    reciprocal_ranks,
)

better_and_tied = st.tuples(st.integers(0, 6), st.integers(0, 5))
AT_RANK: dict[Callable[..., Any], Callable[[int, int], float]] = {
    hits: lambda rank, k: float(rank <= k),
    gains: lambda rank, k: 1 / np.log2(1 + rank) if rank <= k else 0.0,
    reciprocal_ranks: lambda rank, k: 1 / rank if rank <= k else 0.0,
}


def slow(at_rank: Callable[[int, int], float], better: int, tied: int, k: int) -> float:
    """The definition: put the tied in every order, and take the mean."""
    values = [
        at_rank(better + order.index("target") + 1, k)
        for order in permutations(["target", *range(tied)])
    ]
    return float(np.mean(values))


@pytest.mark.parametrize("metric", AT_RANK)
@given(better_and_tied, st.integers(1, 12))
def test_each_metric_is_its_mean_over_all_orders_of_the_tied(
    metric: Callable[..., Any], counts: tuple[int, int], k: int
) -> None:
    expected = slow(AT_RANK[metric], *counts, k)
    assert metric([counts[0]], [counts[1]], k)[0] == pytest.approx(expected, abs=1e-12)


def test_the_middle_rank_would_be_wrong() -> None:
    # One better, two tied: ranks 2, 3, 4. At the middle rank, 3, HR@2 would be 0.
    assert hit_rate([1], [2], k=2) == pytest.approx(1 / 3)
    assert mrr([1], [2]) == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)


def test_without_ties_it_is_the_rank() -> None:
    better, tied = [0, 3, 99], [0, 0, 0]
    assert hits(better, tied, 4).tolist() == [1, 1, 0]
    np.testing.assert_allclose(gains(better, tied, 4), [1, 1 / np.log2(5), 0])
    np.testing.assert_allclose(reciprocal_ranks(better, tied), [1, 1 / 4, 1 / 100])


def test_a_constant_score_gets_chance_among_101() -> None:
    assert hit_rate([0], [100], 1) == pytest.approx(1 / 101)
    discounts = sum(1 / np.log2(1 + rank) for rank in range(1, 11))
    assert ndcg([0], [100], 10) == pytest.approx(discounts / 101)
    assert mrr([0], [100]) == pytest.approx(sum(1 / r for r in range(1, 102)) / 101)
    printed = f"{hit_rate([0], [100], 1):.4f} {ndcg([0], [100], 10):.4f} {mrr([0], [100]):.4f}"
    assert printed == "0.0099 0.0450 0.0515"


@given(st.lists(better_and_tied, min_size=1))
def test_the_means_are_means(counts: list[tuple[int, int]]) -> None:
    better, tied = np.array(counts).T
    assert hit_rate(better, tied, 3) == pytest.approx(hits(better, tied, 3).mean())
    assert ndcg(better, tied, 3) == pytest.approx(gains(better, tied, 3).mean())
    assert mrr(better, tied, 3) == pytest.approx(reciprocal_ranks(better, tied, 3).mean())


def test_a_million_better_is_still_exact() -> None:
    assert reciprocal_ranks([10**6], [0])[0] == pytest.approx(1 / (10**6 + 1), rel=1e-8)


@pytest.mark.parametrize(
    ("better", "tied", "message"),
    [
        ([0, 1], [0], "equally many and not empty: 2 and 1"),
        ([], [], "not empty"),
        ([-1], [0], "must be 0 or more"),
        ([0], [-1], "num_tied leaves the target itself out"),
        ([0.5], [0], "must be integers, got float64"),
    ],
)
def test_counts_that_cannot_be_are_errors(better: Any, tied: Any, message: str) -> None:
    better, tied = np.array(better), np.array(tied)
    if not len(better):
        better = tied = better.astype(int)
    with pytest.raises(DataError, match=message):
        hit_rate(better, tied, 1)


def test_k_is_at_least_1() -> None:
    with pytest.raises(UsageError, match="k must be at least 1, got 0"):
        ndcg([0], [0], 0)


@given(st.lists(st.floats(0, 10), min_size=1).filter(lambda x: sum(x) > 1e-3))
def test_gini_is_half_the_mean_difference_over_the_mean(exposure: list[float]) -> None:
    x = np.array(exposure)
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    assert gini(x) == pytest.approx(expected, abs=1e-9)


def test_novelty_is_more_for_what_fewer_had() -> None:
    counts = [8, 4, 2, 0]
    values = [novelty(np.eye(4)[item], counts) for item in range(4)]
    assert values == sorted(values)
    # (count + 1) / (14 + 4) of item 2, in bits.
    assert values[2] == pytest.approx(np.log2(18 / 3))


@pytest.mark.parametrize("exposure", [[], [0.0, 0.0], [1.0, -1.0], [1.0, np.nan]])
def test_exposure_must_be_something(exposure: list[float]) -> None:
    with pytest.raises(DataError, match="exposure"):
        gini(exposure)


def test_novelty_needs_a_count_for_each_item() -> None:
    with pytest.raises(DataError, match="train_counts must be 2 numbers"):
        novelty([1.0, 1.0], [3])
