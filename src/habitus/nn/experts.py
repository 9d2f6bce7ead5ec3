"""Sparse mixture of experts in the place of a feed-forward layer (SUPERMOE eq. 6, S8).

A router sends each token to few of many feed-forward layers; their outputs are summed, each times
its probability. Dropless: no expert has a limit, and none waits for another (A-S13).

Differs from the paper: softmax before the choice (A-S12); the experts have the same sizes and
different weights (A-S16); shared and fine-grained experts as options (improvements I3 2).

Shapes: T tokens, K choices of a token, N = T · K rows sorted by expert, E experts, D width, H
hidden, I width before a product, O width after it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from habitus.errors import UsageError
from habitus.nn.expert_products import Plan, combine, dispatch, feed_forward, plan, products
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.feed_forward import ACTIVATIONS, Activation, FeedForward
from habitus.nn.routing import Routed, Router


class ExpertWeights(nn.Module):
    """One matrix for each expert, without a bias, that begins as ``nn.Linear`` does.

    Args:
        num_experts: matrices.
        chosen: of them, those that a token meets.
        inside: width before the product.
        outside: width after it.
        fan_in: numbers that an output is a sum over, where several experts of a token add up.
    """

    def __init__(
        self, num_experts: int, chosen: int, inside: int, outside: int, fan_in: int | None = None
    ) -> None:
        super().__init__()
        self.num_experts, self.chosen = num_experts, chosen
        self.weight_EIO = nn.Parameter(torch.empty(num_experts, inside, outside))
        bound = (fan_in or inside) ** -0.5
        nn.init.uniform_(self.weight_EIO, -bound, bound)

    def forward(self, x_NI: Tensor, where: Plan) -> Tensor:
        """Return each row times the matrix of its expert, ``(N, O)``."""
        return products(x_NI, self.weight_EIO, where)

    @property
    def idle(self) -> int:
        """Weights that one token does not meet."""
        return self.weight_EIO.numel() // self.num_experts * (self.num_experts - self.chosen)


class ExpertFeedForward(nn.Module):
    """Few of many feed-forward layers for each token, beside those that every token meets.

    A token that is not finite makes its own output, the losses and the statistics not finite, and
    no other token's output.

    Args:
        width: of a token.
        hidden: of one whole expert; all that a token meets add up to ``top_k`` times it.
        experts: how many, and how they are chosen; two or more.
        dropout: of hidden units.
        activation: of hidden units.

    Raises:
        UsageError: experts are split in more parts than divide ``hidden``.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        experts: ExpertsConfig,
        dropout: float = 0.0,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        if hidden % experts.split:
            raise UsageError(f"split must divide hidden {hidden}, got {experts.split}")
        part, routed, chosen = hidden // experts.split, experts.routed, experts.chosen
        self.router = Router(
            width,
            routed,
            chosen,
            renormalise=experts.renormalise,
            has_bias=experts.balance == "bias",
        )
        self.inner = ExpertWeights(routed, chosen, width, part)
        self.outer = ExpertWeights(routed, chosen, part, width)
        shared = experts.shared * part
        self.shared = FeedForward(width, shared, dropout, activation) if shared else None
        self.dropout = nn.Dropout(dropout)
        self.activation: Activation = activation

    def forward(self, x_TD: Tensor) -> Routed:
        """Return ``(T, D)``, and what the router did."""
        choice = self.router(x_TD)
        where = plan(choice.expert_TK, self.router.num_experts)
        y_ND = feed_forward(
            dispatch(x_TD, where),
            self.inner.weight_EIO,
            self.outer.weight_EIO,
            where,
            self._activate,
        )
        out_TD = combine(y_ND, where, choice.weight_TK)
        if self.shared is not None:
            out_TD = out_TD + self.shared(x_TD)
        return Routed(out_TD, {"router": choice.routing})

    def _activate(self, inner_NH: Tensor) -> Tensor:
        activated_NH = ACTIVATIONS[self.activation](inner_NH)
        return dropout(activated_NH, self.dropout.p, self.training)


def feed_forward_flops(num_tokens: int, width: int, hidden: int, experts: ExpertsConfig) -> float:
    """Return operations of one forward pass of a feed-forward layer: 4·k·TDH + 2·TDE (floors E3).

    Those of the experts that tokens go to; without experts 4·TDH.
    """
    layer = 4 * num_tokens * width * hidden * experts.top_k
    return float(layer + (0 if experts.is_dense else 2 * num_tokens * width * experts.routed))


class ParameterCounts(NamedTuple):
    """Weights of a module (A-S23)."""

    total: int
    """All of them."""
    active: int
    """Outside of lookup tables, those that one token meets."""
    embedding: int
    """Those of lookup tables."""


def parameter_counts(module: nn.Module) -> ParameterCounts:
    """Return how many weights a module has, and how many of them one token meets."""
    modules = list(module.modules())
    tables = {id(each.weight): each.weight for each in modules if isinstance(each, nn.Embedding)}
    total = sum(weight.numel() for weight in module.parameters())
    embedding = sum(weight.numel() for weight in tables.values())
    idle = sum(each.idle for each in modules if isinstance(each, ExpertWeights))
    return ParameterCounts(total, total - embedding - idle, embedding)
