"""The kernel's small parts: even draws, all subsets alike, sorted without doubles."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import subgraph_sampling as kernel


def state(seed: int = 0) -> np.ndarray:
    return np.array([seed], np.uint64)


def test_bits_are_those_of_splitmix64() -> None:
    # The published first numbers of the generator with seed 1234567.
    here = state(1234567)
    found = []
    for _ in range(3):
        here += kernel.GOLDEN
        found.append(int(kernel._mix(here[0])))
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_draw_is_even_and_below_its_limit() -> None:
    here = state()
    drawn = [kernel._below(7, here) for _ in range(7_000)]
    counts = np.bincount(drawn, minlength=7)
    assert len(counts) == 7
    # 1,000 each, with a standard deviation of √(7,000 · 1/7 · 6/7) = 29.
    assert (abs(counts - 1_000) < 5 * math.sqrt(7_000 * 6 / 49)).all()
    assert {kernel._below(1, here) for _ in range(10)} == {0}


def test_every_subset_is_as_likely_as_any_other() -> None:
    # Five places, of which the hole at 12 is none: three of 10, 11, 13, 14, 15, ten subsets.
    here, out = state(), np.empty(3, np.int64)
    times: dict[frozenset[int], int] = {}
    for _ in range(10_000):
        assert kernel._pick(10, 16, 12, 3, here, out) == 3
        key = frozenset(out.tolist())
        times[key] = times.get(key, 0) + 1
    assert times.keys() == {frozenset(c) for c in itertools.combinations([10, 11, 13, 14, 15], 3)}
    # 1,000 each, with a standard deviation of √(10,000 · 0.1 · 0.9) = 30.
    assert all(abs(count - 1_000) < 150 for count in times.values())


def test_all_are_taken_where_there_are_no_more() -> None:
    out = np.empty(3, np.int64)
    for start, stop, hole, expected in (
        (4, 7, -1, [4, 5, 6]),
        (4, 6, -1, [4, 5]),
        (4, 8, 7, [4, 5, 6]),
        (4, 6, 4, [5]),
        (4, 5, 4, []),
        (4, 4, -1, []),
    ):
        count = kernel._pick(start, stop, hole, 3, state(), out)
        assert sorted(out[:count].tolist()) == expected
    assert kernel._pick(4, 9, -1, 0, state(), out) == 0


@given(st.lists(st.integers(0, 9), max_size=12))
def test_members_are_sorted_and_stand_once(users: list[int]) -> None:
    out, count = np.empty(12, np.int32), 0
    for user in users:
        count = kernel._insert(user, count, out)
    assert out[:count].tolist() == sorted(set(users))


def test_a_value_is_found_in_its_range_only() -> None:
    values = np.array([1, 4, 9, 1, 5], np.int32)
    assert kernel._find(values, 0, 3, 4) == 1
    assert kernel._find(values, 0, 3, 9) == 2
    assert kernel._find(values, 3, 5, 5) == 4
    for wanted, start, stop in ((5, 0, 3), (9, 3, 5), (10, 3, 5), (0, 0, 3), (4, 1, 1)):
        assert kernel._find(values, start, stop, wanted) == -1
