"""Both rankings of one pass, against scikit-learn's kind of arithmetic: sorting."""

from __future__ import annotations

import numpy as np
import pytest

from habitus.errors import DataError
from habitus.evaluation.next_item_ranking import rank_next_items
from habitus.probes.targets import Targets
from habitus.random import numpy_generator


def world() -> tuple[Targets, np.ndarray, np.ndarray]:
    """Return 9 users, 15 items of which each had two, scores without ties, and 4 negatives each."""
    generator = numpy_generator(0, "ranking")
    rows = np.stack([generator.permutation(15) for _ in range(9)])
    seen = np.sort(rows[:, 1:3], axis=1)
    targets = Targets(rows[:, 0], 2 * np.arange(10), seen.ravel(), 15)
    return targets, generator.random((9, 15)), np.sort(rows[:, 3:7], axis=1)


@pytest.mark.parametrize("cells", [1, 40, 10_000])
def test_ranks_are_places_in_a_sorted_list(cells: int) -> None:
    targets, score_BI, column_BN = world()
    found = rank_next_items(lambda place_B: score_BI[place_B], targets, column_BN, cells)
    for user in range(9):
        own = targets.target_B[user]
        had = targets.seen_item_L[2 * user : 2 * user + 2]
        for ranking, candidates in (
            (found.full, np.setdiff1d(np.arange(15), had)),
            (found.sampled, np.append(column_BN[user], own)),
        ):
            order = sorted(candidates, key=lambda i: -score_BI[user, i])
            assert ranking.num_better_U[user] == order.index(own)
            assert ranking.num_tied_U[user] == 0
            assert ranking.num_candidates_U[user] == len(candidates)


def test_a_constant_score_is_chance() -> None:
    targets, _, column_BN = world()
    found = rank_next_items(lambda place_B: np.ones((len(place_B), 15)), targets, column_BN)
    # 13 candidates each, and 5.
    assert found.full.metrics()["HR@1"] == pytest.approx(1 / 13)
    assert found.sampled.metrics()["HR@1"] == pytest.approx(1 / 5)
    assert found.full.metrics() == pytest.approx(found.full.chance())


def test_scores_that_cannot_be_ranked_are_refused() -> None:
    targets, score_BI, column_BN = world()
    with pytest.raises(DataError, match=r"must have the shape \(9, 15\)"):
        rank_next_items(lambda place_B: score_BI[place_B, :14], targets, column_BN)
    score_BI[3, 3] = np.nan
    with pytest.raises(DataError, match="a score is not finite"):
        rank_next_items(lambda place_B: score_BI[place_B], targets, column_BN)
