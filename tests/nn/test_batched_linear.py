"""Many layers in one product are the same layers one by one."""

import pytest
import torch

from habitus.nn.batched_linear import BatchedLinear


def made(groups: int, layers: int, width: int = 5, out: int = 3) -> BatchedLinear:
    return BatchedLinear(groups, layers, width, out, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("groups", "layers"), [(1, 1), (1, 4), (3, 1), (3, 2)])
def test_it_is_each_layer_alone(groups: int, layers: int) -> None:
    many = made(groups, layers)
    x_BGD = torch.randn(7, groups, 5, generator=torch.Generator().manual_seed(1))
    y_BGEH = many(x_BGD)
    assert y_BGEH.shape == (7, groups, layers, 3)
    for g in range(groups):
        for e in range(layers):
            weight, bias = many.weight_GDEH[g, :, e], many.bias_GEH[g, e]
            torch.testing.assert_close(
                y_BGEH[:, g, e], x_BGD[:, g] @ weight + bias, atol=1e-5, rtol=1e-5
            )


def test_one_input_for_all_groups_is_that_input_for_each() -> None:
    many = made(3, 2)
    x_BD = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    once, thrice = x_BD[:, None].expand(-1, 3, -1), x_BD[:, None].repeat(1, 3, 1)
    torch.testing.assert_close(many(once), many(thrice), atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_each_layer_alone() -> None:
    many, x_BGD = made(2, 3), torch.randn(4, 2, 5, generator=torch.Generator().manual_seed(1))
    torch.autograd.backward((many(x_BGD) ** 2).sum())
    # d/dW of (xW + b)^2 is 2 x' (xW + b).
    y_BH = x_BGD[:, 1] @ many.weight_GDEH[1, :, 2] + many.bias_GEH[1, 2]
    assert many.weight_GDEH.grad is not None
    torch.testing.assert_close(
        many.weight_GDEH.grad[1, :, 2], 2 * x_BGD[:, 1].T @ y_BH, atol=1e-5, rtol=1e-5
    )


def test_weights_are_in_the_range_of_a_linear_layer_and_repeat() -> None:
    # Uniform within 1 / sqrt(4) = 0.5: of 400 draws the largest is close to it.
    one, again = made(2, 5, 4, 10), made(2, 5, 4, 10)
    assert torch.equal(one.weight_GDEH, again.weight_GDEH)
    assert 0.48 < float(one.weight_GDEH.detach().abs().max()) <= 0.5
    assert float(one.bias_GEH.detach().abs().max()) <= 0.5


def test_the_generator_of_the_caller_is_left_alone() -> None:
    before = torch.get_rng_state()
    made(2, 2)
    assert torch.equal(torch.get_rng_state(), before)
