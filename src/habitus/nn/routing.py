"""Router: which experts a token goes to, and with which weight (Switch Transformer).

SUPERMOE eq. 6 as A-S12 reads it: softmax over all experts first, then the largest ``K``, and the
output of an expert is multiplied by its probability. The softmax after the choice, as printed,
would be 1 for K = 1 and the router would never learn. A-S13: in fp32, with small first weights.
Options: SwitchHead's sigmoid, in which experts do not compete; and DeepSeek-V3's balancing without
a loss, by a bias that is in the choice and not in the weight (improvements I3 3).

Losses and statistics are returned and never kept in the module. The bias is a buffer; it moves only
in :meth:`Router.rebalance`, which the trainer calls after a step.

Shapes: T tokens, G groups (heads; 1 outside of attention), E experts of all groups, K choices in a
group, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

Score = Literal["softmax", "sigmoid"]

BALANCE, Z = "routing.balance", "routing.z"
"""Names of the two losses, with a dot that keeps them apart from names of channels."""
DEAD_SHARE = 1e-3
"""An expert with a smaller share of the choices is dead (evaluation D9)."""
INIT_VARIANCE = 0.1
"""Of first weights, over the width: a tenth of what is usual (Switch Transformer, 2.4)."""


class Routing(NamedTuple):
    """What a router did with the tokens of a batch (evaluation D9); dropless, so none is lost."""

    share_E: Tensor
    """Share of the choices that went to each expert; sums to 1, or all 0 without tokens."""
    probability_E: Tensor
    """Mean probability of each expert; sums to 1 in the same way."""
    entropy: Tensor
    """Mean entropy of a token's probabilities, nats; at most log(E / G)."""
    balance: Tensor
    """``E Σ f_e P_e`` with a gradient: 1 where all is even, E where all goes to one expert."""
    z: Tensor
    """Mean of the squared log of the softmax's denominator, with a gradient; 0 for a sigmoid."""
    num_tokens: Tensor
    """Tokens that were routed."""

    @property
    def max_load(self) -> Tensor:
        """Choices of the busiest expert over those of the mean expert."""
        return self.share_E.max() * len(self.share_E)

    @property
    def num_dead(self) -> Tensor:
        """Experts with less than :data:`DEAD_SHARE` of the choices."""
        return (self.share_E < DEAD_SHARE).sum()


class Choice(NamedTuple):
    """Experts of each token, ``(T, G · K)``, what their outputs are multiplied by, and how it went.

    Those of group ``g`` are numbered from ``g · E / G``.
    """

    expert_TK: Tensor
    weight_TK: Tensor
    routing: Routing


class Routed(NamedTuple):
    """What a layer makes of tokens, and what its routers did, by their place in the layer."""

    x_TD: Tensor
    routing: dict[str, Routing]


