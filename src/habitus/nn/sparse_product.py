"""Sums over the neighbours of a text graph, with gradients, by a sparse matrix (floors.md E1).

On CPUs numba kernels over CSR; elsewhere, and as their twin in tests, plain torch. The backward of
a symmetric graph is the same product again; gradients of words go by the inverse of the places, so
that nothing is scattered.

Shapes: V nodes, E directed edges, R nodes of a step, W words of the batch, N rows that are read,
D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from habitus.nn.sparse_kernels import (
    NO_PLACES,
    Array,
    masked_rows,
    rows_of_each,
    sparse_rows,
    sum_rows,
)

EXACT = (torch.float32, torch.float64)
"""Types that kernels add in; others are cast to float32 and back."""


@dataclass(frozen=True)
class Places:
    """In which row of a table each node of the batch stands."""

    place_V: Tensor
    """int64."""
    num_places: int

    @cached_property
    def inverse(self) -> tuple[Array, Array]:
        """Nodes of each place, as CSR."""
        return rows_of_each(self.place_V.numpy(), self.num_places)


@dataclass(frozen=True)
class Neighbours:
    """Who stands beside whom in a batch: a symmetric block-diagonal matrix as CSR."""

    ptr_V1: Tensor
    """First edge of each node, and ``E``; int32."""
    col_E: Tensor
    """A node of the batch; int32."""
    value_E: Tensor | None = None
    """Value of each edge; None: 1."""
    scale_V: Tensor | None = None
    """What the sum of a node is multiplied by, such as 1 / degree; None: 1."""

    @cached_property
    def degree_V(self) -> Tensor:
        """Sum of the values of a node's edges, float32."""
        if self.value_E is None:
            return self.ptr_V1.diff().float()
        zeros_V = self.value_E.new_zeros(len(self.ptr_V1) - 1)
        return zeros_V.index_add(0, self.row_E, self.value_E)

    @cached_property
    def row_E(self) -> Tensor:
        """The node that an edge leads to."""
        nodes_V = torch.arange(len(self.ptr_V1) - 1, device=self.ptr_V1.device)
        return nodes_V.repeat_interleave(self.ptr_V1.diff().long())

    @cached_property
    def forward_E(self) -> Tensor | None:
        """Value of each edge with the scale of the row; None: 1."""
        return self._scaled(self.row_E) if self.scale_V is not None else self.value_E

    @cached_property
    def backward_E(self) -> Tensor | None:
        """The same of the transposed matrix."""
        return self._scaled(self.col_E) if self.scale_V is not None else self.value_E

    def combine(
        self,
        x_ND: Tensor,
        epsilon: Tensor | None = None,
        bias_D: Tensor | None = None,
        *,
        relu: bool = False,
        places: Places | None = None,
        cuts: Sequence[int] | None = None,
    ) -> tuple[Tensor, ...]:
        """Return ``(1 + ε) x_v + Σ_u x_u + bias`` of each node, one tensor a step.

        Args:
            x_ND: the nodes of the one step of ``cuts``; with ``places``, a table they stand in.
            epsilon: 0-dimensional; None: 0.
            bias_D: added last; None: nothing.
            relu: whether negative results become 0.
            places: where nodes stand in ``x_ND``; None: ``x_ND`` is the step alone.
            cuts: first node of each step, and the last one's end; None: one step of all nodes. No
                edge leads out of its step.
        """
        cuts = tuple(cuts or (0, len(self.ptr_V1) - 1))
        if x_ND.device.type != "cpu":
            return plain_combine(self, x_ND, epsilon, bias_D, relu, places, cuts)
        exact_ND = x_ND if x_ND.dtype in EXACT else x_ND.float()
        parts = _Combine.apply(exact_ND, epsilon, bias_D, self, relu, places, cuts)  # type: ignore[no-untyped-call]
        return tuple(part_RD.to(x_ND.dtype) for part_RD in parts)

    def _scaled(self, node_E: Tensor) -> Tensor:
        assert self.scale_V is not None
        scale_E = self.scale_V[node_E]
        return scale_E if self.value_E is None else scale_E * self.value_E


def rows_of(table_ND: Tensor, places: Places, cuts: Sequence[int]) -> tuple[Tensor, ...]:
    """Return the row in which each node stands, one tensor a step."""
    ptr_V1 = torch.zeros(len(places.place_V) + 1, dtype=torch.int32, device=table_ND.device)
    nobody = Neighbours(ptr_V1, ptr_V1[:0])
    return nobody.combine(table_ND, places=places, cuts=cuts)


def plain_combine(
    neighbours: Neighbours,
    x_ND: Tensor,
    epsilon: Tensor | None,
    bias_D: Tensor | None,
    relu: bool,
    places: Places | None,
    cuts: Sequence[int],
) -> tuple[Tensor, ...]:
    """Return what :meth:`Neighbours.combine` returns, by torch alone: any device, more memory."""
    out = []
    for first, last in pairwise(cuts):
        x_RD = x_ND if places is None else x_ND[places.place_V[first:last]]
        begin, end = int(neighbours.ptr_V1[first]), int(neighbours.ptr_V1[last])
        message_ED = x_RD[neighbours.col_E[begin:end].long() - first]
        if neighbours.forward_E is not None:
            message_ED = message_ED * neighbours.forward_E[begin:end, None].to(x_ND.dtype)
        own_RD = x_RD if epsilon is None else (1 + epsilon) * x_RD
        sum_RD = own_RD.index_add(0, neighbours.row_E[begin:end] - first, message_ED)
        sum_RD = sum_RD if bias_D is None else sum_RD + bias_D
        out.append(sum_RD.relu() if relu else sum_RD)
    return tuple(out)


