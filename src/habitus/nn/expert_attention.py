"""Attention with experts: the four readings of SUPERMOE eq. 5 (A-S10), over packed sequences.

- ``dense``: no experts.
- ``moe_qkv``, the paper: W^q, W^k and W^v are Switch layers, each with a router of its own. The
  probability multiplies V; Q and K it reaches straight through, as ``p / stopgrad(p)``, which is 1
  and has the gradient of p.
- ``scalar_gate``, eq. 5 to the letter: probabilities multiply Q and K. Near 1/E each, they shrink
  logits to 1/E² of what they were, and attention becomes a mean over the sequence.
- ``switchhead``: each head has experts for V and for the output, chosen by sigmoids that do not
  compete (Csordás et al. "SwitchHead". 2024).

Differs from the paper: several heads and a dense output projection (A-S11).

Shapes: T tokens, K choices, N heads, P = D / N width of a head, E experts, D width, U sequences, L
longest sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from habitus.nn.attention import MultiHeadAttention, PackedAttention, PackedLayout
from habitus.nn.expert_products import combine, dispatch, plan
from habitus.nn.experts import ExpertWeights
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.routing import Routed, Router, Routing


class SwitchMatrix(nn.Module):
    """One of many matrices for each token, times its probability or straight through."""

    def __init__(self, width: int, experts: ExpertsConfig, *, straight_through: bool) -> None:
        super().__init__()
        num_experts, has_bias = experts.attention_experts, experts.balance == "bias"
        self.router = Router(width, num_experts, has_bias=has_bias)
        self.experts = ExpertWeights(num_experts, 1, width, width)
        self.straight_through = straight_through

    def forward(self, x_TD: Tensor) -> Routed:
        """Return ``(T, D)``, and what the router did."""
        expert_TK, weight_TK, routing = self.router(x_TD)
        where = plan(expert_TK, self.experts.num_experts)
        if self.straight_through:
            weight_TK = weight_TK / weight_TK.detach()
        out_TD = combine(self.experts(dispatch(x_TD, where), where), where, weight_TK)
        return Routed(out_TD, {"router": routing})


class SwitchAttention(MultiHeadAttention):
    """Queries, keys and values from Switch layers: ``moe_qkv`` and ``scalar_gate``."""

    def __init__(self, width: int, num_heads: int, experts: ExpertsConfig) -> None:
        super().__init__(width, num_heads)
        straight = experts.attention == "moe_qkv"
        self.query = SwitchMatrix(width, experts, straight_through=straight)
        self.key = SwitchMatrix(width, experts, straight_through=straight)
        self.value = SwitchMatrix(width, experts, straight_through=False)
        self.output = nn.Linear(width, width)

    def project(self, x_TD: Tensor) -> Routed:
        """Return queries, keys and values side by side, ``(T, 3 D)``."""
        parts: list[Tensor] = []
        routing: dict[str, Routing] = {}
        for name in ("query", "key", "value"):
            out_TD, found = self.get_submodule(name)(x_TD)
            parts.append(out_TD)
            routing |= {f"{name}.{place}": one for place, one in found.items()}
        return Routed(torch.cat(parts, dim=1), routing)

    def forward(self, x_TD: Tensor, layout: PackedLayout) -> Routed:
        """Return ``(T, D)``, and what the routers did."""
        qkv_T3D, routing = self.project(x_TD)
        return Routed(self.output(self._attend(qkv_T3D, layout)), routing)


class SwitchHeadAttention(MultiHeadAttention):
    """Dense queries and keys; values and output of each head from few of its many experts.

    A row for each head and choice is held, ``T · N · K`` of them: best with few heads.
    """

    def __init__(self, width: int, num_heads: int, experts: ExpertsConfig) -> None:
        super().__init__(width, num_heads)
        each, self.top_k = experts.attention_experts, experts.attention_top_k
        total, chosen = num_heads * each, num_heads * self.top_k
        self.query_key = nn.Linear(width, 2 * width)
        self.value_router, self.output_router = (
            Router(
                width,
                each,
                self.top_k,
                groups=num_heads,
                score="sigmoid",
                has_bias=experts.balance == "bias",
            )
            for _ in range(2)
        )
        self.value = ExpertWeights(total, chosen, width, self.head_dim)
        self.output = ExpertWeights(total, chosen, self.head_dim, width, fan_in=width)

    def project(self, x_TD: Tensor) -> Routed:
        """Return queries, keys and values side by side, ``(T, 3 D)``."""
        expert_TK, weight_TK, routing = self.value_router(x_TD)
        where = plan(expert_TK, self.value.num_experts)
        rows_NP = self.value(dispatch(x_TD, where), where)
        # The choices of a head add up, and heads stand side by side.
        value_TD = combine(rows_NP, where.regrouped(self.top_k), weight_TK).view_as(x_TD)
        qkv_T3D = torch.cat([self.query_key(x_TD), value_TD], dim=1)
        return Routed(qkv_T3D, {"value_router": routing})

    def forward(self, x_TD: Tensor, layout: PackedLayout) -> Routed:
        """Return ``(T, D)``, and what the routers did."""
        qkv_T3D, routing = self.project(x_TD)
        head_TP = self._attend(qkv_T3D, layout).reshape(-1, self.head_dim)
        expert_TK, weight_TK, routing["output_router"] = self.output_router(x_TD)
        where = plan(expert_TK, self.output.num_experts)
        rows_ND = self.output(dispatch(head_TP, where.regrouped(self.top_k)), where)
        return Routed(combine(rows_ND, where, weight_TK), routing)


def make_attention(
    width: int, num_heads: int, experts: ExpertsConfig
) -> PackedAttention | SwitchAttention | SwitchHeadAttention:
    """Return the attention that a config asks for; dense where there is one expert."""
    if experts.attention_experts == 1:
        return PackedAttention(width, num_heads)
    if experts.attention == "switchhead":
        return SwitchHeadAttention(width, num_heads, experts)
    return SwitchAttention(width, num_heads, experts)


def attention_flops(
    num_tokens: int,
    sum_squared_lengths: int,
    width: int,
    num_heads: int,
    experts: ExpertsConfig,
) -> float:
    """Return operations of one forward pass (floors.md E3): 8TD² + 4ΣL²D, and the routers.

    SwitchHead: 4TD² for queries and keys, 2k·TD² each for values and output.
    """
    each, product = experts.attention_experts, 2 * num_tokens * width**2
    router = 2 * num_tokens * width * each
    if each == 1:
        projections = 4 * product
    elif experts.attention == "switchhead":
        projections = (2 + 2 * experts.attention_top_k) * product + 2 * num_heads * router
    else:
        projections = 4 * product + 3 * router
    return float(projections + 4 * sum_squared_lengths * width)


@torch.no_grad()
def attention_entropy(qkv_T3D: Tensor, layout: PackedLayout, num_heads: int) -> Tensor:
    """Return the mean entropy of a token's attention, by head, ``(N,)``, in nats.

    At most the mean of log L over tokens, where attention is a plain mean over the sequence.
    """
    query_UNLP, key_UNLP, _ = (
        part.view(*part.shape[:2], num_heads, -1).transpose(1, 2)
        for part in layout.pad(qkv_T3D).chunk(3, dim=2)
    )
    logits_UNLL = query_UNLP @ key_UNLP.transpose(2, 3) * query_UNLP.shape[3] ** -0.5
    share_UNLL = logits_UNLL.masked_fill(~layout.mask_U11L, -torch.inf).softmax(-1)
    entropy_UNL = -torch.xlogy(share_UNLL, share_UNLL).sum(-1)
    return layout.unpad(entropy_UNL.transpose(1, 2)).mean(0)
