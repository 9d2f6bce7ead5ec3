"""Every row has one place, every place one process, and shards are as equal as they can be."""

from itertools import pairwise
from math import gcd

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import UsageError
from habitus.nn.shard_layout import (
    MAX_ROWS,
    ShardLayout,
    golden_multiplier,
    ranges,
    rows_at,
)

sizes = st.integers(1, 400)
worlds = st.integers(1, 9)


@given(sizes, worlds)
def test_places_are_a_permutation_and_lead_back(num_rows: int, world: int) -> None:
    layout = ShardLayout(num_rows, world)
    row_V = torch.arange(num_rows)
    place_V = layout.place(row_V)
    assert place_V.sort().values.tolist() == row_V.tolist()
    assert torch.equal(layout.row(place_V), row_V)


@given(sizes, worlds)
def test_the_owner_is_the_one_between_whose_bounds_a_place_lies(num_rows: int, world: int) -> None:
    layout = ShardLayout(num_rows, world)
    bounds = layout.bounds()
    # The slow twin: look through the ranges.
    expected = [
        next(w for w in range(world) if bounds[w] <= place < bounds[w + 1])
        for place in range(num_rows)
    ]
    assert layout.owner(torch.arange(num_rows)).tolist() == expected


@given(sizes, worlds)
def test_shards_differ_by_a_row_at_most(num_rows: int, world: int) -> None:
    bounds = ShardLayout(num_rows, world).bounds()
    held = [stop - start for start, stop in pairwise(bounds)]
    assert (bounds[0], bounds[-1]) == (0, num_rows)
    assert max(held) - min(held) <= 1


def test_by_hand() -> None:
    # 10 / 1.618 = 6.18: 6 is even, 7 is next and coprime; 7 · r mod 10 of rows 0 … 9.
    layout = ShardLayout(10, 3)
    assert layout.multiplier == 7
    assert layout.place(torch.arange(10)).tolist() == [0, 7, 4, 1, 8, 5, 2, 9, 6, 3]
    # 0, 10/3, 20/3 and 10, rounded down.
    assert layout.bounds() == [0, 3, 6, 10]
    # Rows 0, 3 and 6 lie at places 0, 1 and 2.
    assert rows_at(layout, 0, 3).tolist() == [0, 3, 6]


def test_one_process_holds_a_plain_table() -> None:
    row_V = torch.arange(7)
    assert torch.equal(ShardLayout(7, 1).place(row_V), row_V)


@given(st.integers(1, MAX_ROWS - 1))
def test_the_multiplier_has_no_factor_in_common_and_products_fit(num_rows: int) -> None:
    multiplier = golden_multiplier(num_rows)
    assert 1 <= multiplier <= num_rows
    assert gcd(multiplier, num_rows) == 1
    last = torch.tensor([num_rows - 1])
    layout = ShardLayout(num_rows, 2)
    assert layout.place(last).item() == (num_rows - 1) * layout.multiplier % num_rows
    assert layout.row(layout.place(last)).item() == num_rows - 1


@pytest.mark.parametrize("step", [1, 2, 3, 64, 1_000])
@pytest.mark.parametrize("num_rows", [100_000, 131_072, 99_991])
def test_frequent_rows_and_regular_ones_are_spread_over_all(num_rows: int, step: int) -> None:
    # The first 64 rows of a channel, or every so-manyth row, are a quarter in each of four.
    layout = ShardLayout(num_rows, 4)
    owner_B = layout.owner(layout.place(torch.arange(64) * step))
    assert torch.bincount(owner_B, minlength=4).tolist() == pytest.approx([16] * 4, abs=6)


@pytest.mark.parametrize("num_rows", [0, -1, MAX_ROWS])
def test_a_table_of_no_row_or_too_many_is_refused(num_rows: int) -> None:
    with pytest.raises(UsageError, match=f"got {num_rows}"):
        ShardLayout(num_rows, 2)


def test_a_range_in_parts() -> None:
    assert ranges(3, 8, 2) == [(3, 5), (5, 7), (7, 8)]
    assert ranges(3, 3, 2) == []
