"""Sums over the neighbours of a text graph, with gradients, by dense matrices: the form for GPUs.

A graph of n nodes is n² bits, 31 KB at 500 nodes; bits become a matrix just before a product, and
bits are what is kept for the backward (floors.md E1). Graphs of like size share a product, so that
little is padded.

Shapes: V nodes, T nodes of a block, E directed edges of it, U graphs, G graphs of a block, N nodes
of its largest graph rounded up to a multiple of 8, K = N / 8 bytes, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from habitus.nn.sparse_product import Neighbours, Places

SIZE_STEP = 64
"""Graphs share a block when their sizes round up to the same multiple of this."""
MOST_CELLS = 2**27
"""Cells of the matrices of a block: 512 MiB as float32."""


class Block(NamedTuple):
    """Graphs of like size, each a matrix."""

    node_GN: Tensor
    """The nodes of each graph; its first one stands again where there is none."""
    cell_T: Tensor
    """Where the block's nodes stand in ``node_GN`` flattened."""
    edge_E: Tensor
    """The block's edges among those of the batch."""
    bit_E: Tensor
    """The cell of each in the ``(G, N, N)`` matrices flattened."""
    bits_GNK: Tensor | None
    """The matrices, bit ``b`` of byte ``k`` being column ``8 k + b``; None where edges have values.
    """


class DenseNeighbours:
    """The graphs of a batch as dense matrices: what :class:`Neighbours` says, said for a GPU.

    Args:
        neighbours: the batch as CSR; every edge once.
        node_ptr_U1: first node of each graph, and ``V``; int64, on the CPU.
    """

    def __init__(self, neighbours: Neighbours, node_ptr_U1: Tensor) -> None:
        self.neighbours = neighbours
        plan = blocks_of(node_ptr_U1.diff())
        self.blocks = [_block(neighbours, node_ptr_U1, graph_G) for graph_G in plan]

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
        """Return ``(1 + ε) x_v + Σ_u x_u + bias`` of each node; all nodes are one step."""
        assert cuts is None or len(cuts) == 2, "a GPU takes the batch in one step"
        x_VD = x_ND if places is None else x_ND[places.place_V]
        sum_VD: Tensor = _DenseSum.apply(x_VD, self)  # type: ignore[no-untyped-call]
        if self.neighbours.scale_V is not None:
            sum_VD = sum_VD * self.neighbours.scale_V[:, None].to(x_VD.dtype)
        sum_VD = sum_VD + (x_VD if epsilon is None else (1 + epsilon) * x_VD)
        sum_VD = sum_VD if bias_D is None else sum_VD + bias_D
        return (sum_VD.relu() if relu else sum_VD,)

    def product(self, x_VD: Tensor, dtype: torch.dtype) -> Tensor:
        """Return the sum of each node's neighbours, ``(V, D)``, multiplied as ``dtype``."""
        out_VD = torch.empty_like(x_VD)
        for block in self.blocks:
            x_GND = x_VD[block.node_GN].to(dtype)
            sum_GND = torch.bmm(self.matrix(block, dtype), x_GND)
            node_T = block.node_GN.flatten()[block.cell_T]
            out_VD[node_T] = sum_GND.flatten(0, 1)[block.cell_T].to(x_VD.dtype)
        return out_VD

    def matrix(self, block: Block, dtype: torch.dtype) -> Tensor:
        """Return the matrices of a block, ``(G, N, N)``."""
        graphs, nodes = block.node_GN.shape
        if block.bits_GNK is not None:
            bit = torch.arange(8, dtype=torch.uint8, device=block.bits_GNK.device)
            return ((block.bits_GNK[..., None] >> bit) & 1).flatten(2).to(dtype)
        assert self.neighbours.value_E is not None
        value_E = self.neighbours.value_E[block.edge_E].to(dtype)
        flat = value_E.new_zeros(graphs * nodes * nodes)
        return flat.index_copy_(0, block.bit_E, value_E).view(graphs, nodes, nodes)


def blocks_of(lengths_U: Tensor) -> list[Tensor]:
    """Return the graphs of each block; graphs without nodes are in none.

    >>> blocks_of(torch.tensor([500, 0, 3, 490, 60]))
    [tensor([2, 4]), tensor([0, 3])]
    """
    step_U = -(-lengths_U // SIZE_STEP)
    blocks: list[Tensor] = []
    for step in sorted(set(step_U.tolist()) - {0}):
        most = max(1, MOST_CELLS // (step * SIZE_STEP) ** 2)
        blocks += (step_U == step).nonzero().squeeze(1).split(most)
    return blocks


def cells_of(lengths_U: Tensor) -> int:
    """Return the cells of all matrices of a batch: a product costs twice as many times ``D``."""
    return sum(len(graph_G) * _padded(lengths_U[graph_G]) ** 2 for graph_G in blocks_of(lengths_U))


def _padded(lengths_G: Tensor) -> int:
    return -(-int(lengths_G.max()) // 8) * 8


def _block(neighbours: Neighbours, node_ptr_U1: Tensor, graph_G: Tensor) -> Block:
    device = neighbours.col_E.device
    start_G = node_ptr_U1[graph_G].to(device)
    length_G = node_ptr_U1.diff()[graph_G].to(device)
    nodes = _padded(node_ptr_U1.diff()[graph_G])
    position_N = torch.arange(nodes, device=device)
    valid_GN = position_N < length_G[:, None]
    node_GN = start_G[:, None] + position_N * valid_GN
    edge_E, graph_E = _edges(neighbours, start_G, start_G + length_G)
    row_E = neighbours.row_E[edge_E] - start_G[graph_E]
    col_E = neighbours.col_E[edge_E] - start_G[graph_E]
    bit_E = (graph_E * nodes + row_E) * nodes + col_E
    bits = None
    if neighbours.value_E is None:
        # Every edge stands once, so that the sum of bits is their union.
        flat = torch.zeros(node_GN.numel() * nodes // 8, dtype=torch.uint8, device=device)
        bits = flat.scatter_add_(0, bit_E // 8, (1 << (bit_E % 8)).to(torch.uint8))
        bits = bits.view(len(graph_G), nodes, nodes // 8)
    return Block(node_GN, valid_GN.flatten().nonzero().squeeze(1), edge_E, bit_E, bits)


def _edges(neighbours: Neighbours, start_G: Tensor, stop_G: Tensor) -> tuple[Tensor, Tensor]:
    """Return the edges of some graphs and which of the graphs each belongs to."""
    first_G = neighbours.ptr_V1[start_G].long()
    count_G = neighbours.ptr_V1[stop_G].long() - first_G
    graph_E = torch.arange(len(start_G), device=start_G.device).repeat_interleave(count_G)
    before_G = count_G.cumsum(0) - count_G
    edge_E = torch.arange(len(graph_E), device=start_G.device) + (first_G - before_G)[graph_E]
    return edge_E, graph_E


class _DenseSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_VD: Tensor, dense: DenseNeighbours) -> Tensor:  # noqa: ANN401
        kind = x_VD.device.type
        low = torch.is_autocast_enabled(kind)
        ctx.rest = (dense, torch.get_autocast_dtype(kind) if low else x_VD.dtype)
        return dense.product(x_VD, ctx.rest[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_VD: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        dense, dtype = ctx.rest
        return dense.product(g_VD, dtype), None
