"""What a method is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.comparisons.majority import Majority
from habitus.comparisons.random_vectors import RandomVectors
from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from habitus.evaluation.features import (
    Method,
    compared_methods,
    comparison_method,
    concatenated,
    control_methods,
    encoder_method,
    over_seeds,
)
from tests.evaluation.world import SPLIT, method, world


def test_vectors_come_from_one_place() -> None:
    words: dict[str, Any] = {"label": "x", "group": "ours", "description": "x", "fingerprint": "x"}
    with pytest.raises(UsageError, match="'nothing' must have exactly one of"):
        Method(name="nothing", **words)
    with pytest.raises(UsageError, match="exactly one"):
        Method(name="both", represent=lambda _: np.zeros((0, 1), "f"), parts=(method(),), **words)


def test_a_comparison_shows_what_it_can() -> None:
    noise = comparison_method(RandomVectors(), "control", "Noise.", "key")
    assert noise.represent is not None
    assert noise.predicts is None
    majority = comparison_method(Majority(), "control", "The share of yes.", "key")
    assert majority.represent is None
    assert majority.predicts is not None
    assert majority.sources() == []


def test_what_is_fitted_on_other_data_has_another_fingerprint() -> None:
    one, other = (comparison_method(RandomVectors(), "control", "", key) for key in ("a", "b"))
    assert one.fingerprint != other.fingerprint


def test_sources_are_found_through_parts_and_variants() -> None:
    a, b, c = method("a"), method("b"), method("c")
    both = concatenated("both", "both", "ours", "x", over_seeds([a, b]), c)
    assert both.sources() == [a, b, c]
    assert both.at(0).sources() == [a, c]
    assert both.at(1).sources() == [b, c]
    assert both.at(2).sources() == [a, c]


def test_a_method_of_several_seeds_says_what_its_first_one_does() -> None:
    a, b = (replace(method(name), notes=(f"of {name}",)) for name in "ab")
    assert over_seeds([a, b]).notes == ("of a",)
    assert method("c").notes == ()


def test_one_seed_is_the_method_itself() -> None:
    a = method("a")
    assert over_seeds([a]) is a
    assert over_seeds([a, method("b")]).label == "a"


def test_an_encoder_is_named_by_its_weights() -> None:
    class Model:
        def encode(self, snapshot: Snapshot) -> np.ndarray:
            return np.ones((snapshot.num_users, 2), np.float32)

    one, same, other = (
        encoder_method("ours", "habitus", "ours", "x", Model(), key) for key in ("v1", "v1", "v2")
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.represent is not None


def test_controls_are_fitted_on_the_training_users(tmp_path: Path) -> None:
    traces = world(tmp_path / "traces", 30)
    train = Snapshot(traces, "2020-06-01", SPLIT.rows(traces, "train"))
    majority, noise, aggregates = control_methods(train, seeds=(0, 1))
    assert [m.group for m in (majority, noise, aggregates)] == ["control", "control", "comparison"]
    first, second = (noise.at(place).represent for place in (0, 1))
    assert first is not None
    assert second is not None
    assert not np.array_equal(first(train), second(train))
    earlier = control_methods(Snapshot(traces, "2020-05-01", train.users_U), seeds=(0, 1))
    assert earlier[2].fingerprint != aggregates.fingerprint


class Says:
    """Answers class tasks."""

    def classify(self, asked: object, seed: int) -> np.ndarray:
        raise NotImplementedError


def test_a_method_may_answer_class_tasks_beside_all_else() -> None:
    words: dict[str, Any] = {"label": "x", "group": "ours", "description": "x", "fingerprint": "x"}
    alone = Method(name="says", classifies=Says(), **words)
    assert alone.sources() == []
    vectors = method("vectors").represent
    assert vectors is not None
    both = Method(name="both", classifies=Says(), represent=vectors, **words)
    assert both.sources() == [both]
    with pytest.raises(UsageError, match="or else classifies"):
        Method(name="nothing", **words)


def test_majority_answers_yes_or_no_and_classes() -> None:
    majority = comparison_method(Majority(), "control", "x", "key")
    assert isinstance(majority.predicts, Majority)
    assert isinstance(majority.classifies, Majority)
    assert comparison_method(RandomVectors(), "control", "x", "key").classifies is None


def test_further_systems_are_fitted_if_they_can_answer(tmp_path: Path) -> None:
    traces = world(tmp_path / "traces")
    train = Snapshot(traces, "2020-06-01", SPLIT.rows(traces, "train"))
    [counts] = compared_methods(["aggregates"], train)
    assert counts.represent is not None
    assert counts.represent(train).shape[0] == train.num_users
    with pytest.raises(UsageError, match="'random_guess' answers no yes-or-no tasks"):
        compared_methods(["random_guess"], train)
    [guess] = compared_methods(["random_guess"], train, classes=True)
    assert guess.classifies is not None
    with pytest.raises(UsageError, match="'most_popular' answers no class tasks"):
        compared_methods(["most_popular"], train, classes=True)
    with pytest.raises(UsageError, match="did you mean 'aggregates'"):
        compared_methods(["agregates"], train)
