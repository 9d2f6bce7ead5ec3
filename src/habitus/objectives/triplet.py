"""Triplet: linked users lie closer than strangers, one community's subgraphs closer than another's.

PASUM eq. 5-8.

Shapes: R rows of the encoder's batch, B triples, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from habitus.config import Config
from habitus.errors import UsageError

Relation = Literal["inter", "negatives", "intra", "halves", "domains", "links"]
"""What an objective reads of a RelationBatch, and its source therefore draws."""


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

    @property
    def reads(self) -> frozenset[Relation]:
        """The relations that have a weight: nothing else is drawn."""
        inter: tuple[Relation, ...] = ("inter", "negatives") if self.alpha > 0 else ()
        intra: tuple[Relation, ...] = ("intra",) if self.alpha < 1 else ()
        return frozenset(inter + intra)
