"""Sums by weight, and means over targets, not over batches."""

import pytest
import torch

from habitus.objectives import Loss
from habitus.objectives.weighted import mean_loss, mean_of, weighted


def part(mean: float, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(float(mean), requires_grad=True), torch.tensor(count)


def test_parts_with_a_weight_are_summed_and_the_others_reported() -> None:
    loss = weighted({"a": part(2, 5), "b": part(3, 1), "c": part(7, 1)}, {"a": 0.5, "b": 2})
    assert loss.total.item() == 0.5 * 2 + 2 * 3
    assert loss.total.requires_grad
    assert {name: value.item() for name, value in loss.parts.items()} == {"a": 2, "b": 3, "c": 7}
    assert not any(value.requires_grad for value in loss.parts.values())
    assert loss.counts["a"].item() == 5


def test_one_part_of_weight_one_is_that_part_bit_by_bit() -> None:
    value = torch.rand((), generator=torch.Generator().manual_seed(0))
    assert torch.equal(weighted({"a": (value, torch.tensor(1))}, {"a": 1.0}).total, value)


def test_a_mean_over_batches_is_one_over_targets() -> None:
    losses = [weighted({"a": part(mean, count)}, {"a": 2}) for mean, count in ((1, 3), (5, 1))]
    loss = mean_loss(losses, {"a": 2})
    # (1 · 3 + 5 · 1) / 4 = 2.
    assert loss.parts["a"].item() == 2
    assert loss.counts["a"].item() == 4
    assert loss.total.item() == 4


def test_nothing_is_nothing() -> None:
    mean, count = mean_of(torch.zeros(0, requires_grad=True))
    assert (mean.item(), count.item()) == (0, 0)
    torch.autograd.backward(mean)
    loss = mean_loss([Loss(mean, {"a": mean.detach()}, {"a": count})], {"a": 1})
    assert loss.total.item() == 0
    assert mean_of(torch.tensor([1.0, 2.0]))[0].item() == pytest.approx(1.5)