class _Combine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x_ND: Tensor,
        epsilon: Tensor | None,
        bias_D: Tensor | None,
        neighbours: Neighbours,
        relu: bool,
        places: Places | None,
        cuts: tuple[int, ...],
    ) -> tuple[Tensor, ...]:
        own = 1.0 if epsilon is None else 1.0 + float(epsilon)
        bias = x_ND.new_empty(0) if bias_D is None else bias_D
        parts = []
        for first, last in pairwise(cuts):
            out_RD = x_ND.new_empty(last - first, x_ND.shape[1])
            _product(neighbours, neighbours.forward_E, places, first, own, x_ND, bias, relu, out_RD)
            parts.append(out_RD)
        ctx.save_for_backward(x_ND, *(parts if relu else ()))
        ctx.rest = (neighbours, relu, places, cuts, own)
        return tuple(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *g_parts: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        neighbours, relu, places, cuts, own = ctx.rest
        x_ND, *parts = ctx.saved_tensors
        nothing = x_ND.new_empty(0)
        own_grad, bias_grad = 0.0, x_ND.new_zeros(x_ND.shape[1])
        q_VD = x_ND.new_empty(cuts[-1] - cuts[0], x_ND.shape[1])
        for i, (first, last) in enumerate(pairwise(cuts)):
            g_RD = g_parts[i].contiguous()
            masked_RD = torch.empty_like(g_RD) if relu else g_RD
            own_grad += masked_rows(
                g_RD.numpy(),
                (parts[i] if relu else q_VD[:0]).numpy(),
                _places(places),
                first,
                x_ND.numpy(),
                masked_RD.numpy(),
            )
            if ctx.needs_input_grad[2]:
                bias_grad += masked_RD.sum(0)
            q_RD = q_VD[first - cuts[0] : last - cuts[0]]
            _product(
                neighbours, neighbours.backward_E, None, first, own, masked_RD, nothing, False, q_RD
            )
        x_grad = q_VD if places is None else _sum_by_place(q_VD, places)
        needs = ctx.needs_input_grad
        return (
            x_grad,
            x_ND.new_tensor(own_grad) if needs[1] else None,
            bias_grad if needs[2] else None,
            None,
            None,
            None,
            None,
        )


def word_rows(table: Tensor, word_W: Tensor, *, sparse: bool) -> Tensor:
    """Return the rows of a table, ``(W, D)``; a sparse gradient is coalesced, so never sorted.

    Args:
        table: of all words.
        word_W: rows, ascending and distinct.
        sparse: whether the gradient holds these rows only.
    """
    if not sparse:
        return torch.nn.functional.embedding(word_W, table)
    out_WD: Tensor = _WordRows.apply(table, word_W)  # type: ignore[no-untyped-call]
    return out_WD


def mark_coalesced(table: Tensor) -> None:
    """Say of a table's sparse gradient that it is coalesced, where it is: no one need sort it.

    To be registered as a hook that runs when the gradient has been added up, which forgets it.
    """
    grad = table.grad
    if grad is not None and grad.is_sparse and not grad.is_coalesced():
        row_W = grad._indices()[0]
        if (row_W[1:] > row_W[:-1]).all():
            grad._coalesced_(True)


class _WordRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, word_W: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(word_W)
        ctx.shape = table.shape
        return table.index_select(0, word_W)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_WD: Tensor) -> tuple[Tensor | None, None]:  # noqa: ANN401
        (word_W,) = ctx.saved_tensors
        grad = torch.sparse_coo_tensor(
            word_W[None], g_WD, ctx.shape, check_invariants=False, is_coalesced=True
        )
        return grad, None


def _product(
    neighbours: Neighbours,
    value_E: Tensor | None,
    places: Places | None,
    first: int,
    own: float,
    x_ND: Tensor,
    bias_D: Tensor,
    relu: bool,
    out_RD: Tensor,
) -> None:
    values = x_ND.new_empty(0) if value_E is None else value_E.to(x_ND.dtype)
    sparse_rows(
        neighbours.ptr_V1[first : first + len(out_RD) + 1].numpy(),
        neighbours.col_E.numpy(),
        values.numpy(),
        _places(places),
        first,
        own,
        x_ND.detach().numpy(),
        bias_D.detach().numpy(),
        relu,
        out_RD.numpy(),
    )


def _sum_by_place(q_VD: Tensor, places: Places) -> Tensor:
    assert len(q_VD) == len(places.place_V)
    out_WD = q_VD.new_empty(places.num_places, q_VD.shape[1])
    sum_rows(*places.inverse, q_VD.new_empty(0).numpy(), q_VD.numpy(), out_WD.numpy())
    return out_WD


def _places(places: Places | None) -> Array:
    return NO_PLACES if places is None else places.place_V.numpy()
