"""TextGraphBatch: the text graphs of some users as one block-diagonal graph.

Shapes: U graphs of the batch, V nodes, E directed edges, W distinct words of the batch, N nodes of
the largest graph, rounded up to a multiple of 8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from habitus.data.text_graph import TextGraphs


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

        Bit ``b`` of byte ``k`` in a row is column ``8 k + b``: ``(bits >> arange(8)) & 1``.
        """
        raise NotImplementedError

    def to(self, device: torch.device | str) -> TextGraphBatch:
        """Return the batch with all but ``node_ptr_U1`` on ``device``."""
        names = ("word_W", "place_V", "count_V", "edge_ptr_V1", "edge_col_E", "edge_weight_E")
        found = {n: getattr(self, n) for n in names}
        moved = {
            n: None if t is None else t.to(device, non_blocking=True) for n, t in found.items()
        }
        return replace(self, **moved)


def text_graph_batch(graphs: TextGraphs) -> TextGraphBatch:
    """Return the batch of all users of ``graphs``, in their order."""
    raise NotImplementedError
