"""Both paths are a loop over rows, forwards and backwards; the permutation is its own inverse."""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from habitus.nn import expert_products
from habitus.nn.expert_products import (
    MEASURED,
    Measured,
    Path,
    choose_path,
    combine,
    dispatch,
    feed_forward,
    measure_paths,
    plan,
    products,
)

EXPERTS, WIDTH, HIDDEN = 5, 8, 12
paths = pytest.mark.parametrize("path", get_args(Path))
CHOICES = {
    "mixed": [[0, 3], [4, 0], [1, 0], [3, 4], [4, 1]],
    "a dead expert": [[0, 1], [3, 4], [4, 3]],
    "all to one": [[2], [2], [2]],
    "one token": [[4]],
    "no token": [],
}
choices = pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)


def draw(*shape: int, seed: int = 0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=chance).requires_grad_()


def tensor(choice: list[list[int]]) -> Tensor:
    return torch.tensor(choice, dtype=torch.long).view(len(choice), -1 if choice else 2)


@given(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), max_size=12))
def test_rows_stand_by_expert_then_by_token(choice: list[list[int]]) -> None:
    expert_TK = tensor(choice)
    where = plan(expert_TK, EXPERTS)
    expected = sorted((e, t) for t, row in enumerate(choice) for e in row)
    assert where.token_N.tolist() == [t for _, t in expected]
    assert where.sizes == [sum(e == x for e, _ in expected) for x in range(EXPERTS)]
    assert where.end_E.tolist() == torch.tensor(where.sizes).cumsum(0).tolist()
    assert where.end_E.dtype == torch.int32
    sorted_N = expert_TK.flatten()[where.order_N]
    assert torch.equal(sorted_N[where.place_TK.flatten()], expert_TK.flatten())


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), max_size=8))
@settings(max_examples=30)
def test_what_is_dispatched_comes_back_once_for_each_choice(choice: list[list[int]]) -> None:
    expert_TK = torch.tensor(choice, dtype=torch.long).view(len(choice), 3)
    x_TD, where = draw(len(choice), WIDTH), plan(expert_TK, EXPERTS)
    torch.testing.assert_close(combine(dispatch(x_TD, where), where), 3 * x_TD)


def test_gradients_of_the_permutation_are_those_of_differences() -> None:
    expert_TK = tensor(CHOICES["mixed"])
    where = plan(expert_TK, EXPERTS)
    x_TD, weight_TK = draw(5, 3).double().detach(), draw(5, 2, seed=1).double().detach()
    inputs = x_TD.requires_grad_(), weight_TK.requires_grad_()

    def through(x_TD: Tensor, weight_TK: Tensor) -> Tensor:
        return combine(dispatch(x_TD, where).square(), where, weight_TK)

    assert torch.autograd.gradcheck(through, inputs)
    # Eq. 10 is searched through a gradient of a gradient.
    assert torch.autograd.gradgradcheck(through, inputs)


@paths
@choices
def test_a_product_is_a_loop_over_rows(path: Path, choice: list[list[int]]) -> None:
    where = plan(tensor(choice), EXPERTS)
    rows = len(where.order_N)
    x_NI, weight_EIO = draw(rows, WIDTH), draw(EXPERTS, WIDTH, HIDDEN, seed=1)
    out_NO = products(x_NI, weight_EIO, where, path)
    assert out_NO.shape == (rows, HIDDEN)
    weights_NO = draw(rows, HIDDEN, seed=2).detach()
    found = torch.autograd.grad((out_NO * weights_NO).sum(), (x_NI, weight_EIO))
    expert_N = tensor(choice).flatten()[where.order_N].tolist()
    each = [x_NI[n] @ weight_EIO[e] for n, e in enumerate(expert_N)]
    expected_NO = torch.stack(each) if each else out_NO.new_zeros(0, HIDDEN)
    torch.testing.assert_close(out_NO, expected_NO, atol=1e-5, rtol=1e-5)
    if each:
        expected = torch.autograd.grad((expected_NO * weights_NO).sum(), (x_NI, weight_EIO))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    else:
        assert not found[1].any()


@paths
@choices
def test_a_feed_forward_layer_is_a_loop_over_rows(path: Path, choice: list[list[int]]) -> None:
    where = plan(tensor(choice), EXPERTS)
    rows = len(where.order_N)
    given_ = (
        draw(rows, WIDTH),
        draw(EXPERTS, WIDTH, HIDDEN, seed=1),
        draw(EXPERTS, HIDDEN, WIDTH, seed=2),
    )
    out_ND = feed_forward(*given_, where, torch.relu, path)
    expert_N = tensor(choice).flatten()[where.order_N].tolist()
    x_ND, inner, outer = given_
    each = [(x_ND[n] @ inner[e]).relu() @ outer[e] for n, e in enumerate(expert_N)]
    expected_ND = torch.stack(each) if each else x_ND.new_zeros(0, WIDTH)
    torch.testing.assert_close(out_ND, expected_ND, atol=1e-5, rtol=1e-5)
    if each:
        pairs = [torch.autograd.grad(o.square().sum(), given_) for o in (out_ND, expected_ND)]
        torch.testing.assert_close(*pairs, atol=1e-5, rtol=1e-5)


@paths
def test_an_expert_without_a_row_has_a_gradient_of_zero(path: Path) -> None:
    where = plan(tensor(CHOICES["a dead expert"]), EXPERTS)
    weight_EIO = draw(EXPERTS, WIDTH, HIDDEN, seed=1)
    out = products(draw(6, WIDTH), weight_EIO, where, path)
    torch.autograd.backward(out.square().sum())
    assert weight_EIO.grad is not None
    assert weight_EIO.grad.any(2).any(1).tolist() == [True, True, False, True, True]


def test_the_path_follows_device_numbers_and_rows_of_an_expert() -> None:
    weight = torch.zeros(2, 8, 16)
    few, many, rows, _ = MEASURED["cpu", torch.float32]
    assert (few, many) == ("grouped", "unbind")
    assert choose_path(torch.zeros(2 * rows - 1, 8), weight) == few
    assert choose_path(torch.zeros(2 * rows, 8), weight) == many
    assert choose_path(torch.zeros(4, 8, device="meta"), weight) == "unbind"
    assert all(measured.reason for measured in MEASURED.values())


def test_a_table_that_says_grouped_is_followed_where_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {("cpu", torch.float32): Measured("grouped", "grouped", 0, "a test")}
    monkeypatch.setattr(expert_products, "MEASURED", table)
    x, weight = torch.zeros(4, 8), torch.zeros(2, 8, 16)
    assert choose_path(x, weight) == "grouped"
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert choose_path(x, weight) == "unbind"
    # Rows of 6 · 4 bytes do not begin at multiples of 16.
    assert choose_path(x, torch.zeros(2, 8, 6)) == "unbind"
    monkeypatch.delattr(functional, "grouped_mm")
    assert choose_path(x, weight) == "unbind"


def test_every_path_can_be_measured() -> None:
    seconds = measure_paths(2, 4, 8, 16, turns=1)
    assert set(seconds) == {"grouped", "unbind"}
    assert all(0 < s < 60 for s in seconds.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_in_16_bits_both_paths_agree() -> None:
    where = plan(torch.randint(4, (64, 2), device="cuda"), 4)
    x = torch.randn(128, 16, device="cuda", dtype=torch.bfloat16)
    weight = torch.randn(4, 16, 32, device="cuda", dtype=torch.bfloat16)
    assert choose_path(x, weight) == "grouped"
    both = [products(x, weight, where, path) for path in get_args(Path)]
    torch.testing.assert_close(*both, atol=2e-2, rtol=2e-2)
