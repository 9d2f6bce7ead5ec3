"""Rows are sums of two parts, all of them different, from far fewer weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from habitus.errors import UsageError
from habitus.nn.quotient_remainder import QuotientRemainder
from habitus.training.optimizer import parameter_groups


@given(st.integers(1, 60), st.none() | st.integers(1, 70))
def test_a_row_is_the_sum_of_two_and_no_two_rows_have_the_same_parts(
    num_rows: int, num_remainders: int | None
) -> None:
    table = QuotientRemainder(num_rows, 3, num_remainders)
    with torch.no_grad():
        # The parts as numbers: hundreds and units.
        table.quotient.weight.copy_(100.0 * torch.arange(len(table.quotient.weight))[:, None])
        table.remainder.weight.copy_(1.0 * torch.arange(len(table.remainder.weight))[:, None])
    found = table.rows(0, num_rows)
    modulus = table.modulus
    for row in range(num_rows):
        assert found[row].tolist() == [100.0 * (row // modulus) + row % modulus] * 3
    assert len(set(found[:, 0].tolist())) == num_rows
    ids = torch.arange(num_rows).view(1, -1).repeat(2, 1)
    assert torch.equal(table(ids), found.repeat(2, 1, 1))


def test_a_million_rows_take_two_thousand() -> None:
    table = QuotientRemainder(1_000_000, 4)
    # √1,000,000 = 1,000 remainders and as many quotients.
    assert sum(p.numel() for p in table.parameters()) == 2_000 * 4
    # One more row needs a remainder more: 1,001, and ⌈1,000,001 / 1,001⌉ = 1,000 quotients.
    larger = QuotientRemainder(1_000_001, 4)
    assert (len(larger.remainder.weight), len(larger.quotient.weight)) == (1_001, 1_000)


def test_rows_begin_as_large_as_those_of_one_table() -> None:
    rows = QuotientRemainder(40_000, 16).rows(0, 40_000)
    # 16 ** -0.5; 400 rows of 16 numbers: an error of 1/4 / sqrt(2 · 6,400) = 0.0022.
    assert rows.std().item() == pytest.approx(0.25, abs=0.011)


def test_both_parts_get_a_gradient_and_are_tables_to_the_optimiser() -> None:
    table = QuotientRemainder(9, 2, sparse=True)
    torch.autograd.backward(table(torch.tensor([4])).sum())
    for part in (table.quotient, table.remainder):
        gradient = part.weight.grad
        assert gradient is not None
        assert gradient.is_sparse
        # 4 = 1 · 3 + 1.
        assert gradient.coalesce().indices().tolist() == [[1]]
    groups = parameter_groups(nn.ModuleList([table]))
    assert len(groups["sparse"]) == 2


@pytest.mark.parametrize("sizes", [(0, 2, None), (3, 0, None), (3, 2, 0)])
def test_sizes_that_mean_nothing_are_refused(sizes: tuple[int, int, int | None]) -> None:
    with pytest.raises(UsageError, match="must be at least 1, got 0"):
        QuotientRemainder(*sizes)