class Router(nn.Module):
    """Chooses ``top_k`` experts of each group for each token.

    A token that is not finite gets weights that are not finite and changes no other token's
    choice; losses and statistics then are not finite either, and a training stops.

    Args:
        width: of a token.
        num_experts: in each group.
        top_k: experts that a token goes to, in each group.
        groups: choices that are made of a token, each among experts of its own: heads.
        score: ``sigmoid`` for experts that do not compete.
        renormalise: let the weights of a token sum to 1; with one choice nothing would be learned.
        has_bias: balance by a bias in the choice.
    """

    bias_E: Tensor | None

    def __init__(
        self,
        width: int,
        num_experts: int,
        top_k: int = 1,
        *,
        groups: int = 1,
        score: Score = "softmax",
        renormalise: bool = False,
        has_bias: bool = False,
    ) -> None:
        super().__init__()
        if not 1 <= top_k <= num_experts or num_experts < 2:
            raise ValueError(f"top_k must be in [1, num_experts], got {top_k} of {num_experts}")
        if renormalise and top_k == 1:
            raise ValueError("renormalise needs top_k of 2 or more: one weight would always be 1")
        self.num_experts, self.top_k, self.groups = num_experts, top_k, groups
        self.score, self.renormalise = score, renormalise
        self.weight_ED = nn.Parameter(torch.empty(groups * num_experts, width))
        nn.init.normal_(self.weight_ED, std=(INIT_VARIANCE / width) ** 0.5)
        self.register_buffer("bias_E", torch.zeros(groups * num_experts) if has_bias else None)

    def forward(self, x_TD: Tensor) -> Choice:
        """Return the choice for each token."""
        # 16 bits would make equal what the choice has to tell apart (A-S13).
        with torch.autocast(x_TD.device.type, enabled=False):
            shape = (len(x_TD), self.groups, self.num_experts)
            logits_TGE = linear(x_TD.float(), self.weight_ED.float()).view(shape)
            log_sum_TG = logits_TGE.logsumexp(-1)
            score_TGE = (
                logits_TGE.sigmoid()
                if self.score == "sigmoid"
                else (logits_TGE - log_sum_TG[..., None]).exp()
            )
            expert_TGK = self._largest(score_TGE.detach())
            weight_TGK = score_TGE.gather(-1, expert_TGK)
            if self.renormalise:
                weight_TGK = weight_TGK / weight_TGK.sum(-1, keepdim=True)
            first_G = torch.arange(self.groups, device=x_TD.device) * self.num_experts
            expert_TK = (expert_TGK + first_G[:, None]).flatten(1)
            routing = self._routing(logits_TGE, log_sum_TG, score_TGE, expert_TK)
            return Choice(expert_TK, weight_TGK.flatten(1), routing)

    @torch.no_grad()
    def rebalance(self, share_E: Tensor, rate: float) -> None:
        """Make experts with less than their share likelier, and the others less likely.

        DeepSeek-V3: ``bias += rate · sign(mean load - load)``.
        """
        assert self.bias_E is not None
        self.bias_E += rate * (share_E.mean() - share_E).sign()

    def _largest(self, score_TGE: Tensor) -> Tensor:
        if self.bias_E is not None:
            score_TGE = score_TGE + self.bias_E.view(self.groups, self.num_experts)
        if self.top_k == 1:
            return score_TGE.argmax(-1, keepdim=True)
        return score_TGE.topk(self.top_k).indices

    def _routing(
        self, logits_TGE: Tensor, log_sum_TG: Tensor, score_TGE: Tensor, expert_TK: Tensor
    ) -> Routing:
        num_tokens, total = len(expert_TK), self.groups * self.num_experts
        rows = max(num_tokens, 1) * self.groups
        share_E = torch.bincount(expert_TK.flatten(), minlength=total) / (rows * self.top_k)
        is_softmax = self.score == "softmax"
        probability_TGE = score_TGE if is_softmax else score_TGE / score_TGE.sum(-1, keepdim=True)
        probability_E = probability_TGE.sum(0).flatten() / rows
        with torch.no_grad():
            entropy = -torch.xlogy(probability_TGE, probability_TGE).sum() / rows
        z = log_sum_TG.square().sum() / rows if is_softmax else logits_TGE.new_zeros(())
        # Both shares sum to 1 over all groups: G · E Σ f P is the mean over groups of theirs.
        balance = total * (share_E * probability_E).sum()
        count = torch.tensor(num_tokens, device=logits_TGE.device)
        return Routing(share_E, probability_E.detach(), entropy, balance, z, count)


def losses(routing: Mapping[str, Routing]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the balance and the z loss, each the mean over routers, and how many tokens they saw.

    Nothing without a router.
    """
    each = list(routing.values())
    if not each:
        return {}
    balance = torch.stack([one.balance for one in each]).mean()
    z = torch.stack([one.z for one in each]).mean()
    return {BALANCE: (balance, each[0].num_tokens), Z: (z, each[0].num_tokens)}


def statistics(routing: Mapping[str, Routing]) -> dict[str, Tensor]:
    """Return both losses, with their gradient, and what each router did, without.

    ``routing.balance``, ``routing.z``, and for each router ``<place>.share`` and
    ``<place>.probability`` of its experts, ``<place>.entropy``, ``<place>.max_load`` and
    ``<place>.num_dead``.
    """
    found = {name: mean for name, (mean, _) in losses(routing).items()}
    for place, one in routing.items():
        found[f"{place}.share"] = one.share_E
        found[f"{place}.probability"] = one.probability_E
        found[f"{place}.entropy"] = one.entropy
        found[f"{place}.max_load"] = one.max_load
        found[f"{place}.num_dead"] = one.num_dead
    return found
