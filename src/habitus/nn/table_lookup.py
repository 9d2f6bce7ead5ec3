"""Rows of a lookup table, with a gradient that is one pass over the events on a CPU.

PyTorch's own gradient of a lookup calls a routine for each row, in a table that no cache holds; for
many short rows that takes longer than all else. Here rows are added in the same order, so that the
gradient is the same bit by bit. On a GPU, in 16 bits or twice differentiated it is PyTorch's.

Shapes: T events, M lookups of an event, V rows of the table, E width of a row.
"""

from __future__ import annotations

from typing import Any

import torch
from numba import njit
from torch import Tensor, nn
from torch.nn.functional import embedding

from habitus.nn.sparse_kernels import Array


def is_plain(table: nn.Embedding) -> bool:
    """Return whether a table is PyTorch's own, whole and with a dense gradient; no shard of one."""
    return type(table) is nn.Embedding and not table.sparse


def look_up(table: nn.Embedding, place_TM: Tensor) -> Tensor:
    """Return the rows, ``(T, M, E)``."""
    weight_VE = table.weight
    is_ours = weight_VE.device.type == "cpu" and weight_VE.dtype == torch.float32
    has_gradient = weight_VE.requires_grad and torch.is_grad_enabled()
    if not is_plain(table) or not is_ours or not has_gradient:
        rows_TME: Tensor = table(place_TM)
        return rows_TME
    found_TME: Tensor = _LookUp.apply(weight_VE, place_TM)  # type: ignore[no-untyped-call]
    return found_TME


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight_VE: Tensor, place_TM: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(place_TM)
        ctx.num_rows = len(weight_VE)
        return embedding(place_TM, weight_VE)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (place_TM,), grad_TME = ctx.saved_tensors, grads[0]
        if grad_TME.requires_grad:
            twin = torch.ops.aten.embedding_dense_backward
            return twin(grad_TME, place_TM, ctx.num_rows, -1, False), None
        out_VE = grad_TME.new_zeros(ctx.num_rows, grad_TME.shape[-1])
        add_rows(place_TM.numpy(), grad_TME.contiguous().numpy(), out_VE.numpy())
        return out_VE, None


@njit(cache=True, nogil=True)
def add_rows(place_TM: Array, grad_TME: Array, out_VE: Array) -> None:
    """Add each row of a gradient to the row of the table that it came from."""
    num_events, num_lookups = place_TM.shape
    for t in range(num_events):
        for m in range(num_lookups):
            row = place_TM[t, m]
            for e in range(out_VE.shape[1]):
                out_VE[row, e] += grad_TME[t, m, e]
