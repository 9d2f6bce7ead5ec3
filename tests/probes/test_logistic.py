"""Logistic regression, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from habitus.errors import UsageError
from habitus.metrics import log_loss
from habitus.probes.base import Labelled
from habitus.probes.logistic import Logistic, LogisticConfig, Standardiser
from tests.probes.ladder import ProbeContract
from tests.probes.planted import planted


class TestLogistic(ProbeContract):
    name = "logistic"


@pytest.mark.parametrize("penalty", [1.0, 0.01, 0.001])
def test_it_is_the_minimum_that_scikit_learn_finds(penalty: float) -> None:
    train, test = planted(400, width=8), planted(50, width=8, seed=2)
    ours = Logistic(LogisticConfig(penalties=(penalty,))).fit(train, train, 0)
    standardise = Standardiser.fit(train.x_BD)
    # theirs: C · sum of losses + |w|²/2; ours: mean of losses + λ/2 · |w|², so C = 1 / (λ · rows)
    theirs = LogisticRegression(C=1 / (penalty * 400), tol=1e-8, max_iter=1000)
    theirs.fit(standardise(train.x_BD), train.y_B)
    np.testing.assert_allclose(ours.weight_F, theirs.coef_[0], atol=2e-4)
    expected_B = theirs.predict_proba(standardise(test.x_BD))[:, 1]
    np.testing.assert_allclose(ours.predict(test.x_BD), expected_B, atol=1e-4)


def test_features_of_any_size_give_the_same_answers() -> None:
    train, test = planted(300), planted(40, seed=2)
    scale, shift = np.array([[1, 1000, 0.01, 5, 1], [0, 50, 3, -7, 0]], np.float32)
    plain = Logistic().fit(train, train, 0).predict(test.x_BD)
    moved = Labelled(train.x_BD * scale + shift, train.y_B)
    other = Logistic().fit(moved, moved, 0).predict(test.x_BD * scale + shift)
    np.testing.assert_allclose(plain, other, atol=2e-3)


def test_the_validation_users_choose_the_penalty() -> None:
    # 30 rows of 20 numbers can be learned by heart; the validation rows say that it does not help
    train, valid = planted(30, width=20), planted(500, width=20, seed=1)
    path = LogisticConfig().penalties
    losses = {}
    for penalty in path:
        probe = Logistic(LogisticConfig(penalties=(penalty,))).fit(train, valid, 0)
        losses[penalty] = log_loss(valid.y_B, probe.predict(valid.x_BD))
    chosen = Logistic(LogisticConfig(patience=len(path))).fit(train, valid, 0)
    assert chosen.penalty == min(losses, key=lambda penalty: losses[penalty])
    by_heart = Logistic().fit(train, train, 0)
    assert by_heart.penalty < chosen.penalty


def test_chance_has_no_part_in_it() -> None:
    train, test = planted(100), planted(20, seed=1)
    one, other = (Logistic().fit(train, train, seed).predict(test.x_BD) for seed in (0, 1))
    np.testing.assert_array_equal(one, other)


def test_a_constant_feature_changes_nothing() -> None:
    train, test = planted(200), planted(20, seed=1)
    wide = [
        Labelled(np.hstack([r.x_BD, np.ones((len(r.y_B), 1), "f")]), r.y_B) for r in (train, test)
    ]
    with_one = Logistic().fit(wide[0], wide[0], 0)
    assert with_one.weight_F[-1] == 0
    plain = Logistic().fit(train, train, 0)
    np.testing.assert_allclose(with_one.predict(wide[1].x_BD), plain.predict(test.x_BD), atol=1e-6)


def test_a_row_far_outside_counts_as_ten_deviations() -> None:
    train = planted(200)
    probe = Logistic().fit(train, train, 0)
    far, farther = np.zeros((2, 1, 5), np.float32)
    far[0, 0], farther[0, 0] = 1e3, 1e6
    assert probe.predict(far)[0] == probe.predict(farther)[0]


@pytest.mark.parametrize("penalties", [(), (0.1, 1.0), (1.0, 0.0)])
def test_penalties_must_fall_and_be_positive(penalties: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="must be positive and fall"):
        LogisticConfig(penalties=penalties)
