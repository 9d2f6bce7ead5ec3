"""Groups cover all sequences in order, within the padding that is allowed."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.length_groups import length_groups, padded

lengths = st.lists(st.integers(1, 60), max_size=80).map(lambda n: np.array(sorted(n), np.int64))


@given(lengths, st.sampled_from([0.0, 0.03, 0.3, 0.9]))
def test_no_group_pads_more_than_it_may(length_B: np.ndarray, share: float) -> None:
    group_H1 = length_groups(length_B, share)
    assert (group_H1[0], group_H1[-1]) == (0, len(length_B))
    assert (np.diff(group_H1) > 0).all()
    total = 0
    for start, stop in pairwise(group_H1):
        held = (stop - start) * length_B[start:stop].max()
        assert held - length_B[start:stop].sum() <= share * held
        total += held
    assert padded(length_B, group_H1) == total


@given(lengths)
def test_without_padding_each_length_is_a_group(length_B: np.ndarray) -> None:
    group_H1 = length_groups(length_B, 0)
    assert length_B[group_H1[:-1]].tolist() == np.unique(length_B).tolist()
    assert padded(length_B, group_H1) == length_B.sum()


@pytest.mark.parametrize(
    ("length_B", "expected"),
    [
        ([], [0]),
        ([7], [0, 1]),
        # 9 beside 10: 1 / 20 is more than 3 %; beside three of them 1 / 40 is less.
        ([9, 10], [0, 1, 2]),
        ([9, 10, 10, 10], [0, 4]),
        # 9, 10: 1 of 20, too much; with fifty of 11: (2 + 1) of 572 is little.
        ([9, 10, *[11] * 50], [0, 52]),
    ],
)
def test_by_hand(length_B: list[int], expected: list[int]) -> None:
    assert length_groups(np.array(length_B, np.int64), 0.03).tolist() == expected
