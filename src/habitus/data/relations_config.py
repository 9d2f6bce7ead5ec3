"""Which relations there are between users, and how many of each a step takes.

PASUM table 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from habitus.config import Config
from habitus.errors import UsageError

Relation = Literal["inter", "negatives", "links", "intra", "halves", "domains"]
"""What an objective reads of a batch, and what is therefore drawn. ``negatives`` and ``links`` go
with ``inter``."""
NegativeKind = Literal["uniform", "degree_matched", "same_domain", "two_hop"]
Branch = Literal["inter", "intra", "halves", "domains"]
ORDER: Final[tuple[Branch, ...]] = ("inter", "intra", "halves", "domains")


@dataclass(frozen=True, kw_only=True)
class RelationsConfig(Config):
    """How many of each relation, and how they are drawn; the defaults are the paper's."""

    inter_batch: int = 1_024
    """Inter-user triples of a step."""
    intra_batch: int = 256
    """Intra-user triples of a step."""
    half_batch: int = 256
    """Users of a step of whom both halves are read."""
    domain_batch: int = 256
    """Pairs of users of one domain of a step."""
    intra_triples: int = 1_000_000
    """Different intra-user triples."""
    negatives: NegativeKind = "uniform"
    """Who is a negative (A-P11, A-P12, I1.9)."""
    resample_negatives: bool = False
    """Whether each epoch has new negatives; the paper draws them once."""
    one_hop: int = 3
    """Neighbours of the user in a subgraph."""
    two_hop: int = 3
    """Neighbours of each of those in a subgraph."""
    valid_share: float = 0.01
    """Share of the follows kept for validation (A-P17); 0 for none. Since no user is on both sides,
    training loses about ``2 √share`` of the follows besides: 20 % at .01, 6 % at .001."""

    valid_steps: int = 16
    """Steps whose loss is the validation loss, at most; the same ones at each validation."""

    def __post_init__(self) -> None:
        names = ("inter_batch", "intra_batch", "half_batch", "domain_batch", "intra_triples")
        for name in (*names, "valid_steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
