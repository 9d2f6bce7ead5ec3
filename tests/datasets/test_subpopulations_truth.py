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
    Knows,
    best_accuracy,
    best_loss,
    probability_of_yes,
)

SMALL = SubpopulationsConfig(num_users=50, num_groups=3, num_values=8, events_per_user=6, told=0.4)


def slow_yes(config: SubpopulationsConfig, histories: Histories, knows: Knows) -> np.ndarray:
    """Return the same by adding up all ways in which the remedies can speak."""
    maps = make_maps(config)
    found = np.zeros((len(histories.group_U), config.num_offers))
    for (u, group), k in product(enumerate(histories.group_U), range(config.num_offers)):
        chances = []
        for t, need in enumerate(histories.need_UT[u]):
            if histories.told_UT[u, t]:
                chances.append(float(maps.favours_KV[k, histories.remedy_UT[u, t]]))
            elif knows == "maps":
                own = float(maps.favours_KV[k, maps.remedy_GV[group, need]])
                chances.append(config.follow * own + (1 - config.follow) / 2)
            else:
                chances.append(0.5)
        for ways in product((0, 1), repeat=len(chances)):
            chance = np.prod([c if w else 1 - c for w, c in zip(ways, chances, strict=True)])
            score = (2 * sum(ways) - len(ways)) / np.sqrt(len(ways))
            found[u, k] += chance * probability_of_answer(config, np.array(score))
    return found


@pytest.mark.parametrize("knows", ["maps", "counts"])
def test_every_way_in_which_remedies_can_speak_is_counted(knows: Knows) -> None:
    histories = make_histories(SMALL)
    found = probability_of_yes(SMALL, histories, knows)
    assert found == pytest.approx(slow_yes(SMALL, histories, knows), abs=1e-12)


def test_who_is_told_all_knows_everything() -> None:
    config = replace(SMALL, told=1.0)
    histories = make_histories(config)
    knowing: list[Knows] = ["maps", "counts"]
    for knows in knowing:
        found = probability_of_yes(config, histories, knows)
        assert found == pytest.approx(probability_of_yes(config, histories, "everything"))


def test_the_more_is_known_the_better_and_the_bounds_are_calibrated() -> None:
    config = SubpopulationsConfig(num_users=6_000)
    histories = make_histories(config)
    answer_U = histories.answer_UK[:, 0]
    auc, loss = {}, {}
    knowing: list[Knows] = ["everything", "maps", "counts"]
    for knows in knowing:
        yes_U = probability_of_yes(config, histories, knows)[:, 0]
        auc[knows], loss[knows] = roc_auc_score(answer_U, yes_U), log_loss(answer_U, yes_U)
        spread = np.sqrt((yes_U * (1 - yes_U)).sum())
        # Remedies of different needs differ, so that those not told are not half for an offer.
        assert knows == "counts" or abs(answer_U.sum() - yes_U.sum()) < 4 * spread
    assert auc["everything"] > auc["maps"] + 0.02 > auc["counts"] + 0.12
    assert loss["everything"] < loss["maps"] < loss["counts"]


def test_the_bounds_of_masked_remedies_by_hand() -> None:
    config = SubpopulationsConfig(num_values=64, follow=0.9)
    # .9 by the map, .1 / 64 by chance.
    assert best_accuracy(config) == pytest.approx(0.9 + 0.1 / 64)
    other = 0.1 / 64
    loss = -(0.9 + other) * np.log(0.9 + other) - 63 * other * np.log(other)
    assert best_loss(config) == pytest.approx(loss)
    assert best_loss(replace(config, follow=1.0)) == 0.0
    # Nothing to know: the loss of a uniform guess.
    assert best_loss(replace(config, follow=0.0)) == pytest.approx(np.log(64))


def test_nobody_predicts_masked_remedies_better() -> None:
    config = SubpopulationsConfig(num_users=4_000, follow=0.7)
    histories = make_histories(config)
    own_UT = make_maps(config).remedy_GV[histories.group_U[:, None], histories.need_UT]
    right_UT = own_UT == histories.remedy_UT
    # 96,000 events: deviation .0015.
    assert right_UT.mean() == pytest.approx(best_accuracy(config), abs=0.006)
    other = (1 - best_accuracy(config)) / 63
    loss_UT = np.where(right_UT, -np.log(best_accuracy(config)), -np.log(other))
    assert float(np.mean(loss_UT)) == pytest.approx(best_loss(config), abs=0.04)
