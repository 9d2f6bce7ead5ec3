"""Two passes give the gradient of one, whatever is dropped, and hold a part of its activations."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from habitus.data.item_pairs import ItemPairBatch
from habitus.data.loader import Loader
from habitus.errors import UsageError
from habitus.nn.stages import run
from habitus.objectives import Loss
from habitus.training import Trainer, TrainingConfig
from habitus.training.grad_cache import Backward, Chance, cached_backward
from tests.training.items import gradients, modules, most_activations, people
from tests.training.toy import toy_modules

CPU = torch.device("cpu")
ONE_PASS = TrainingConfig(max_steps=3, learning_rate=1e-2, log_every=1)


def backward(
    chunk: int | None, batch: ItemPairBatch, dropout: float = 0.0, batches: int = 1
) -> tuple[Loss, dict[str, Tensor]]:
    """Return the loss and the gradients of fresh modules, with the same chance every time."""
    both = modules(dropout)
    config = replace(ONE_PASS, grad_cache_chunk=chunk)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        loss = Backward(*both, config, CPU)(batch, torch.Generator(), batches)
    return loss, gradients(*both)


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, gradient in expected.items():
        # Gradients of tokens are near 100: sums of 32 bits in another order.
        scale = max(1.0, gradient.abs().max().item())
        torch.testing.assert_close(found[name], gradient, atol=1e-6 * scale, rtol=0, msg=name)


@pytest.mark.parametrize("chunk", [1, 25, 60, 10_000])
def test_two_passes_are_one(chunk: int) -> None:
    batch = people(12)
    (expected, gradient), (loss, found) = backward(None, batch), backward(chunk, batch)
    torch.testing.assert_close(loss.total, expected.total)
    assert loss.parts.keys() == expected.parts.keys()
    assert not loss.total.requires_grad
    assert_same(found, gradient)
    assert all(gradient[name].any() for name in gradient if "null" not in name)


@pytest.mark.parametrize("chunk", [25, 60])
def test_with_dropout_both_passes_draw_the_same(chunk: int) -> None:
    batch = people(12)
    loss, found = backward(chunk, batch, dropout=0.3)
    # One pass over the same parts, which draw in the same order.
    encoder, objective = modules(0.3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        z_ND = run(objective.stages(encoder, batch, chunk))
        expected = objective.loss_of(z_ND, batch, torch.Generator())
    torch.autograd.backward(expected.total)
    torch.testing.assert_close(loss.total, expected.total.detach())
    assert_same(found, gradients(encoder, objective))
    _, without = backward(chunk, batch)
    name = "0.tokens.weight"
    assert not torch.allclose(found[name], without[name], atol=1e-4)


def test_dropout_goes_on_where_one_pass_would_have_left_it() -> None:
    batch = people(6)
    states = []
    for chunk in (None, 10_000):
        both = modules(0.3)
        torch.manual_seed(1)
        Backward(*both, replace(ONE_PASS, grad_cache_chunk=chunk), CPU)(batch, torch.Generator())
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_a_share_of_a_step_of_several_batches() -> None:
    _, whole = backward(25, people(6))
    loss, third = backward(25, people(6), batches=3)
    assert_same({name: 3 * gradient for name, gradient in third.items()}, whole)
    torch.testing.assert_close(loss.total, backward(None, people(6))[0].total)


def test_sixteen_times_the_batch_in_the_memory_of_one_pass() -> None:
    small, large = people(3, num_items=10_000), people(48, num_items=10_000)
    assert large.items.dedup_share < 0.1
    with most_activations() as one_pass:
        backward(None, small)
    with most_activations() as all_at_once:
        backward(None, large)
    # Half as much at a time, since the rows of all users and their loss are held beside it.
    with most_activations() as two_passes:
        backward(small.items.num_tokens // 2, large)
    assert large.num_users == 16 * small.num_users
    assert two_passes[0] <= one_pass[0]
    assert all_at_once[0] > 12 * one_pass[0]


def test_each_text_is_made_twice_and_no_more() -> None:
    batch, (encoder, objective) = people(12), modules()
    made: list[int] = []
    encoder.item_transformer.register_forward_hook(lambda *called: made.append(len(called[2])))
    config = replace(ONE_PASS, grad_cache_chunk=25)
    policy = Backward(encoder, objective, config, CPU)
    policy(batch, torch.Generator())
    assert sum(made) == 2 * batch.items.num_texts
    true, executed = objective.forward_flops(encoder, batch)
    # The meter counts three forward passes, and this is a fourth.
    assert policy.flops(batch) == pytest.approx((true, executed * 4 / 3))
    assert Backward(encoder, objective, ONE_PASS, CPU).flops(batch) == (true, executed)


def test_nobody_to_compare_is_no_error() -> None:
    loss, found = backward(25, people(0))
    assert loss.total == 0
    assert not any(gradient.any() for gradient in found.values())


def test_other_objectives_have_one_pass_only() -> None:
    encoder, objective = toy_modules()
    with pytest.raises(UsageError, match="toy is not: set grad_cache_chunk to null"):
        Backward(encoder, objective, replace(ONE_PASS, grad_cache_chunk=8), CPU)


def test_stages_of_any_kind() -> None:
    weight = torch.tensor([[2.0]], requires_grad=True)
    x_ND = torch.arange(1.0, 5.0)[:, None]
    first = [lambda _, part=part: part * weight for part in (x_ND[:1], x_ND[1:])]
    second = [lambda h, rows=rows: h[rows] * weight for rows in ([0, 1, 1], [3], [2, 0])]
    stages = [first, second]

    def loss_of(z_ND: Tensor) -> Loss:
        return Loss(z_ND.square().sum(), {}, {})

    loss = cached_backward(stages, loss_of, nullcontext)
    # Rows are 4 x of x = 1, 2, 2, 4, 3, 1: z = x w², d(x² w⁴)/dw = 4 w³ x².
    assert loss.total == 16 * (1 + 4 + 4 + 16 + 9 + 1)
    assert weight.grad is not None
    assert weight.grad.item() == 4 * 8 * 35


def test_chance_can_be_had_again() -> None:
    with torch.random.fork_rng(devices=[]):
        chance = Chance()
        first = torch.rand(3)
        chance.again()
        assert torch.equal(torch.rand(3), first)


class People:
    """The same users in two batches an epoch."""

    def plan(self, generator: np.random.Generator) -> list[int]:
        return [int(number) for number in generator.permutation([7, 9])]

    def make(self, unit: int, generator: np.random.Generator) -> ItemPairBatch:
        return people(unit)


def test_a_trainer_trains_alike_in_one_pass_and_in_two(tmp_path: Path) -> None:
    def train(name: str, chunk: int | None) -> tuple[list[float], dict[str, Tensor]]:
        config = replace(ONE_PASS, grad_cache_chunk=chunk, accumulate=2)
        trainer = Trainer(*modules(), Loader(People(), seed=0), config, tmp_path / name)
        losses = [r["loss"] for r in trainer.fit().history if r["kind"] == "train"]
        return losses, dict(trainer.modules.state_dict())

    (one, weights), (two, others) = train("one", None), train("two", 40)
    assert one == pytest.approx(two, abs=1e-5)
    assert one[-1] < one[0]
    for name, weight in weights.items():
        torch.testing.assert_close(others[name], weight, atol=1e-4, rtol=1e-4)
