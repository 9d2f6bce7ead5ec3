"""Contrast: InfoNCE over linked users, halves of one user's posts, and users of one domain.

improvements.md I1 rows 1, 3, 9 and 11.

Shapes: R rows of the encoder's batch, B pairs, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

from habitus.config import Config


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
    """It is never sharper than this."""
