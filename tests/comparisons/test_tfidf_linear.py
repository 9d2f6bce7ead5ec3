"""TF-IDF and a linear classifier."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from habitus.comparisons.ngrams import NGramsConfig
from habitus.comparisons.tfidf_linear import TfidfLinear, TfidfLinearConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import Tokens
from habitus.errors import UsageError
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.texts import accuracy, planted, write_posts


class TestTfidfLinear(ComparisonContract):
    comparison = TfidfLinear
    config = TfidfLinearConfig(strengths=(1.0, 10.0), width=4)


def test_it_finds_what_is_planted(tmp_path: Path) -> None:
    asked, class_B = planted(tmp_path / "t")
    comparison = TfidfLinear()
    comparison.fit(asked.train)
    assert accuracy(comparison.classify(asked), class_B) == 1
    assert 4 <= len(comparison.trials) <= 12
    assert {"strength"} == comparison.trials[0].settings.keys()


def test_features_and_answers_are_those_of_scikit_learn(tmp_path: Path) -> None:
    # One post a user, so that no pair crosses posts.
    texts = ["salt soup salt oven", "soup oven", "salt salt soup", "oven soup salt", "mast"]
    traces = write_posts(tmp_path / "t", {str(u): [text] for u, text in enumerate(texts)})
    config = TfidfLinearConfig(strengths=(2.0,), ngrams=NGramsConfig(min_users=2))
    comparison = TfidfLinear(config)
    comparison.fit(Snapshot(traces))
    twin = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    x_words = twin.fit_transform(texts)
    ours = comparison.features(Snapshot(traces)).toarray()
    # The twin scales words and pairs together to length 1, we scale each: rescale it by kind.
    is_pair = np.array([" " in name for name in twin.get_feature_names_out()])
    for kind in (~is_pair, is_pair):
        block = x_words.toarray()[:, kind]
        length = np.linalg.norm(block, axis=1, keepdims=True)
        block = block / np.where(length > 0, length, 1)
        found = [any(np.allclose(b, column, atol=1e-6) for column in ours.T) for b in block.T]
        assert all(found)
    assert ours.shape == x_words.shape
    assert ours[4].tolist() == [0] * ours.shape[1]  # a user of unknown words


def test_words_of_the_training_users_are_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, _ = planted(tmp_path / "t")
    comparison = TfidfLinear()
    read: list[int] = []
    source = comparison.text.read

    def reads(snapshot: Snapshot) -> tuple[Tokens, pa.StringArray]:
        read.append(snapshot.num_users)
        return source(snapshot)

    monkeypatch.setattr(comparison.text, "read", reads)
    comparison.fit(asked.train)
    for _ in range(2):
        comparison.classify(asked)
    comparison.represent(asked.train)
    # 45 to fit; then 15 who validate and 30 who test, together.
    assert read == [45, 45]
    kept = comparison.features(asked.train)
    again = TfidfLinear()
    again.fit(asked.train)
    anew = again.features(Snapshot(asked.train.traces, 10**9, asked.train.users_U))
    np.testing.assert_array_equal(kept.toarray(), anew.toarray())


def test_answers_are_those_of_one_fit_at_the_chosen_strength(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    comparison = TfidfLinear(TfidfLinearConfig(patience=99))
    comparison.fit(asked.train)
    probability_BC = comparison.classify(asked)
    best = max(comparison.trials, key=lambda trial: trial.score)
    alone = LogisticRegression(C=best.settings["strength"], tol=1e-8, max_iter=1000)
    alone.fit(comparison.features(asked.train), asked.train_y_B)
    expected_BC = alone.predict_proba(comparison.features(asked.test))
    np.testing.assert_allclose(probability_BC, expected_BC, atol=0.02)
    assert len(comparison.trials) == 12


def test_who_is_asked_elsewhere_is_read_there(tmp_path: Path) -> None:
    asked, class_B = planted(tmp_path / "t")
    elsewhere, _ = planted(tmp_path / "other", seed=1)
    comparison = TfidfLinear(TfidfLinearConfig(strengths=(1.0,)))
    comparison.fit(asked.train)
    moved = replace(asked, test=elsewhere.test)
    assert accuracy(comparison.classify(moved), class_B) == 1
    alone = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000)
    alone.fit(comparison.features(asked.train), asked.train_y_B)
    expected_BC = alone.predict_proba(comparison.features(elsewhere.test))
    np.testing.assert_allclose(comparison.classify(moved), expected_BC, atol=0.005)
    # The same rows here are other people.
    assert np.abs(comparison.classify(asked) - expected_BC).max() > 0.02


def test_the_path_ends_when_patience_is_over(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    wrong = replace(asked, valid_y_B=(asked.valid_y_B + 1) % 3)
    comparison = TfidfLinear(TfidfLinearConfig(patience=2))
    comparison.fit(asked.train)
    comparison.classify(wrong)
    # The surer it is, the worse: the first stays best, and two are waited for.
    assert len(comparison.trials) == 3


def test_classes_that_nobody_in_training_has(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    comparison = TfidfLinear()
    comparison.fit(asked.train)
    two = replace(asked, train_y_B=np.where(asked.train_y_B == 1, 2, asked.train_y_B))
    assert comparison.classify(two)[:, 1].tolist() == [0] * asked.test.num_users
    one = replace(asked, train_y_B=np.full(len(asked.train_y_B), 2))
    assert comparison.classify(one).tolist() == [[0, 0, 1]] * asked.test.num_users


def test_vectors_keep_what_the_features_say(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    comparison = TfidfLinear()
    comparison.fit(asked.train)
    z_BD = comparison.represent(asked.train)
    features_BF = comparison.features(asked.train).toarray()
    # 45 training users: the SVD has full rank, and turning keeps every product.
    assert z_BD.shape == (45, 45)
    np.testing.assert_allclose(z_BD @ z_BD.T, features_BF @ features_BF.T, atol=1e-4)
    narrow = TfidfLinear(TfidfLinearConfig(width=5))
    narrow.fit(asked.train)
    assert narrow.represent(asked.test).shape == (asked.test.num_users, 5)


def test_characters_are_a_kind_of_their_own(tmp_path: Path) -> None:
    asked, class_B = planted(tmp_path / "t")
    config = TfidfLinearConfig(ngrams=NGramsConfig(characters=(3, 5)))
    comparison = TfidfLinear(config)
    comparison.fit(asked.train)
    length_B = np.linalg.norm(comparison.features(asked.test).toarray(), axis=1)
    # Three kinds of length 1: the length of the whole is √3, and 0 for who wrote nothing.
    np.testing.assert_allclose(length_B[:-1], 3**0.5, rtol=1e-5)
    assert length_B[-1] == 0
    assert accuracy(comparison.classify(asked), class_B) == 1


def test_before_fit_it_says_so(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    with pytest.raises(UsageError, match="fit tfidf_linear on a training snapshot first"):
        TfidfLinear().classify(asked)


@pytest.mark.parametrize("strengths", [(), (1.0, 0.1), (0.0, 1.0)])
def test_strengths_must_rise(strengths: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="positive and rise"):
        TfidfLinearConfig(strengths=strengths)


def test_there_are_twelve_trials_at_most() -> None:
    assert len(TfidfLinearConfig().strengths) == 12
