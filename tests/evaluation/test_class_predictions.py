"""A class task and a method into probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.evaluation.class_asked import AskedClasses
from habitus.evaluation.class_predictions import (
    ClassPrediction,
    ClassTrials,
    cached_classes,
    guessed_macro_f1,
    predict_classes,
    said,
)
from habitus.evaluation.features import over_seeds
from habitus.evaluation.predictions import chosen_rows
from habitus.metrics import accuracy, macro_f1
from habitus.probes.multinomial import Classified, Multinomial
from habitus.random import numpy_generator
from habitus.tasks.classes import ClassAsked
from tests.evaluation.class_world import Knows, asked_of, knower, store_for, taste
from tests.evaluation.world import Shares, method, world

TRIALS = ClassTrials(seeds=(7, 8))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> AskedClasses:
    traces: Traces = world(tmp_path_factory.mktemp("world") / "traces")
    return asked_of(traces, taste())


def test_a_probe_reads_vectors_of_nine_tenths_of_the_training_users(asked: AskedClasses) -> None:
    store, ours = store_for(asked), method(made=Shares())
    made = predict_classes(asked, ours, store, TRIALS, 1)
    chosen_B = chosen_rows(asked.train.users_B, TRIALS, 8)
    assert chosen_B.sum() == round(0.9 * len(chosen_B))

    def rows(users_B: np.ndarray, y_B: np.ndarray) -> Classified:
        return Classified(store.take(ours, asked.as_of, users_B), y_B)

    train = rows(asked.train.users_B[chosen_B], asked.train.y_B[chosen_B])
    probe = Multinomial().fit(train, rows(*asked.valid), 3)
    np.testing.assert_array_equal(made.probability_BC, probe.predict(rows(*asked.test).x_BD))
    assert (made.probe, made.validation) == ("multinomial", probe.score.macro_f1)


def test_it_learns_what_is_planted(asked: AskedClasses) -> None:
    made = predict_classes(asked, method(made=Shares()), store_for(asked), TRIALS, 0)
    right = accuracy(asked.test.y_B, made.probability_BC.argmax(axis=1))
    # a third by chance, with about 70 test users: standard error .06
    assert right > 1 / 3 + 3 * 0.06


def test_a_method_that_answers_itself_gets_the_same_training_users(asked: AskedClasses) -> None:
    one = knower()
    made = predict_classes(asked, one, store_for(asked), TRIALS, 0)
    assert isinstance(one.classifies, Knows)
    [handed] = one.classifies.calls
    chosen_B = chosen_rows(asked.train.users_B, TRIALS, 7)
    np.testing.assert_array_equal(handed.train.users_U, asked.train.users_B[chosen_B])
    np.testing.assert_array_equal(made.probability_BC, Knows().classify(handed, 7))
    assert made.probe is None
    assert made.validation is None


def test_a_seed_reads_its_own_variant(asked: AskedClasses) -> None:
    good, bad = knower(1.0), knower(0.0)
    both = over_seeds([good, bad])
    for place, alone in enumerate((good, bad)):
        made = predict_classes(asked, both, store_for(asked), TRIALS, place)
        want = predict_classes(asked, alone, store_for(asked), TRIALS, place)
        np.testing.assert_array_equal(made.probability_BC, want.probability_BC)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda b: np.full((b, 2), 0.5), r"one probability a test user and class, \(\d+, 3\)"),
        (lambda b: np.full((b, 3), 0.5), "sum to 1"),
        (lambda b: np.tile([1.5, -0.5, 0.0], (b, 1)), "0 or more"),
        (lambda b: np.full((b, 3), np.nan), "sum to 1"),
    ],
)
def test_what_is_no_probability_is_an_error(answer: Any, message: str, asked: AskedClasses) -> None:
    class Wrong(Knows):
        def classify(self, asked: ClassAsked, seed: int) -> np.ndarray:
            out: np.ndarray = answer(asked.test.num_users)
            return out

    one = knower()
    object.__setattr__(one, "classifies", Wrong())
    with pytest.raises(DataError, match=message):
        predict_classes(asked, one, store_for(asked), TRIALS, 0)


def test_the_likeliest_class_is_said_and_a_tie_is_a_guess() -> None:
    got = said(np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4], [1 / 3, 1 / 3, 1 / 3]]))
    assert got.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]]


def test_a_guess_scores_the_mean_of_its_draws() -> None:
    # Two users, one of each class: drawn right-right (F1 1), wrong-wrong (0), or both the same
    # class (2/3 for it, 0 for the other: 1/3), each twice as likely as the next: mean 5/12.
    labels, said_BC = np.array([0, 1]), np.full((2, 2), 0.5)
    # deviation of one draw: sqrt((1 + 0 + 2/9) / 4 - (5/12)²) = .363, of the mean of 1000: .0115
    assert guessed_macro_f1(labels, said_BC) == pytest.approx(5 / 12, abs=3 * 0.0115)


def test_draws_are_counted_as_in_a_slow_loop() -> None:
    random = np.random.default_rng(5)
    y_B, said_BC = random.integers(3, size=20), random.dirichlet([1, 1, 1], 20)
    uniform_DB = numpy_generator(0, "guesses").random((1000, 20))
    edges_BC = said_BC.cumsum(axis=1)
    slow = [
        macro_f1(
            y_B, [int((u >= e[:2]).sum()) for u, e in zip(u_B, edges_BC, strict=True)], range(3)
        )
        for u_B in uniform_DB
    ]
    assert guessed_macro_f1(y_B, said_BC) == pytest.approx(np.mean(slow))


def test_a_guess_among_some_classes_never_says_the_others() -> None:
    labels, said_BC = np.array([2, 2, 0]), np.array([[0, 0.5, 0.5]] * 2 + [[1.0, 0, 0]])
    all_two, all_one = (macro_f1(labels, [c, c, 0], range(3)) for c in (2, 1))
    assert all_one < guessed_macro_f1(labels, said_BC) < all_two


def test_what_is_kept_is_read_back_exactly(tmp_path: Path) -> None:
    made = ClassPrediction("multinomial", np.array([[1 / 3, 2 / 3]]), 0.75)

    def never() -> ClassPrediction:
        raise AssertionError("it was there")

    for make in (lambda: made, never):
        again = cached_classes(tmp_path / "x.json", make)
        assert (again.probe, again.validation) == ("multinomial", 0.75)
        np.testing.assert_array_equal(again.probability_BC, made.probability_BC)
