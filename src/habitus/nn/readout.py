"""Readout: the weighted sum of a graph's nodes, and the weights.

Shapes: U graphs, R nodes one after the other, N rows that are read, D width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from habitus.nn.sparse_kernels import sum_rows
from habitus.nn.sparse_product import EXACT, Places


def shares(raw_R: Tensor, node_ptr_U1: Tensor) -> Tensor:
    """Return weights over their sum in each graph; equal ones where that is not above 0.

    >>> shares(torch.tensor([1.0, 3.0, 0.0, 0.0]), torch.tensor([0, 2, 4]))
    tensor([0.2500, 0.7500, 0.5000, 0.5000])
    """
    lengths_U = node_ptr_U1.diff().to(raw_R.device)
    graph_R = graph_of_each(node_ptr_U1).to(raw_R.device)
    sum_U = raw_R.new_zeros(len(lengths_U)).index_add(0, graph_R, raw_R)
    weighed_U = sum_U > 0
    share_R = raw_R / sum_U.where(weighed_U, 1)[graph_R]
    return share_R.where(weighed_U[graph_R], 1 / lengths_U[graph_R])


def softmax_shares(score_R: Tensor, node_ptr_U1: Tensor) -> Tensor:
    """Return the softmax of the scores of each graph's nodes; sums and exponents in float32."""
    score_R = score_R.float()
    graph_R = graph_of_each(node_ptr_U1).to(score_R.device)
    highest_U = score_R.new_full((len(node_ptr_U1) - 1,), -torch.inf)
    highest_U = highest_U.scatter_reduce(0, graph_R, score_R.detach(), "amax")
    return shares((score_R - highest_U[graph_R]).exp(), node_ptr_U1)


def pool_nodes(
    x_ND: Tensor, weight_R: Tensor, node_ptr_U1: Tensor, places: Places | None = None
) -> Tensor:
    """Return the weighted sum of the nodes of each graph, ``(U, D)``; zeros where there is none.

    Args:
        x_ND: the nodes one after the other; with ``places``, a table in which they stand.
        weight_R: weight of each node.
        node_ptr_U1: first node of each graph, and ``R``; int64, on the CPU, beginning with 0.
        places: where nodes stand in ``x_ND``.
    """
    if x_ND.device.type != "cpu" or x_ND.dtype not in EXACT:
        return plain_pool(x_ND, weight_R, node_ptr_U1, places)
    out_UD: Tensor = _Pool.apply(x_ND, weight_R.to(x_ND.dtype), node_ptr_U1, places)  # type: ignore[no-untyped-call]
    return out_UD


def plain_pool(
    x_ND: Tensor, weight_R: Tensor, node_ptr_U1: Tensor, places: Places | None = None
) -> Tensor:
    """Return what :func:`pool_nodes` returns, by torch alone; sums of low precision in float32."""
    x_RD = x_ND if places is None else x_ND[places.place_V]
    x_RD = x_RD if x_RD.dtype in EXACT else x_RD.float()
    graph_R = graph_of_each(node_ptr_U1).to(x_ND.device)
    zeros_UD = x_RD.new_zeros(len(node_ptr_U1) - 1, x_RD.shape[1])
    return zeros_UD.index_add(0, graph_R, x_RD * weight_R[:, None].to(x_RD.dtype))


def graph_of_each(node_ptr_U1: Tensor) -> Tensor:
    """Return the graph that each node belongs to, int64."""
    return torch.arange(len(node_ptr_U1) - 1).repeat_interleave(node_ptr_U1.diff())


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x_ND: Tensor,
        weight_R: Tensor,
        node_ptr_U1: Tensor,
        places: Places | None,
    ) -> Tensor:
        ctx.save_for_backward(x_ND, weight_R)
        ctx.rest = (node_ptr_U1, places)
        out_UD = x_ND.new_empty(len(node_ptr_U1) - 1, x_ND.shape[1])
        row_R = torch.arange(len(weight_R)) if places is None else places.place_V
        ptr_U1 = node_ptr_U1.numpy().astype(np.int32)
        sum_rows(ptr_U1, row_R.int().numpy(), weight_R.numpy(), x_ND.numpy(), out_UD.numpy())
        return out_UD

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_UD: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        x_ND, weight_R = ctx.saved_tensors
        node_ptr_U1, places = ctx.rest
        g_UD = g_UD.contiguous()
        graph_R = graph_of_each(node_ptr_U1)
        weight_grad = None
        if ctx.needs_input_grad[1]:
            x_RD = x_ND if places is None else x_ND[places.place_V]
            weight_grad = (x_RD * g_UD[graph_R]).sum(1)
        if places is None:
            ptr_N1, node_R = np.arange(len(x_ND) + 1, dtype=np.int32), slice(None)
        else:
            ptr_N1, node_R = places.inverse
        x_grad = torch.empty_like(x_ND)
        graphs = graph_R.int().numpy()[node_R]
        weights = weight_R.numpy()[node_R]
        sum_rows(ptr_N1, graphs, weights, g_UD.numpy(), x_grad.numpy())
        return x_grad, weight_grad, None, None
