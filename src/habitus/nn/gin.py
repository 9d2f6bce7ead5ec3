"""Graph isomorphism network: a node and the sum of its neighbours through small MLPs.

PASUM eq. 3 (P8): ``h_v = MLP((1 + ε) h_v + Σ_u h_u)`` with MLP = Linear–ReLU–Linear and a learnable
ε that begins at 0 (A-P9). Xu et al. "How Powerful are Graph Neural Networks?". ICLR 2019.

Differs from the paper: as options, LayerNorm between the MLP's first linear and its ReLU, where the
authors' GIN has BatchNorm, which would let users of a batch see each other; and a residual stream.

Shapes: V nodes, R nodes of a step, W words, N rows that are read (words or nodes), D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from habitus.nn.sparse_product import Places


class Graph(Protocol):
    """What a layer must know of a batch: how a node and its neighbours become one vector."""

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
        """Return ``(1 + ε) x_v + Σ_u x_u + bias`` of each node, one tensor a step."""
        ...


class Alone:
    """A graph in which nobody has neighbours: the user as a set of words (DeepSets, A = 0)."""

    def combine(
        self,
        x_ND: Tensor,
        epsilon: Tensor | None = None,
        bias_D: Tensor | None = None,
        *,
        relu: bool = False,
        places: Places | None = None,
        cuts: Sequence[int] | None = None,  # noqa: ARG002 - all rows are one step
    ) -> tuple[Tensor, ...]:
        """Return ``(1 + ε) x_v + bias`` of each row."""
        assert places is None
        x_ND = x_ND if epsilon is None else (1 + epsilon) * x_ND
        x_ND = x_ND if bias_D is None else x_ND + bias_D
        return (x_ND.relu() if relu else x_ND,)


class GINLayer(nn.Module):
    """One layer; whoever stacks them puts activations between."""

    def __init__(self, in_width: int, hidden: int, *, norm: bool = False) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.first = nn.Linear(in_width, hidden)
        self.norm = nn.LayerNorm(hidden) if norm else None
        self.second = nn.Linear(hidden, hidden)

    def forward(self, h_RD: Tensor, graph: Graph, cuts: Sequence[int] | None = None) -> Tensor:
        """Return eq. 3 as it is written, ``(R, D)``."""
        (sum_RD,) = graph.combine(h_RD, self.epsilon, cuts=cuts)
        inner_RD = self.first(sum_RD)
        if self.norm is not None:
            inner_RD = self.norm(inner_RD)
        out_RD: Tensor = self.second(inner_RD.relu())
        return out_RD

    def before(self, h_ND: Tensor) -> Tensor:
        """Return the part of the first linear that may come before neighbours are added."""
        return linear(h_ND, self.first.weight)

    def inner(
        self,
        y_ND: Tensor,
        graph: Graph,
        places: Places | None = None,
        cuts: Sequence[int] | None = None,
    ) -> tuple[Tensor, ...]:
        """Return what stands before the second linear, from :meth:`before`, one tensor a step.

        The first linear commutes with the sum, so it may see each word once (floors.md E1); its
        bias does not, so it comes after.
        """
        bias, fused = self.first.bias, self.norm is None
        parts = graph.combine(y_ND, self.epsilon, bias, relu=fused, places=places, cuts=cuts)
        return parts if self.norm is None else tuple(self.norm(p).relu_() for p in parts)


class GIN(nn.Module):
    """Layers with ReLU between them and none after the last (A-P9).

    With ``residual`` a layer's input is added to its output, and ReLU stands inside MLPs only;
    with ``zero_init`` what is added begins with 0.
    """

    def __init__(
        self,
        in_width: int,
        hidden: int,
        num_layers: int,
        *,
        norm: bool,
        residual: bool,
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        widths = [in_width, *[hidden] * num_layers]
        self.layers = nn.ModuleList(GINLayer(a, b, norm=norm) for a, b in pairwise(widths))
        self.residual = residual
        if zero_init:
            for layer in self._layers:
                nn.init.zeros_(layer.second.weight)
                nn.init.zeros_(layer.second.bias)

    def forward(self, h_RD: Tensor, graph: Graph, cuts: Sequence[int] | None = None) -> Tensor:
        """Return the states of nodes as the formula is written, ``(R, D)``."""
        for layer in self.layers:
            out_RD: Tensor = layer(h_RD, graph, cuts)
            is_last = layer is self.layers[-1]
            h_RD = h_RD + out_RD if self.residual else out_RD if is_last else out_RD.relu()
        return h_RD

    def before(self, x_ND: Tensor) -> Tensor:
        """Return the part of the first layer that is computed once a word (shortcut 1)."""
        return self._layers[0].before(x_ND)

    def begin(
        self,
        y_ND: Tensor,
        graph: Graph,
        places: Places | None = None,
        cuts: Sequence[int] | None = None,
    ) -> tuple[Tensor, ...]:
        """Return what stands inside the first layer, from :meth:`before`, one tensor a step."""
        return self._layers[0].inner(y_ND, graph, places, cuts)

    def proceed(
        self,
        inner_RD: Tensor,
        x_RD: Tensor | None,
        graph: Graph,
        cuts: Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what stands inside the last layer, and what is added to its output.

        Args:
            inner_RD: of the first layer, from :meth:`begin`.
            x_RD: what went into the first layer, read with ``residual`` only.
            graph: of all nodes.
            cuts: of this step.
        """
        for layer, following in pairwise(self._layers):
            out_RD = layer.second(inner_RD)
            x_RD = x_RD + out_RD if x_RD is not None else None
            h_RD = out_RD.relu_() if x_RD is None else x_RD
            (inner_RD,) = following.inner(following.before(h_RD), graph, cuts=cuts)
        return inner_RD, x_RD

    def finish(self, inner_UD: Tensor, x_UD: Tensor | None) -> Tensor:
        """Return states from what :meth:`proceed` returned, or means of states from its means.

        The last linear commutes with sums whose weights sum to 1 (shortcut 2).
        """
        out_UD: Tensor = self._layers[-1].second(inner_UD)
        return out_UD if x_UD is None else x_UD + out_UD

    def scores(self, inner_RD: Tensor, x_RD: Tensor | None, gate_D: Tensor) -> Tensor:
        """Return each state's inner product with ``gate_D``, but for a constant, ``(R)``."""
        score_R = inner_RD @ (self._layers[-1].second.weight.T @ gate_D)
        return score_R if x_RD is None else score_R + x_RD @ gate_D

    @property
    def _layers(self) -> list[GINLayer]:
        return [layer for layer in self.layers if isinstance(layer, GINLayer)]
