"""Mean word vectors and a support vector machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from habitus.comparisons.bow_vectors import BowVectors, BowVectorsConfig
from habitus.comparisons.initial_vectors import InitialVectorsConfig
from habitus.data.snapshot import Snapshot
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.errors import UsageError
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.texts import accuracy, planted, write_posts

SMALL = BowVectorsConfig(
    vocabulary=WordVocabularyConfig(min_count=1, min_users=2),
    vectors=InitialVectorsConfig(dim=12),
)


class TestBowVectors(ComparisonContract):
    comparison = BowVectors
    config = replace(SMALL, vectors=InitialVectorsConfig(dim=3))


def fitted(path: Path, **changes: Any) -> tuple[BowVectors, Any, np.ndarray]:
    asked, class_B = planted(path)
    comparison = BowVectors(replace(SMALL, **changes))
    comparison.fit(asked.train)
    return comparison, asked, class_B


def test_it_finds_what_is_planted(tmp_path: Path) -> None:
    comparison, asked, class_B = fitted(tmp_path / "t")
    assert accuracy(comparison.classify(asked), class_B) >= 0.9
    assert len(comparison.trials) == 4 + 4 * 2


def test_the_vector_of_a_user_is_the_mean_over_tokens_not_words(tmp_path: Path) -> None:
    texts = {"x": ["salt salt", "salt soup"], "y": ["soup new salt"], "z": ["new"]}
    traces = write_posts(tmp_path / "t", texts)
    comparison = BowVectors(SMALL)
    comparison.fit(Snapshot(traces, None, np.array([0, 1])))
    salt_D, soup_D = comparison.vectors_WD[comparison.vocabulary.lookup(["salt", "soup"])]
    means = [(3 * salt_D + soup_D) / 4, (soup_D + salt_D) / 2, 0 * salt_D]
    np.testing.assert_allclose(comparison.represent(Snapshot(traces)), means, atol=1e-6)


def test_an_rbf_machine_is_that_of_scikit_learn(tmp_path: Path) -> None:
    comparison, asked, _ = fitted(
        tmp_path / "t", linear_strengths=(), rbf_strengths=(10.0,), rbf_scales=(0.3,)
    )
    probability_BC = comparison.classify(asked)
    scaler = StandardScaler().fit(comparison.represent(asked.train).astype(np.float64))
    x_train, x_test = (scaler.transform(comparison.represent(s)) for s in (asked.train, asked.test))
    # gamma is by width: 0.3 / 12
    twin = SVC(C=10.0, gamma=0.025, break_ties=True).fit(x_train, asked.train_y_B)
    np.testing.assert_array_equal(probability_BC.argmax(axis=1), twin.predict(x_test))


def test_the_temperature_is_the_best_of_its_grid(tmp_path: Path) -> None:
    comparison, asked, _ = fitted(
        tmp_path / "t", linear_strengths=(0.1,), rbf_strengths=(), rbf_scales=()
    )
    right = comparison.classify(asked)
    upset = replace(asked, valid_y_B=np.roll(asked.valid_y_B, 1))
    unsure = comparison.classify(upset)
    # Where the validation users say it is wrong, the same machine is less sure.
    np.testing.assert_array_equal(right.argmax(axis=1), unsure.argmax(axis=1))
    assert unsure.max() < 0.6 < 0.9 < right.max()


def test_two_classes_and_one(tmp_path: Path) -> None:
    comparison, asked, class_B = fitted(tmp_path / "t")
    two = replace(asked, train_y_B=np.where(asked.train_y_B == 1, 2, asked.train_y_B))
    probability_BC = comparison.classify(two)
    assert probability_BC[:, 1].max() == 0
    right_B = probability_BC.argmax(axis=1) == class_B
    assert right_B[class_B != 1][:-1].mean() >= 0.9
    one = replace(asked, train_y_B=np.full(len(asked.train_y_B), 2))
    assert comparison.classify(one).tolist() == [[0, 0, 1]] * asked.test.num_users


def test_an_rbf_machine_reads_a_drawn_part_of_many_users(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"linear_strengths": (), "rbf_strengths": (10.0,)}
    comparison, asked, class_B = fitted(tmp_path / "t", **settings, max_rbf_users=30)
    whole, _, _ = fitted(tmp_path / "u", **settings)
    some, all_users = comparison.classify(asked), whole.classify(asked)
    assert not np.allclose(some, all_users)
    np.testing.assert_array_equal(some, comparison.classify(asked))
    assert accuracy(some, class_B) >= 0.6


def test_a_grid_without_points_is_an_error() -> None:
    with pytest.raises(UsageError, match="above 0, and some given"):
        BowVectorsConfig(linear_strengths=(), rbf_strengths=())
    with pytest.raises(UsageError, match="above 0, and some given"):
        BowVectorsConfig(rbf_scales=(0.0,))
