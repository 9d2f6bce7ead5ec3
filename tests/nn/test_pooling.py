"""A pooled sequence is what a loop makes of its tokens, and zeros where it has none."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from habitus.nn.attention import PackedLayout
from habitus.nn.pooling import Pooling, pool, pooled_width, weight_sums, weighted_mean

WIDTH = 3


def layout(lengths: list[int]) -> PackedLayout:
    return PackedLayout(torch.tensor([0, *lengths]).cumsum(0), torch.device("cpu"))


def plain_pool(x_TD: Tensor, lengths: list[int], pooling: Pooling) -> Tensor:
    rows = []
    for x_LD in torch.split(x_TD, lengths):
        parts = dict.fromkeys(("max", "mean", "sum"), torch.zeros(WIDTH))
        if len(x_LD):
            total = [math.fsum(column) for column in x_LD.T.tolist()]
            parts["max"] = torch.tensor([max(column) for column in x_LD.T.tolist()])
            parts["mean"] = torch.tensor(total) / len(x_LD)
            parts["sum"] = torch.tensor([math.copysign(math.log1p(abs(s)), s) for s in total])
        rows.append(torch.cat([parts[name] for name in pooling.split("_")]))
    return torch.stack(rows) if rows else torch.zeros(0, pooled_width(WIDTH, pooling))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.sampled_from(get_args(Pooling)))
def test_pooling_is_that_of_a_loop(lengths: list[int], pooling: Pooling) -> None:
    # All below zero, so that the zeros of padding or of an empty sequence would win a maximum.
    x_TD = -torch.rand(sum(lengths), WIDTH, generator=torch.Generator().manual_seed(0)) - 0.1
    expected_UD = plain_pool(x_TD, lengths, pooling)
    torch.testing.assert_close(pool(x_TD, layout(lengths), pooling), expected_UD)


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_the_width_is_that_of_the_result(pooling: Pooling) -> None:
    pooled_UD = pool(torch.ones(2, WIDTH), layout([2, 0]), pooling)
    assert pooled_UD.shape == (2, pooled_width(WIDTH, pooling))
    assert not pooled_UD[1].any()
    assert pooled_width(5, "max_mean") == 10


def test_a_sum_tells_long_from_short_histories_and_does_not_grow_with_them() -> None:
    x_TD = torch.ones(104, 1)
    few, many = pool(x_TD, layout([4, 100]), "sum").flatten().tolist()
    assert (few, many) == (pytest.approx(math.log(5)), pytest.approx(math.log(101)))
    assert pool(x_TD, layout([4, 100]), "mean").flatten().tolist() == [1.0, 1.0]


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_gradients_are_finite_beside_an_empty_sequence(pooling: Pooling) -> None:
    x_TD = torch.randn(4, WIDTH).requires_grad_()
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        torch.autograd.backward(pool(x_TD, layout([0, 3, 0, 1]), pooling).sum())
    assert x_TD.grad is not None
    # A maximum and a mean hand one unit of gradient to the tokens of a sequence, the logarithm of
    # a sum s hands 1 / (1 + |s|) to each.
    for x_LD, grad_LD in ((x_TD[:3], x_TD.grad[:3]), (x_TD[3:], x_TD.grad[3:])):
        one_D = torch.ones(WIDTH)
        damped_D = len(x_LD) / (1 + x_LD.detach().sum(0).abs())
        units = {"max": one_D, "mean": one_D, "sum": damped_D}
        expected_D = torch.stack([units[name] for name in pooling.split("_")]).sum(0)
        torch.testing.assert_close(grad_LD.sum(0), expected_D)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_a_weighted_mean_is_that_of_a_loop(lengths: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x_TD = torch.randn(sum(lengths), WIDTH, generator=generator)
    weight_T = torch.rand(sum(lengths), generator=generator) + 0.1
    parts = zip(torch.split(x_TD, lengths), torch.split(weight_T, lengths), strict=True)
    expected = [sum(w * x for x, w in zip(*part, strict=True)) / part[1].sum() for part in parts]
    found_UD = weighted_mean(x_TD, layout(lengths), weight_T)
    torch.testing.assert_close(found_UD, torch.stack([torch.as_tensor(e) for e in expected]))
    sums_U = torch.stack([w.sum() for w in torch.split(weight_T, lengths)])
    torch.testing.assert_close(weight_sums(weight_T, layout(lengths)), sums_U)


def test_equal_weights_are_a_plain_mean() -> None:
    x_TD, place = torch.randn(5, WIDTH), layout([2, 3])
    found_UD = weighted_mean(x_TD, place, torch.full((5,), 7.0))
    torch.testing.assert_close(found_UD, pool(x_TD, place, "mean"))
