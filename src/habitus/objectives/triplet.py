"""Triplet: linked users lie closer than strangers, one community's subgraphs closer than another's.

PASUM eq. 5-8, with the means of A-P15: ``α · inter + (1 - α) · intra``, each a mean of
``[‖a - p‖ - ‖a - n‖ + δ]₊``, Euclidean and not squared. A subgraph is an aggregate of its users.
Whether users are normalised is the encoder's (A-P14).

Differs from the paper: eq. 5 and 6 are sums, and say nothing of how two batch sizes are joined.

Shapes: R rows of the encoder's batch, B triples, G subgraphs, M their members, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag
from typing_extensions import override

from habitus.config import Config
from habitus.data.relation_batches import RelationBatch
from habitus.data.relations_config import Relation
from habitus.encoders.base import UserEncoder
from habitus.errors import UsageError
from habitus.objectives.base import Loss, Objective
from habitus.objectives.weighted import Part, mean_loss, mean_of, weighted

INTER, INTRA = "inter", "intra"


@dataclass(frozen=True, kw_only=True)
class TripletConfig(Config):
    """Eq. 8 and its margins; the defaults are those of the paper (table 11)."""

    alpha: float = 0.5
    """Weight of the inter-user loss; the intra-user loss has the rest. At 1 no subgraph is drawn,
    encoded or compared ("w/o intra"), at 0 no follow ("w/o inter")."""
    inter_margin: float = 1.0
    """δ_inter of eq. 5. A-P14: about 0.3-1 where the encoder normalises its output."""
    intra_margin: float = 1.0
    """δ_intra of eq. 6."""
    aggregate: Literal["mean", "sum", "max"] = "mean"
    """AGGREGATE of eq. 7."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"alpha must be in [0, 1], got {self.alpha}")
        if self.aggregate not in ("mean", "sum", "max"):
            raise UsageError(f"aggregate must be mean, sum or max, got {self.aggregate!r}")

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each part that has one."""
        weights = {INTER: self.alpha, INTRA: 1 - self.alpha}
        return {name: weight for name, weight in weights.items() if weight > 0}

    @property
    def reads(self) -> frozenset[Relation]:
        """The relations that have a weight: nothing else is drawn."""
        inter: tuple[Relation, ...] = ("inter", "negatives") if self.alpha > 0 else ()
        intra: tuple[Relation, ...] = ("intra",) if self.alpha < 1 else ()
        return frozenset(inter + intra)


class Triplet(Objective):
    """Compares users and subgraphs of users with what is near them and what is not."""

    name: ClassVar[str] = "triplet"
    config: TripletConfig

    def __init__(self, config: TripletConfig) -> None:
        super().__init__()
        self.config = config

    @override
    def forward(
        self, encoder: UserEncoder, batch: RelationBatch, generator: torch.Generator
    ) -> Loss:
        config = self.config
        z_RD = encoder(batch.graphs).z_UD.float()
        parts: dict[str, Part] = {}
        if INTER in config.weights:
            parts |= _compare(INTER, z_RD, batch.inter_B3, config.inter_margin)
        if INTRA in config.weights:
            z_GD = aggregate(z_RD, batch.member_M, batch.subgraph_ptr_G1, config.aggregate)
            parts |= _compare(INTRA, z_GD, batch.intra_B3, config.intra_margin)
        return weighted(parts, config.weights)

    @override
    def forward_flops(self, encoder: UserEncoder, batch: RelationBatch) -> tuple[float, float]:
        true, executed = encoder.forward_flops(batch.graphs)
        triples = 0
        if INTER in self.config.weights:
            triples += len(batch.inter_B3)
        if INTRA in self.config.weights:
            triples += len(batch.intra_B3)
        # Two distances a triple, each a difference, a square and a sum; a sum for each member.
        compared = (6 * triples + len(batch.member_M)) * encoder.representation_dim
        return true + compared, executed + compared

    def mean_loss(self, losses: Sequence[Loss]) -> Loss:
        """Return eq. 8 over several batches."""
        return mean_loss(losses, self.config.weights)


def aggregate(
    z_RD: Tensor, member_M: Tensor, ptr_G1: Tensor, how: Literal["mean", "sum", "max"]
) -> Tensor:
    """Return eq. 7: one vector a subgraph, ``(G, D)``; 0 for an empty one."""
    if not len(member_M):
        return z_RD.new_zeros(len(ptr_G1) - 1, z_RD.shape[1]) + 0 * z_RD.sum()
    return embedding_bag(member_M, z_RD, ptr_G1, mode=how, include_last_offset=True)


def _compare(name: str, z_RD: Tensor, triple_B3: Tensor, margin: float) -> dict[str, Part]:
    """Return the loss of eq. 5 or 6, and the share of triples that are the right way round."""
    anchor_BD, positive_BD, negative_BD = (z_RD[triple_B3[:, k]] for k in range(3))
    # The gradient of this norm is 0 where two users are equal, not NaN.
    near_B = torch.linalg.vector_norm(anchor_BD - positive_BD, dim=1)
    far_B = torch.linalg.vector_norm(anchor_BD - negative_BD, dim=1)
    right_B = (near_B < far_B).detach().float()
    loss_B = (near_B - far_B + margin).relu()
    return {name: mean_of(loss_B), f"{name}_accuracy": mean_of(right_B)}
