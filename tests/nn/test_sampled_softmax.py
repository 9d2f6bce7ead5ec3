"""Sampled cross-entropy estimates the full one, and its draw has the probabilities it says."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from habitus.nn.sampled_softmax import (
    draw_negatives,
    log_uniform_probability,
    sampled_cross_entropy,
)

NUM_TOKENS, DIM = 12, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def problem(num_targets: int = 4) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return queries, table, bias and targets."""
    chance = generator(3)
    return (
        torch.randn(num_targets, DIM, generator=chance),
        torch.randn(NUM_TOKENS, DIM, generator=chance),
        torch.randn(NUM_TOKENS, generator=chance),
        torch.tensor([0, 3, 11, 5])[:num_targets],
    )


@pytest.mark.parametrize("num_tokens", [1, 2, 100, 100_000])
def test_the_probabilities_add_up_to_one(num_tokens: int) -> None:
    probability_V = log_uniform_probability(torch.arange(num_tokens), num_tokens)
    # The sum telescopes: log(2/1) + log(3/2) + … + log((n + 1) / n) = log(n + 1).
    assert probability_V.double().sum().item() == pytest.approx(1, abs=1e-5)
    assert (probability_V.diff() < 0).all()


@pytest.mark.parametrize("token", [0, 9, 1_000_000])
def test_a_probability_by_hand(token: int) -> None:
    found = log_uniform_probability(torch.tensor([token]), 2_000_000).item()
    assert found == pytest.approx(math.log1p(1 / (token + 1)) / math.log(2_000_001), rel=1e-5)


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    num_samples = 200_000
    drawn = draw_negatives(num_samples, NUM_TOKENS, generator())
    count_V = torch.bincount(drawn, minlength=NUM_TOKENS)
    probability_V = log_uniform_probability(torch.arange(NUM_TOKENS), NUM_TOKENS)
    assert len(count_V) == NUM_TOKENS
    # Five standard deviations of a binomial count.
    limit_V = 5 * (num_samples * probability_V * (1 - probability_V)).sqrt()
    assert ((count_V - num_samples * probability_V).abs() < limit_V).all()


def test_a_draw_is_a_function_of_the_generator() -> None:
    one, same, other = (draw_negatives(50, NUM_TOKENS, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert draw_negatives(5, 1, generator()).tolist() == [0] * 5


def plain_loss(
    query: Tensor, table: Tensor, bias: Tensor, target: int, negatives: list[int]
) -> float:
    """The slow twin: one negative at a time, each over the number expected of it."""
    score = [float(query @ table[v] + bias[v]) for v in range(len(table))]
    partition = math.exp(score[target])
    for negative in negatives:
        if negative != target:
            share = math.log((negative + 2) / (negative + 1)) / math.log(len(table) + 1)
            partition += math.exp(score[negative]) / (len(negatives) * share)
    return math.log(partition) - score[target]


def test_the_loss_is_that_of_a_loop_and_a_negative_that_is_the_target_does_not_count() -> None:
    query_BE, table_VE, bias_V, target_B = problem()
    negative_S = draw_negatives(20, NUM_TOKENS, generator())
    assert set(target_B.tolist()) & set(negative_S.tolist())
    loss_B = sampled_cross_entropy(query_BE, table_VE, bias_V, target_B, negative_S)
    expected = [
        plain_loss(query, table_VE, bias_V, int(target), negative_S.tolist())
        for query, target in zip(query_BE, target_B, strict=True)
    ]
    assert loss_B.tolist() == pytest.approx(expected, abs=1e-5)


def test_when_every_negative_is_the_target_nothing_is_left_to_tell_apart() -> None:
    query_BE, table_VE, bias_V, target_B = problem(1)
    negative_S = target_B.repeat(9)
    loss_B = sampled_cross_entropy(query_BE, table_VE, bias_V, target_B, negative_S)
    assert loss_B.tolist() == [0.0]


def test_the_partition_is_right_on_average() -> None:
    query_BE, table_VE, bias_V, target_B = problem()
    score_BV = query_BE @ table_VE.T + bias_V
    score_B = score_BV.gather(1, target_B[:, None]).squeeze(1)
    chance, total_B, square_B, runs = generator(1), torch.zeros(4), torch.zeros(4), 3_000
    for _ in range(runs):
        negative_S = draw_negatives(8, NUM_TOKENS, chance)
        loss_B = sampled_cross_entropy(query_BE, table_VE, bias_V, target_B, negative_S)
        partition_B = (loss_B + score_B).exp()
        total_B += partition_B
        square_B += partition_B**2
    mean_B = total_B / runs
    error_B = ((square_B / runs - mean_B**2) / runs).sqrt()
    assert ((mean_B - score_BV.exp().sum(1)).abs() < 4 * error_B).all()


def test_many_negatives_give_the_full_cross_entropy() -> None:
    query_BE, table_VE, bias_V, target_B = problem()
    negative_S = draw_negatives(300_000, NUM_TOKENS, generator())
    sampled_B = sampled_cross_entropy(query_BE, table_VE, bias_V, target_B, negative_S)
    full_B = cross_entropy(query_BE @ table_VE.T + bias_V, target_B, reduction="none")
    torch.testing.assert_close(sampled_B, full_B, atol=0.02, rtol=0)


def test_it_has_gradients_for_queries_rows_and_biases_and_none_for_no_target() -> None:
    query_BE, table_VE, bias_V, target_B = problem()
    for leaf in (query_BE, table_VE, bias_V):
        leaf.requires_grad_()
    negative_S = torch.tensor([1, 2])
    loss_B = sampled_cross_entropy(query_BE, table_VE, bias_V, target_B, negative_S)
    torch.autograd.backward(loss_B.sum())
    assert query_BE.grad is not None
    assert query_BE.grad.any(1).all()
    assert table_VE.grad is not None
    assert table_VE.grad.any(1).nonzero().flatten().tolist() == [0, 1, 2, 3, 5, 11]
    nothing = sampled_cross_entropy(query_BE[:0], table_VE, bias_V, target_B[:0], negative_S)
    assert nothing.shape == (0,)
