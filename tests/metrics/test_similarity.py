"""Likeness of counts: against loops over pairs of tokens, and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from habitus.errors import DataError, UsageError
from habitus.metrics.similarity import jensen_shannon, kendall

COUNTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=25)


def plain_tau(pairs: list[tuple[int, int]]) -> float:
    """Count concordant, discordant and tied pairs of tokens, one after another."""
    pairs = [pair for pair in pairs if any(pair)]
    more, tied_a, tied_b = 0, 0, 0
    for i, (a, b) in enumerate(pairs):
        for c, d in pairs[:i]:
            more += int(np.sign(a - c) * np.sign(b - d))
            tied_a += a == c
            tied_b += b == d
    total = len(pairs) * (len(pairs) - 1) // 2
    return more / math.sqrt((total - tied_a) * (total - tied_b))


@settings(deadline=None)
@given(COUNTS)
def test_tau_equals_a_loop_over_pairs_of_tokens(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    if not a.any() or not b.any():
        with pytest.raises(DataError, match="no token"):
            kendall(a, b)
        return
    met = [pair for pair in pairs if any(pair)]
    if len({x for x, _ in met}) == 1 or len({y for _, y in met}) == 1:
        assert math.isnan(kendall(a, b))
    else:
        assert kendall(a, b) == pytest.approx(plain_tau(pairs))


@settings(deadline=None)
@given(COUNTS)
def test_divergence_equals_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    if a.any() and b.any():
        # SciPy's distance is the root of the divergence.
        expected = float(jensenshannon(a, b, base=2)) ** 2
        assert jensen_shannon(a, b) == pytest.approx(expected, abs=1e-9)


def test_the_top_tokens_by_hand() -> None:
    a, b = [50, 30, 20, 0, 0], [20, 30, 50, 0, 0]
    # All three are upside down: (50, 20), (30, 30), (20, 50).
    assert kendall(a, b) == pytest.approx(-1)
    # Shares of a: .7, .2, .1, 0; of b: .5, .3, 0, .2. The two with the largest sums, 1.2 and .5,
    # are in the same order; so would not be all four.
    a, b = [70, 20, 10, 0], [50, 30, 0, 20]
    assert kendall(a, b, top=2) == pytest.approx(1)
    assert kendall(a, b) == pytest.approx(plain_tau(list(zip(a, b, strict=True))))
    assert kendall(a, b) < 1


def test_a_large_side_does_not_choose_the_top_alone() -> None:
    # By counts tokens 0 and 1 would be the top, in the same order. By shares they are token 2
    # (0 + 9/12) and token 0 (900/2400 + 2/12), which are in opposite orders.
    a, b = [900, 800, 0, 700], [2, 1, 9, 0]
    assert kendall(a, b, top=2) == pytest.approx(-1)


@pytest.mark.parametrize("counts", [[-1, 2], [math.nan, 1], [[1, 2]], [1, 2, 3]])
def test_what_are_no_counts(counts: list[float]) -> None:
    for function in (kendall, jensen_shannon):
        with pytest.raises(DataError, match="counts"):
            function(counts, [1, 1])


def test_one_token_is_no_order() -> None:
    with pytest.raises(UsageError, match="at least 2 tokens, got 1"):
        kendall([1, 2], [2, 1], top=1)
