"""Targets that are spread over processes, on tables that are, lose what they lose in one place."""

import pytest
import torch
from torch import nn

from habitus.nn.sampled_softmax import draw_negatives, sampled_cross_entropy
from habitus.nn.sharded_softmax import sampled_loss, shared_negatives
from habitus.random import torch_generator
from tests.nn.sharded import (
    DIM,
    FIRST_ROW,
    NUM_NEGATIVES,
    NUM_ROWS,
    of_all,
    plain_table,
    sampled_problem,
)

NUM_TOKENS = NUM_ROWS - FIRST_ROW


@pytest.mark.parametrize("world", [2, 3])
def test_losses_and_gradients_are_those_of_one_process(world: int) -> None:
    found = of_all(world, "sampled")
    negative_S = draw_negatives(NUM_NEGATIVES, NUM_TOKENS, torch_generator(0, "negatives"))
    table_VE, bias_V1 = plain_table().requires_grad_(), plain_table(dim=1).requires_grad_()
    queries = [sampled_problem(rank)[0].requires_grad_() for rank in range(world)]
    target_B = torch.cat([sampled_problem(rank)[1] for rank in range(world)])
    loss_B = sampled_cross_entropy(
        torch.cat(queries), table_VE[FIRST_ROW:], bias_V1[FIRST_ROW:, 0], target_B, negative_S
    )
    torch.autograd.backward(loss_B.mean())
    assert table_VE.grad is not None
    assert bias_V1.grad is not None
    losses = torch.cat([tensors["losses"] for tensors in found])
    torch.testing.assert_close(losses, loss_B.detach(), atol=1e-5, rtol=1e-5)
    row_V = torch.cat([tensors["held"] for tensors in found])
    for name, expected in (("gradient", table_VE.grad), ("bias", bias_V1.grad)):
        both = torch.cat([tensors[name] for tensors in found])[row_V.argsort()]
        torch.testing.assert_close(both, expected, atol=1e-5, rtol=1e-5)
    for rank, tensors in enumerate(found):
        assert torch.equal(tensors["negatives"], negative_S)
        assert tensors["mean"].item() == pytest.approx(loss_B.mean().item(), abs=1e-5)
        assert tensors["count"].item() == len(target_B)
        grad_BE = queries[rank].grad
        assert grad_BE is not None
        # Towers are averaged: each process has as many times its share of the gradient.
        torch.testing.assert_close(tensors["query"] / world, grad_BE, atol=1e-5, rtol=1e-5)


def test_in_one_process_with_plain_tables_it_is_the_loss_on_a_slice() -> None:
    table, bias = nn.Embedding(NUM_ROWS, DIM), nn.Embedding(NUM_ROWS, 1)
    query_BE, target_B = sampled_problem(2)
    negative_S = shared_negatives(6, NUM_TOKENS, torch_generator(1, "negatives"))
    assert torch.equal(negative_S, draw_negatives(6, NUM_TOKENS, torch_generator(1, "negatives")))
    found = sampled_loss(
        query_BE, table, bias, target_B, negative_S, num_tokens=NUM_TOKENS, first_row=FIRST_ROW
    )
    expected = sampled_cross_entropy(
        query_BE, table.weight[FIRST_ROW:], bias.weight[FIRST_ROW:, 0], target_B, negative_S
    )
    assert torch.equal(found, expected)
