"""Contrast: InfoNCE over linked users, halves of one user's posts, and users of one domain.

improvements.md I1 rows 1, 3, 9 and 11, in place of the triplets of PASUM: each pair of a step has
the pairs of all others for negatives (van den Oord et al. 2018; both ways round as in CLIP). Who is
linked to an anchor, or is the anchor, is no negative of it. Users of one domain attract each other
as in supervised contrast (Khosla et al. 2020, L_out). Similarity is the cosine divided by a learned
temperature, one for each part. Users without events are left out.

Shapes: R rows of the encoder's batch, B pairs, C candidates, D width, P users of domains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from habitus.config import Config
from habitus.data.relation_batches import RelationBatch
from habitus.data.relations_config import Relation
from habitus.encoders.base import UserEncoder
from habitus.errors import UsageError
from habitus.objectives.base import Loss, Objective
from habitus.objectives.info_nce import info_nce, supervised
from habitus.objectives.weighted import Part, mean_loss, mean_of, weighted

INTER, HALVES, DOMAINS = "inter", "halves", "domains"


@dataclass(frozen=True, kw_only=True)
class ContrastConfig(Config):
    """Weights of the parts; a part of weight 0 is not drawn, encoded or run."""

    inter_weight: float = 1.0
    """InfoNCE over linked users (I1.1)."""
    half_weight: float = 0.0
    """InfoNCE over the earlier and the later half of one user's posts (I1.3)."""
    domain_weight: float = 0.0
    """Supervised contrast over users of one domain (I1.11)."""
    hard_negatives: bool = False
    """Whether the drawn negative of each triple joins the candidates (I1.9)."""
    temperature: float = 0.07
    """Where the learned temperature begins."""
    min_temperature: float = 0.01
    """It is always above this: the learned number θ makes ``min_temperature / sigmoid(θ)``."""

    def __post_init__(self) -> None:
        for name in ("inter_weight", "half_weight", "domain_weight"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if not self.weights:
            raise UsageError("no part has a weight: set one of them above 0")
        if not 0 < self.min_temperature < self.temperature:
            raise UsageError(
                f"min_temperature must be above 0 and below temperature, got "
                f"{self.min_temperature} and {self.temperature}"
            )

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each part that has one."""
        named = {INTER: self.inter_weight, HALVES: self.half_weight, DOMAINS: self.domain_weight}
        return {name: weight for name, weight in named.items() if weight > 0}

    @property
    def reads(self) -> frozenset[Relation]:
        """The relations that have a weight: nothing else is drawn."""
        found: set[Relation] = set()
        if self.inter_weight:
            found |= {"inter", "links"}
        if self.inter_weight and self.hard_negatives:
            found.add("negatives")
        if self.half_weight:
            found.add("halves")
        if self.domain_weight:
            found.add("domains")
        return frozenset(found)


class Contrast(Objective):
    """Tells each user's counterpart from those of all other users of the step."""

    name: ClassVar[str] = "contrast"
    config: ContrastConfig

    def __init__(self, config: ContrastConfig) -> None:
        super().__init__()
        self.config = config
        share = config.min_temperature / config.temperature
        theta = math.log(share / (1 - share))
        self.theta = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(theta)) for name in config.weights}
        )

    def scale(self, name: str) -> Tensor:
        """Return one divided by the temperature of a part."""
        theta: Tensor = self.theta[name]
        return theta.sigmoid() / self.config.min_temperature

    @override
    def forward(
        self, encoder: UserEncoder, batch: RelationBatch, generator: torch.Generator
    ) -> Loss:
        z_RD, mask_R, _ = encoder(batch.graphs)
        parts: dict[str, Part] = {}
        # In 16 bits, cosines of 0.99 and 0.995 would be one.
        with torch.autocast(z_RD.device.type, enabled=False):
            z_RD = normalize(z_RD.float(), dim=1, eps=1e-6)
            if INTER in self.theta:
                parts |= self._inter(z_RD, mask_R, batch)
            if HALVES in self.theta:
                parts |= self._halves(z_RD, mask_R, batch)
            if DOMAINS in self.theta:
                parts |= self._domains(z_RD, mask_R, batch)
            return weighted(parts, self.config.weights)

    @override
    def forward_flops(self, encoder: UserEncoder, batch: RelationBatch) -> tuple[float, float]:
        true, executed = encoder.forward_flops(batch.graphs)
        inter, halves, users = len(batch.inter_B3), len(batch.half_B2), 2 * len(batch.domain_B2)
        pairs = {INTER: 2 * inter**2, HALVES: 2 * halves**2, DOMAINS: users**2}
        if self.config.hard_negatives:
            pairs[INTER] += inter**2
        compared = sum(2 * pairs[name] for name in self.theta) * encoder.representation_dim
        return true + compared, executed + compared

    def mean_loss(self, losses: Sequence[Loss]) -> Loss:
        """Return the loss over several batches."""
        return mean_loss(losses, self.config.weights)

    def _inter(self, z_RD: Tensor, mask_R: Tensor, batch: RelationBatch) -> dict[str, Part]:
        triple_B3 = batch.inter_B3
        triple_B3 = triple_B3[mask_R[triple_B3[:, 0]] & mask_R[triple_B3[:, 1]]]
        anchor_B, positive_B, negative_B = triple_B3.unbind(1)
        related_RR = torch.eye(len(z_RD), dtype=torch.bool, device=z_RD.device)
        related_RR[batch.link_L2[:, 0], batch.link_L2[:, 1]] = True
        candidate_C = positive_B
        if self.config.hard_negatives:
            candidate_C = torch.cat([positive_B, negative_B])
        hidden_BC = related_RR[anchor_B][:, candidate_C] | ~mask_R[candidate_C]
        there = info_nce(z_RD[anchor_B], z_RD[candidate_C], hidden_BC, self.scale(INTER))
        hidden_BB = related_RR[positive_B][:, anchor_B]
        back = info_nce(z_RD[positive_B], z_RD[anchor_B], hidden_BB, self.scale(INTER))
        return _both(INTER, there, back)

    def _halves(self, z_RD: Tensor, mask_R: Tensor, batch: RelationBatch) -> dict[str, Part]:
        pair_B2 = batch.half_B2[mask_R[batch.half_B2].all(1)]
        early_B, late_B = pair_B2.unbind(1)
        same_BB = early_B[:, None] == early_B
        there = info_nce(z_RD[early_B], z_RD[late_B], same_BB, self.scale(HALVES))
        back = info_nce(z_RD[late_B], z_RD[early_B], same_BB, self.scale(HALVES))
        return _both(HALVES, there, back)

    def _domains(self, z_RD: Tensor, mask_R: Tensor, batch: RelationBatch) -> dict[str, Part]:
        row_P = torch.unique(batch.domain_B2)
        row_P = row_P[mask_R[row_P]]
        domain_T, place_T = torch.unique(batch.tag_T2[:, 1], return_inverse=True)
        in_RC = z_RD.new_zeros(len(z_RD), len(domain_T))
        in_RC[batch.tag_T2[:, 0], place_T] = 1
        share_PP = in_RC[row_P] @ in_RC[row_P].T > 0
        loss_P, right_P = supervised(z_RD[row_P], share_PP, self.scale(DOMAINS))
        return {DOMAINS: mean_of(loss_P), f"{DOMAINS}_accuracy": mean_of(right_P)}


def _both(name: str, there: tuple[Tensor, Tensor], back: tuple[Tensor, Tensor]) -> dict[str, Part]:
    """Return the loss of both ways round, and of the first way the share that is right."""
    loss_B = (there[0] + back[0]) / 2
    return {name: mean_of(loss_B), f"{name}_accuracy": mean_of(there[1])}
