"""TextGraphBatch: the text graphs of some users as one block-diagonal graph.

Shapes: U graphs of the batch, V nodes, E directed edges, W distinct words of the batch, N nodes of
the largest graph, rounded up to a multiple of 8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor

from habitus.data.text_graph import TextGraphs
from habitus.data.text_graph_kernels import Array
from habitus.errors import UsageError

MOST_EDGES = 2**31 - 1
"""Pointers to edges have 32 bits: what the fast kernels for sparse matrices read."""


@dataclass(frozen=True)
class TextGraphBatch:
    """Graphs of some users, one row each; checked once, here."""

    node_ptr_U1: Tensor
    """First node of each graph, and ``V``; int64, on the CPU."""
    word_W: Tensor
    """The distinct words of the batch, ascending; int64."""
    place_V: Tensor
    """Place of each node's word in ``word_W``; int64."""
    count_V: Tensor
    """How often the word stands in the user's posts; float32."""
    edge_ptr_V1: Tensor
    """First edge of each node, and ``E``; int32."""
    edge_col_E: Tensor
    """Neighbour, a node of this batch, ascending within a node; int32. The matrix is symmetric."""
    edge_weight_E: Tensor | None = None
    """Weight of each edge, float32; None: 1."""

    def __post_init__(self) -> None:
        assert int(self.node_ptr_U1[0]) == 0
        assert int(self.node_ptr_U1[-1]) == len(self.place_V) == len(self.count_V)
        assert len(self.edge_ptr_V1) == len(self.place_V) + 1

    @property
    def num_users(self) -> int:
        """Graphs, those without nodes included."""
        return len(self.node_ptr_U1) - 1

    @property
    def num_events(self) -> int:
        """Nodes of all graphs, ``V``."""
        return len(self.place_V)

    @property
    def num_edges(self) -> int:
        """Directed edges, ``E``."""
        return len(self.edge_col_E)

    @property
    def padded_events(self) -> int:
        """Nodes that are computed: nothing is padded."""
        return self.num_events

    @cached_property
    def lengths_U(self) -> Tensor:
        """Nodes of each graph, on the CPU."""
        return self.node_ptr_U1.diff()

    def dense_bits(self) -> Tensor:
        """Return the adjacency as bits, ``(U, N, N / 8)`` uint8 on the CPU; weights are left out.

        ``N`` is the size of the largest graph, made a multiple of 8. Bit ``b`` of byte ``k`` of a
        row is column ``8 k + b``: ``(bits[..., None] >> arange(8)) & 1``, flattened, is the row.
        """
        largest = int(self.lengths_U.max()) if self.num_users else 0
        bits_UNK = np.zeros((self.num_users, -(-largest // 8) * 8, -(-largest // 8)), np.uint8)
        ptr_V1, col_E = self.edge_ptr_V1.cpu().numpy(), self.edge_col_E.cpu().numpy()
        _set_bits(self.node_ptr_U1.numpy(), ptr_V1, col_E, bits_UNK)
        return torch.from_numpy(bits_UNK)

    def to(self, device: torch.device | str) -> TextGraphBatch:
        """Return the batch with all but ``node_ptr_U1`` on ``device``."""
        names = ("word_W", "place_V", "count_V", "edge_ptr_V1", "edge_col_E", "edge_weight_E")
        found: dict[str, Any] = {n: getattr(self, n) for n in names}
        moved = {n: t.to(device, non_blocking=True) for n, t in found.items() if t is not None}
        return replace(self, **moved)


def text_graph_batch(graphs: TextGraphs) -> TextGraphBatch:
    """Return the batch of all users of ``graphs``, in their order.

    Raises:
        UsageError: it has more edges than 32 bits can point at.
    """
    num_edges = len(graphs.edge_col_E)
    if num_edges > MOST_EDGES:
        raise UsageError(
            f"a batch of {graphs.num_users} graphs has {num_edges} edges, at most {MOST_EDGES} are "
            f"possible: make batches of fewer graphs"
        )
    col_E = np.empty(num_edges, np.int32)
    _to_rows(graphs.node_ptr_U1, graphs.edge_ptr_V1, np.asarray(graphs.edge_col_E), col_E)
    word_W, place_V = _distinct(np.asarray(graphs.word_V))
    weight_E = graphs.edge_weight_E
    return TextGraphBatch(
        node_ptr_U1=torch.from_numpy(graphs.node_ptr_U1.astype(np.int64)),
        word_W=torch.from_numpy(word_W),
        place_V=torch.from_numpy(place_V),
        count_V=torch.from_numpy(graphs.count_V.astype(np.float32)),
        edge_ptr_V1=torch.from_numpy(graphs.edge_ptr_V1.astype(np.int32)),
        edge_col_E=torch.from_numpy(col_E),
        edge_weight_E=None if weight_E is None else torch.from_numpy(weight_E.astype(np.float32)),
    )


def _distinct(word_V: Array) -> tuple[Array, Array]:
    """Return the distinct words, ascending, and the place of each node's word."""
    is_there = np.zeros(int(word_V.max(initial=-1)) + 1, np.bool_)
    is_there[word_V] = True
    word_W = np.flatnonzero(is_there)
    place_of_word = np.empty(len(is_there), np.int64)
    place_of_word[word_W] = np.arange(len(word_W))
    return word_W, place_of_word[word_V]


@njit(cache=True, nogil=True)
def _to_rows(node_ptr_U1: Array, edge_ptr_V1: Array, local_E: Array, col_E: Array) -> None:
    """Write the row in the batch of each edge's neighbour, given its place in its graph."""
    for u in range(len(node_ptr_U1) - 1):
        first, last = edge_ptr_V1[node_ptr_U1[u]], edge_ptr_V1[node_ptr_U1[u + 1]]
        local, col, before = local_E[first:last], col_E[first:last], np.int32(node_ptr_U1[u])
        for e in range(len(local)):
            col[e] = before + np.int32(local[e])


@njit(cache=True, nogil=True)
def _set_bits(node_ptr_U1: Array, edge_ptr_V1: Array, col_E: Array, bits_UNK: Array) -> None:
    for u in range(len(node_ptr_U1) - 1):
        before = node_ptr_U1[u]
        for v in range(before, node_ptr_U1[u + 1]):
            for e in range(edge_ptr_V1[v], edge_ptr_V1[v + 1]):
                col = col_E[e] - before
                bits_UNK[u, v - before, col >> 3] |= np.uint8(1 << (col & 7))
