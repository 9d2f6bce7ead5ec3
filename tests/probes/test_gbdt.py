"""Boosted trees."""

import numpy as np

from habitus.metrics import auroc
from habitus.probes import Labelled
from habitus.probes.gbdt import GradientBoosting, GradientBoostingConfig
from habitus.probes.logistic import Logistic
from tests.probes.ladder import ProbeContract
from tests.probes.planted import planted


class TestGradientBoosting(ProbeContract):
    name = "gbdt"


def exclusive_or(num_rows: int, seed: int) -> Labelled:
    """Yes where exactly one of the first two numbers is positive: no straight line helps."""
    rows = planted(num_rows, seed=seed)
    return Labelled(rows.x_BD, ((rows.x_BD[:, 0] > 0) != (rows.x_BD[:, 1] > 0)).astype(float))


def test_it_sees_what_no_straight_line_does() -> None:
    train, valid, test = (exclusive_or(size, size) for size in (2000, 500, 600))
    trees, line = GradientBoosting().fit(train, valid, 0), Logistic().fit(train, valid, 0)
    assert auroc(test.y_B, trees.predict(test.x_BD)) > 0.95
    assert auroc(test.y_B, line.predict(test.x_BD)) < 0.6


def test_it_stops_on_the_validation_users() -> None:
    train = planted(400)
    random = np.random.default_rng(0)
    useless = Labelled(train.x_BD, random.permutation(train.y_B))
    # against labels that have nothing to do with the vectors, every further tree is worse
    short = GradientBoosting().fit(train, useless, 0)
    long = GradientBoosting().fit(train, planted(400, seed=1), 0)
    assert short._trees.n_iter_ < long._trees.n_iter_ < GradientBoostingConfig().max_trees
    assert short._trees.n_iter_ <= 1 + GradientBoostingConfig().patience + 5


def test_another_seed_is_another_choice_of_features() -> None:
    train, valid, test = planted(300), planted(100, seed=1), planted(50, seed=2)
    one, other = (GradientBoosting().fit(train, valid, s).predict(test.x_BD) for s in (0, 1))
    assert not np.array_equal(one, other)
