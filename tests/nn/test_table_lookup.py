"""A lookup is PyTorch's, and so is its gradient, bit by bit."""

import pytest
import torch
from torch import Tensor, nn

from habitus.nn import table_lookup
from habitus.nn.table_lookup import add_rows, is_plain, look_up

ROWS, DIM = 30, 5


def table(**options: bool) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(ROWS, DIM, **options)  # type: ignore[arg-type]


def places(num_events: int, num_lookups: int) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    # Few rows, so that most are met many times.
    return torch.randint(7, (num_events, num_lookups), generator=chance)


@pytest.mark.parametrize(("num_events", "num_lookups"), [(200, 3), (1, 1), (0, 3), (5, 0)])
def test_rows_and_gradient_are_those_of_pytorch_bit_by_bit(
    num_events: int, num_lookups: int
) -> None:
    rows, place_TM = table(), places(num_events, num_lookups)
    weight_TME = torch.randn(num_events, num_lookups, DIM)
    found, expected = look_up(rows, place_TM), rows(place_TM)
    assert torch.equal(found, expected)
    ours, theirs = (
        torch.autograd.grad((out * weight_TME).sum(), rows.weight)[0] for out in (found, expected)
    )
    assert torch.equal(ours, theirs)


def test_the_kernel_by_hand() -> None:
    out_VE = torch.zeros(3, 2)
    grad_TME = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    add_rows(torch.tensor([[2, 0], [2, 2]]).numpy(), grad_TME.numpy(), out_VE.numpy())
    # Row 0 was met once, row 2 three times: 1 + 5 + 7 and 2 + 6 + 8.
    assert out_VE.tolist() == [[3.0, 4.0], [0.0, 0.0], [13.0, 16.0]]


def test_a_gradient_that_is_not_in_one_piece_is_read_right() -> None:
    rows, place_TM = table(), places(40, 3)
    ours, theirs = (
        torch.autograd.grad(out[:, 1:].transpose(0, 1).sum(), rows.weight)[0]
        for out in (look_up(rows, place_TM), rows(place_TM))
    )
    assert torch.equal(ours, theirs)


def test_a_gradient_of_a_gradient_is_that_of_pytorch() -> None:
    rows, place_TM = table(), places(20, 2)
    second = []
    for out in (look_up(rows, place_TM), rows(place_TM)):
        (first,) = torch.autograd.grad(out.pow(3).sum(), rows.weight, create_graph=True)
        second.append(torch.autograd.grad(first.square().sum(), rows.weight)[0])
    torch.testing.assert_close(*second)


def test_where_it_does_not_apply_pytorch_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(table_lookup._LookUp, "forward")
    place_TM = places(4, 2)
    frozen = table()
    frozen.weight.requires_grad_(False)
    for rows in (table(sparse=True), table().double(), frozen):
        assert torch.equal(look_up(rows, place_TM), rows(place_TM))
    with torch.no_grad():
        look_up(table(), place_TM)
    sparse = table(sparse=True)
    torch.autograd.backward(look_up(sparse, place_TM).sum())
    assert sparse.weight.grad is not None
    assert sparse.weight.grad.is_sparse


def test_a_table_of_another_kind_looks_up_its_own_rows() -> None:
    class Doubled(nn.Embedding):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as in PyTorch
            return 2 * super().forward(input)

    rows = Doubled(ROWS, DIM)
    assert not is_plain(rows)
    assert not is_plain(table(sparse=True))
    assert is_plain(table())
    assert torch.equal(look_up(rows, places(4, 2)), rows(places(4, 2)))


def test_a_row_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        look_up(table(), torch.tensor([[ROWS]]))
