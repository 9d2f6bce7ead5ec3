"""Where methods put the next item: among the whole catalogue, and among stored negatives (D2).

Shapes: B test users, I items of the catalogue, N negatives a user.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from habitus.data.traces import Rows
from habitus.errors import DataError
from habitus.evaluation.ranking import Ranking
from habitus.probes.targets import BLOCK_CELLS, Score, Scores, Targets


class Rankings(NamedTuple):
    """The places of the targets of one method."""

    full: Ranking
    """Among all items of the catalogue but those of the history: what claims rest on."""
    sampled: Ranking
    """Among the stored negatives: for comparison with papers."""


def rank_next_items(
    score: Score, targets: Targets, column_BN: Rows, cells: int = BLOCK_CELLS
) -> Rankings:
    """Rank every target in one pass over blocks of users.

    Args:
        score: of the method.
        targets: what is asked.
        column_BN: columns of the negatives.
        cells: users × items of one block, the bound on memory.

    Raises:
        DataError: scores of another shape, or one that is not finite.
    """
    full_2B, sampled_2B = np.zeros((2, 2, targets.num_users), np.int64)
    for place_B in targets.blocks(cells):
        score_BI = _checked(score(place_B), (len(place_B), targets.num_items))
        full_2B[:, place_B] = targets.places(score_BI, place_B)
        drawn_BN = np.take_along_axis(score_BI, column_BN[place_B], axis=1)
        own_B = score_BI[np.arange(len(place_B)), targets.target_B[place_B]]
        sampled_2B[0, place_B] = np.count_nonzero(drawn_BN > own_B[:, None], axis=1)
        sampled_2B[1, place_B] = np.count_nonzero(drawn_BN == own_B[:, None], axis=1)
    num_B = np.full(targets.num_users, column_BN.shape[1] + 1)
    return Rankings(
        Ranking(full_2B[0], full_2B[1], targets.num_candidates_B),
        Ranking(sampled_2B[0], sampled_2B[1], num_B),
    )


def _checked(score_BI: Scores, shape: tuple[int, int]) -> Scores:
    if score_BI.shape != shape:
        raise DataError(f"scores must have the shape {shape} (users, items), got {score_BI.shape}")
    if not np.isfinite(score_BI).all():
        raise DataError("a score is not finite: every item must have a number for every user")
    return score_BI
