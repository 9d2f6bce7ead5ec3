"""Matching against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.metrics.matching import Mask, Matched, Vectors, match


def plain(query: Vectors, candidate: Vectors, asked: Mask, there: Mask) -> Matched:
    """Compare every query with every candidate, one after another."""

    def score(n: int, m: int) -> float:
        lengths = float(np.linalg.norm(query[n]) * np.linalg.norm(candidate[m]))
        if not asked[n] or not query[n].any():
            return 0.0
        if not there[m] or not candidate[m].any():
            return -2.0
        return round(float(query[n].astype(np.float64) @ candidate[m]) / lengths, 6)

    num = len(query)
    better, tied = np.zeros(num, np.int64), np.zeros(num, np.int64)
    for n in range(num):
        own = score(n, n)
        for m in range(num):
            if m != n:
                better[n] += score(n, m) > own
                tied[n] += score(n, m) == own
    return Matched(better, tied)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), num=st.integers(1, 30), cells=st.sampled_from([1, 50, 1 << 22]))
def test_it_equals_a_plain_loop(seed: int, num: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    # Directions on a coarse grid, so that there are ties, also between vectors of other lengths.
    query = random.integers(-2, 3, (num, 3)).astype(np.float32)
    candidate = random.integers(-2, 3, (num, 3)).astype(np.float32)
    asked, there = random.random(num) < 0.8, random.random(num) < 0.8
    # Rounding may tell cosines that are equal apart, where neither rows nor lengths are.
    query[:, 0] += random.random(num).astype(np.float32)
    candidate[: num // 2] = candidate[random.integers(0, num, num // 2)]
    ours = match(query, candidate, asked, there, block_cells=cells)
    expected = plain(query, candidate, asked, there)
    np.testing.assert_array_equal(ours.num_better_N, expected.num_better_N)
    np.testing.assert_array_equal(ours.num_tied_N, expected.num_tied_N)


def test_by_hand() -> None:
    query = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    candidate = np.array([[3, 0], [1, 1], [1, 1]], np.float32)
    # Query 0: cosines 1, .7, .7. Query 1: 0, .7, .7. Query 2: .7, 1, 1.
    found = match(query, candidate)
    assert found.num_better_N.tolist() == [0, 0, 0]
    assert found.num_tied_N.tolist() == [0, 1, 1]


def test_equal_candidates_are_tied_whatever_their_place() -> None:
    random = np.random.default_rng(0)
    query = random.normal(size=(999, 77)).astype(np.float32)
    candidate = np.repeat(random.normal(size=(1, 77)), 999, 0).astype(np.float32)
    found = match(query, candidate)
    assert not found.num_better_N.any()
    assert (found.num_tied_N == 998).all()


def test_who_is_not_there() -> None:
    query = np.array([[1, 0], [1, 0], [0, 0], [1, 0]], np.float32)
    candidate = np.array([[1, 0], [1, 0], [1, 0], [0, 0]], np.float32)
    found = match(query, candidate, np.array([True, False, True, True]))
    # 0: candidates 1 and 2 are as near. 1 is not asked and 2 points nowhere: all 3 others are
    # tied. 3 looks for one who is not there, after all 3 who are.
    assert found.num_better_N.tolist() == [0, 0, 0, 3]
    assert found.num_tied_N.tolist() == [2, 3, 3, 0]


def test_zeros_of_either_sign_are_equal() -> None:
    candidate = np.array([[1, 0.0], [1, -0.0]], np.float32)
    assert match(candidate, candidate).num_tied_N.tolist() == [1, 1]


def test_nobody_is_matched_with_nobody() -> None:
    nobody = np.zeros((0, 3), np.float32)
    assert len(match(nobody, nobody).num_better_N) == 0


@pytest.mark.parametrize(
    ("query", "candidate", "present", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 3)), None, "must be alike"),
        (np.ones((2, 3)), np.ones((2, 2)), None, "must be alike"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), None, "each query must be one vector of finite"),
        (np.ones((2, 3)), np.ones(2), None, "each candidate must be one vector"),
        (np.ones((2, 0)), np.ones((2, 0)), None, "each query must be one vector"),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(3, bool), "of presence"),
    ],
)
def test_what_cannot_be_matched(
    query: Vectors, candidate: Vectors, present: Mask | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        match(query.astype(np.float32), candidate.astype(np.float32), present)
