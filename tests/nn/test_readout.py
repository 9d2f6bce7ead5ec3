"""Readout is a weighted sum of each graph's nodes; weights sum to 1."""

import pytest
import torch

from habitus.nn.readout import graph_of_each, plain_pool, pool_nodes, shares, softmax_shares
from tests.nn.graphs import LENGTHS, NUM_NODES, NUM_PLACES, node_ptr, places, rows


def weights() -> torch.Tensor:
    return torch.rand(NUM_NODES, generator=torch.Generator().manual_seed(3)).requires_grad_()


@pytest.mark.parametrize("table", [False, True])
def test_it_is_the_sum_of_weighted_rows(table: bool) -> None:
    there = places() if table else None
    x_ND, weight_V = rows(NUM_PLACES if table else NUM_NODES), weights()
    out_UD = pool_nodes(x_ND, weight_V, node_ptr(), there)
    x_VD = x_ND[places().place_V] if table else x_ND
    parts = torch.split(weight_V[:, None] * x_VD, [*LENGTHS])
    expected_UD = torch.stack([part.sum(0) for part in parts])
    twin_UD = plain_pool(x_ND, weight_V, node_ptr(), there)
    torch.testing.assert_close(out_UD, expected_UD, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(twin_UD, expected_UD, atol=1e-5, rtol=1e-5)
    assert not out_UD[1].any()
    g_UD = torch.randn(out_UD.shape, generator=torch.Generator().manual_seed(4))
    found = torch.autograd.grad((out_UD * g_UD).sum(), [x_ND, weight_V])
    wanted = torch.autograd.grad((expected_UD * g_UD).sum(), [x_ND, weight_V])
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-5, rtol=1e-5)


def test_half_precision_is_added_in_float32() -> None:
    x_VD = rows(NUM_NODES, torch.bfloat16)
    out_UD = pool_nodes(x_VD, weights(), node_ptr())
    assert out_UD.dtype == torch.float32
    torch.testing.assert_close(out_UD, pool_nodes(x_VD.float(), weights(), node_ptr()))


def test_the_graph_of_each_node() -> None:
    assert graph_of_each(torch.tensor([0, 2, 2, 3])).tolist() == [0, 0, 2]


def test_shares_by_hand() -> None:
    ptr_U1 = torch.tensor([0, 3, 3, 4, 6])
    raw_V = torch.tensor([1.0, 1.0, 2.0, 5.0, 0.0, 0.0])
    assert shares(raw_V, ptr_U1).tolist() == [0.25, 0.25, 0.5, 1, 0.5, 0.5]


def test_softmax_is_that_of_each_graph_alone() -> None:
    # Far apart, so that exponents of the batch's highest would vanish.
    score_V = (weights() * 10 + torch.arange(NUM_NODES) * 50).detach().requires_grad_()
    ours = softmax_shares(score_V, node_ptr())
    theirs = torch.cat([part.softmax(0) for part in torch.split(score_V, [*LENGTHS])])
    torch.testing.assert_close(ours, theirs)
    g_V = torch.rand(NUM_NODES, generator=torch.Generator().manual_seed(5))
    (found,) = torch.autograd.grad((ours * g_V).sum(), [score_V])
    (wanted,) = torch.autograd.grad((theirs * g_V).sum(), [score_V])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    assert softmax_shares(score_V.bfloat16(), node_ptr()).dtype == torch.float32
