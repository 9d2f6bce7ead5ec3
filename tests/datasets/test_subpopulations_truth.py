from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from habitus.datasets.subpopulations import (
    Histories,
    SubpopulationsConfig,
    make_histories,
    make_maps,
    probability_of_answer,
)
from habitus.datasets.subpopulations_truth import (
    best_accuracy,
    best_loss,
    probability_by_counts,
    probability_by_maps,
)
from habitus.metrics.arrays import Floats

SMALL = SubpopulationsConfig(
    num_users=50, num_groups=3, num_needs=8, num_remedies=4, events_per_user=6
)


def slow_yes(config: SubpopulationsConfig, histories: Histories) -> Floats:
    """Return the same by adding up all ways in which needs can speak for an offer."""
    maps = make_maps(config)
    found = np.zeros((len(histories.group_U), config.num_offers))
    for u, k in product(range(len(found)), range(config.num_offers)):
        chances = [0.85 if maps.favours_KR[k, r] else 0.15 for r in histories.remedy_UT[u]]
        for ways in product((0, 1), repeat=len(chances)):
            chance = np.prod([c if w else 1 - c for w, c in zip(ways, chances, strict=True)])
            score = (2 * sum(ways) - len(ways)) / np.sqrt(len(ways))
            found[u, k] += chance * probability_of_answer(config, np.array(score))
    return found


def test_every_way_in_which_needs_can_speak_is_counted() -> None:
    histories = make_histories(SMALL)
    # .7 by the map, and half of the other .3: .85 where the remedy taken speaks for it.
    found = probability_by_counts(SMALL, histories)
    assert found == pytest.approx(slow_yes(SMALL, histories), abs=1e-12)


def test_where_everybody_follows_the_map_counts_know_all() -> None:
    config = replace(SMALL, follow=1.0)
    histories = make_histories(config)
    by_counts = probability_by_counts(config, histories)
    assert by_counts == pytest.approx(probability_by_maps(histories))


def test_where_nobody_does_counts_know_nothing() -> None:
    config = replace(SMALL, follow=0.0)
    yes_UK = probability_by_counts(config, make_histories(config))
    assert yes_UK == pytest.approx(np.full(yes_UK.shape, yes_UK[0, 0]))


def test_who_knows_the_maps_is_calibrated_and_ahead_of_counts() -> None:
    config = SubpopulationsConfig(num_users=6_000)
    histories = make_histories(config)
    answer_U = histories.answer_UK[:, 0]
    by_maps = probability_by_maps(histories)[:, 0]
    by_counts = probability_by_counts(config, histories)[:, 0]
    spread = np.sqrt((by_maps * (1 - by_maps)).sum())
    assert abs(answer_U.sum() - by_maps.sum()) < 4 * spread
    assert roc_auc_score(answer_U, by_maps) > roc_auc_score(answer_U, by_counts) + 0.15
    assert log_loss(answer_U, by_maps) < log_loss(answer_U, by_counts) < np.log(2)


def test_the_bounds_of_masked_remedies_by_hand() -> None:
    config = SubpopulationsConfig(num_remedies=16, follow=0.6)
    # .6 by the map, .4 / 16 by chance.
    assert best_accuracy(config) == pytest.approx(0.625)
    loss = -0.625 * np.log(0.625) - 15 * 0.025 * np.log(0.025)
    assert best_loss(config) == pytest.approx(loss)
    assert best_loss(replace(config, follow=1.0)) == 0.0
    # Nothing to know: the loss of a uniform guess.
    assert best_loss(replace(config, follow=0.0)) == pytest.approx(np.log(16))


def test_nobody_predicts_masked_remedies_better() -> None:
    config = SubpopulationsConfig(num_users=4_000, follow=0.7)
    histories = make_histories(config)
    own_UT = make_maps(config).remedy_GV[histories.group_U[:, None], histories.need_UT]
    right_UT = own_UT == histories.remedy_UT
    # 96,000 events: deviation .0015.
    assert right_UT.mean() == pytest.approx(best_accuracy(config), abs=0.006)
    other = (1 - best_accuracy(config)) / 15
    loss_UT = np.where(right_UT, -np.log(best_accuracy(config)), -np.log(other))
    assert float(np.mean(loss_UT)) == pytest.approx(best_loss(config), abs=0.02)
