import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from habitus.training.row_wise_adagrad import RowWiseAdagrad


def table(num_rows: int = 3) -> nn.Parameter:
    return nn.Parameter(torch.zeros(num_rows, 2))


def test_by_hand() -> None:
    table_VD = table()
    optimizer = RowWiseAdagrad([table_VD], lr=0.1, eps=1e-12)
    table_VD.grad = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 1.0]])
    optimizer.step()
    # Row 0: mean square (9 + 16) / 2 = 12.5; row 2: 1.
    root = 12.5**0.5
    assert table_VD[0].tolist() == pytest.approx([-0.1 * 3 / root, -0.1 * 4 / root])
    assert table_VD[1].tolist() == [0.0, 0.0]
    assert table_VD[2].tolist() == pytest.approx([-0.1, -0.1])
    optimizer.step()
    # The squares add up: 2 for row 2, whose second step is 0.1 / sqrt(2).
    assert table_VD[2, 0].item() == pytest.approx(-0.1 - 0.1 / 2**0.5)


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=4))
def test_sparse_is_dense(steps: list[list[int]]) -> None:
    # Doubled rows in one step are added up before they are squared.
    tables = []
    for is_sparse in (True, False):
        embed = nn.Embedding(6, 4, sparse=is_sparse)
        with torch.no_grad():
            embed.weight.copy_(torch.arange(24.0).view(6, 4))
        optimizer = RowWiseAdagrad(embed.parameters(), lr=0.5)
        for rows in steps:
            optimizer.zero_grad()
            embed(torch.tensor(rows)).square().sum().backward()
            optimizer.step()
        tables.append(embed.weight.detach())
    torch.testing.assert_close(*tables)


def test_state_is_one_number_a_row() -> None:
    embed = nn.Embedding(5, 7, sparse=True)
    optimizer = RowWiseAdagrad(embed.parameters())
    embed(torch.tensor([1])).sum().backward()
    optimizer.step()
    (state,) = optimizer.state_dict()["state"].values()
    assert state["square_V"].tolist() == [0, 1, 0, 0, 0]


def test_a_table_without_gradient_is_left_alone() -> None:
    table_VD = table()
    RowWiseAdagrad([table_VD]).step()
    assert not table_VD.any()


def test_state_is_counted_in_bytes() -> None:
    embed = nn.Embedding(5, 7, sparse=True)
    optimizer = RowWiseAdagrad(embed.parameters())
    assert optimizer.state_bytes() == 0
    embed(torch.tensor([1])).sum().backward()
    optimizer.step()
    # One float for each of 5 rows, where Adam would keep 2 · 5 · 7.
    assert optimizer.state_bytes() == 4 * 5
