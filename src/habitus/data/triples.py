"""Inter triples: an anchor, a user that it is linked to, and a stranger.

PASUM P12, eq. 5, by A-P11: one triple for each follow; the anchor is one of its ends, by the toss
of a coin; the negative is a user without any link to the anchor. Drawn once, or anew each time that
a triple is used.

Differs from the paper: which end is the anchor is not in it.

Shapes: F triples, B triples of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from habitus.data.negatives import NegativeSampler
from habitus.data.social_graph import Places
from habitus.data.traces import Rows


@dataclass(frozen=True)
class InterTriples:
    """Triples of users; 12 bytes each."""

    anchor_F: Places
    positive_F: Places
    negative_F: Places
    """-1 where none was asked for."""
    num_dropped: int
    """Follows whose anchor is linked to every possible negative."""
    sampler: NegativeSampler | None
    """Where a batch has its negatives from; None: those of ``negative_F``."""

    @classmethod
    def draw(
        cls,
        follow_F2: Places,
        sampler: NegativeSampler | None,
        generator: np.random.Generator,
        *,
        resample: bool = False,
    ) -> Self:
        """Return a triple of each follow, in its order.

        Args:
            follow_F2: the follows.
            sampler: of negatives; None for none.
            generator: of all draws.
            resample: whether :meth:`batch` draws new negatives; those drawn here only tell whether
                there are any.
        """
        turn_F = generator.integers(2, size=len(follow_F2)).astype(bool)
        anchor_F, positive_F = (
            np.where(turn_F, follow_F2[:, 1 - end], follow_F2[:, end]) for end in range(2)
        )
        if sampler is None:
            return cls(anchor_F, positive_F, np.full(len(anchor_F), -1, np.int32), 0, None)
        negative_F = sampler.draw(anchor_F, generator).astype(np.int32)
        keep_F = negative_F >= 0
        return cls(
            anchor_F[keep_F],
            positive_F[keep_F],
            negative_F[keep_F],
            int((~keep_F).sum()),
            sampler if resample else None,
        )

    def __len__(self) -> int:
        return len(self.anchor_F)

    def batch(self, places_B: Rows, generator: np.random.Generator) -> Rows:
        """Return users of some triples: anchor, positive, negative, ``(B, 3)``."""
        negative_B = self.negative_F[places_B].astype(np.int64)
        if self.sampler is not None:
            negative_B = self.sampler.draw(self.anchor_F[places_B], generator)
        return np.stack([self.anchor_F[places_B], self.positive_F[places_B], negative_B], axis=1)
