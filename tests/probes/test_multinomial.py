"""The probe of class tasks."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from habitus.errors import DataError, UsageError
from habitus.metrics import macro_f1
from habitus.probes.logistic import Standardiser
from habitus.probes.multinomial import Classified, Multinomial, MultinomialConfig


def planted(num_rows: int, num_classes: int = 3, *, seed: int = 0, width: int = 6) -> Classified:
    """Return vectors whose first numbers are the log-odds of the classes."""
    random = np.random.default_rng(seed)
    x_BD = random.standard_normal((num_rows, width)).astype(np.float32)
    odds_BC = 2 * x_BD[:, :num_classes] + random.gumbel(size=(num_rows, num_classes))
    return Classified(x_BD, odds_BC.argmax(axis=1))


def fitted(train: Classified, num_classes: int = 3, **config: object) -> Multinomial:
    probe = Multinomial(MultinomialConfig.from_dict(config))
    return probe.fit(train, planted(300, num_classes, seed=1), num_classes)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_it_finds_what_is_planted(num_classes: int) -> None:
    probe, test = fitted(planted(1500, num_classes), num_classes), planted(600, num_classes, seed=2)
    classes = list(range(num_classes))
    # the planted log-odds themselves are the best there is
    best = macro_f1(test.y_B, test.x_BD[:, :num_classes].argmax(axis=1), classes)
    found = macro_f1(test.y_B, probe.predict(test.x_BD).argmax(axis=1), classes)
    assert found > best - 0.04


@pytest.mark.parametrize("num_classes", [2, 4])
def test_it_is_scikit_learn_on_standardised_vectors(num_classes: int) -> None:
    train, test = planted(200, num_classes), planted(50, num_classes, seed=2)
    scale = Standardiser.fit(train.x_BD)
    # λ/2 of the mean loss is C = 1 / (λ · 200) of the sum
    model = LogisticRegression(C=1 / (0.1 * 200), tol=1e-8, max_iter=1000)
    want_BC = model.fit(scale(train.x_BD), train.y_B).predict_proba(scale(test.x_BD))
    got_BC = fitted(train, num_classes, penalties=[0.1]).predict(test.x_BD)
    np.testing.assert_allclose(got_BC, want_BC, atol=2e-3)


def test_rows_are_probabilities() -> None:
    probability_BC = fitted(planted(300)).predict(planted(20, seed=2).x_BD)
    assert probability_BC.shape == (20, 3)
    np.testing.assert_allclose(probability_BC.sum(axis=1), 1)


def test_the_penalty_is_chosen_by_macro_f1_of_the_validation_users() -> None:
    train, valid = planted(60, width=40), planted(200, seed=1, width=40)
    penalties = (3.0, 0.1, 0.001)
    each = {
        p: Multinomial(MultinomialConfig(penalties=(p,))).fit(train, valid, 3) for p in penalties
    }
    scores = {
        p: macro_f1(valid.y_B, probe.predict(valid.x_BD).argmax(axis=1), [0, 1, 2])
        for p, probe in each.items()
    }
    assert {p: probe.score.macro_f1 for p, probe in each.items()} == scores
    assert len(set(scores.values())) == 3, "the penalties must differ for this to say anything"
    probe = Multinomial(MultinomialConfig(penalties=penalties)).fit(train, valid, 3)
    # a path is warm-started, so its last digits differ
    assert probe.score.macro_f1 == pytest.approx(max(scores.values()), abs=0.01)
    assert scores[probe.penalty] == pytest.approx(max(scores.values()), abs=0.01)


def test_of_equals_the_one_with_the_better_probabilities_is_chosen() -> None:
    x_BD = np.array([[-1.0], [1.0]] * 20, np.float32)
    both = Classified(x_BD, np.array([0, 1] * 20))
    # every penalty gets all right; the weakest is surest
    assert Multinomial().fit(both, both, 2).penalty == 0.001


def test_a_class_without_a_training_row_is_never_said() -> None:
    train = planted(300)
    kept = train.y_B != 1
    probe = fitted(Classified(train.x_BD[kept], train.y_B[kept]))
    probability_BC = probe.predict(planted(50, seed=2).x_BD)
    assert (probability_BC[:, 1] == 0).all()
    np.testing.assert_allclose(probability_BC.sum(axis=1), 1)
    assert set(probability_BC.argmax(axis=1)) == {0, 2}


def test_one_class_is_an_error() -> None:
    train = planted(20)
    with pytest.raises(DataError, match=r"two classes .* got 20 rows of \[2\]"):
        fitted(Classified(train.x_BD, np.full(20, 2)))


def test_a_vector_that_is_not_finite_is_an_error() -> None:
    train = planted(20)
    train.x_BD[3, 0] = np.nan
    with pytest.raises(DataError, match="row 3"):
        fitted(train)


@pytest.mark.parametrize("penalties", [(), (0.1, 1.0), (1.0, 0.0)])
def test_penalties_fall_and_are_positive(penalties: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="must be positive and fall"):
        MultinomialConfig(penalties=penalties)
