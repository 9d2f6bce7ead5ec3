"""Keyword counts, and clusters that an oracle names."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons import Classifies
from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError
from habitus.evaluation.keyword_rules import KeywordCounts, OracleClusters
from habitus.tasks.classes import ClassAsked
from tests.comparisons.texts import CLASSES, TEXT, TOPICS, accuracy, planted, write_posts

KEYWORDS = {"topic": dict(zip(CLASSES, TOPICS, strict=True))}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClassAsked, np.ndarray]:
    return planted(tmp_path_factory.mktemp("posts") / "traces")


def by_hand(path: Path) -> ClassAsked:
    """Return three test users and two training users, whose words are known."""
    posts = {"a": ["pan salt the"], "b": ["the and"], "c": ["pan pan pan tide"],
             "t1": ["pan pan pan tide"], "t2": ["pan salt the the"]}  # fmt: skip
    traces = write_posts(path, posts)
    train, test = np.array([3, 4]), np.array([0, 1, 2])
    y_B = np.zeros(2, np.int64)
    return ClassAsked(
        "topic", ("cook", "sail"), Snapshot(traces, None, train), y_B,
        Snapshot(traces, None, train), y_B, Snapshot(traces, None, test),
    )  # fmt: skip


def test_counts_by_hand(tmp_path: Path) -> None:
    lists = {"topic": {"cook": ["pan", "Salt"], "sail": ["tide"]}}
    said = KeywordCounts(TEXT, lists).classify(by_hand(tmp_path / "t"))
    # a: 2 words of cook, none of sail; b: no keyword; c: 3 and 1.
    np.testing.assert_allclose(said, np.array([[1, 0], [0.5, 0.5], [0.75, 0.25]]))


def test_counts_over_the_usual_count_by_hand(tmp_path: Path) -> None:
    lists = {"topic": {"cook": ["pan", "salt"], "sail": ["tide"]}}
    said = KeywordCounts(TEXT, lists, over_mean=True).classify(by_hand(tmp_path / "t"))
    # Training users: cook 3/4 and 2/4 of the words, mean .625; sail 1/4 and 0, mean .125.
    # c: (.75 / .625, .25 / .125) = (1.2, 2): sail, where plain counts say cook.
    np.testing.assert_allclose(said[2], [1.2 / 3.2, 2 / 3.2])
    np.testing.assert_allclose(said[:2], np.array([[1, 0], [0.5, 0.5]]))


def test_a_word_of_two_classes_counts_for_both(tmp_path: Path) -> None:
    lists = {"topic": {"cook": ["pan"], "sail": ["pan", "tide"]}}
    said = KeywordCounts(TEXT, lists).classify(by_hand(tmp_path / "t"))
    # c: pan three times for both, tide once for sail: 3 of 7 and 4 of 7.
    np.testing.assert_allclose(said[2], [3 / 7, 4 / 7])


@pytest.mark.parametrize("over_mean", [False, True])
def test_planted_topics_are_counted(over_mean: bool, asked: tuple[ClassAsked, np.ndarray]) -> None:
    method = KeywordCounts(TEXT, KEYWORDS, over_mean=over_mean)
    assert isinstance(method, Classifies)
    assert accuracy(method.classify(asked[0]), asked[1]) > 0.9


def test_a_task_without_keywords_cannot_be_asked(asked: tuple[ClassAsked, np.ndarray]) -> None:
    with pytest.raises(GuardError, match="no keywords are known"):
        KeywordCounts(TEXT, {}).classify(asked[0])


def blobs(snapshot: Snapshot) -> np.ndarray:
    """Return three far-apart clusters, one a class: class (u % 3) lies at that number."""
    class_U = snapshot.users_U % 3
    return (10.0 * class_U[:, None] + 0.01 * snapshot.users_U[:, None]).astype(np.float32)


def test_the_oracle_names_clusters_by_the_answers(asked: tuple[ClassAsked, np.ndarray]) -> None:
    everybody = np.arange(asked[0].test.traces.num_users)
    for order in permutations(range(3)):
        truth_U = np.array(order)[everybody % 3]
        said = OracleClusters(blobs, {"topic": truth_U}).classify(asked[0], 0)
        np.testing.assert_array_equal(said, np.eye(3)[truth_U[asked[0].test.users_U]])


def test_each_cluster_gets_a_class_of_its_own(asked: tuple[ClassAsked, np.ndarray]) -> None:
    # All users are of class 0: one cluster is called so, the others may not be.
    truth_U = np.zeros(asked[0].test.traces.num_users, np.int64)
    said = OracleClusters(blobs, {"topic": truth_U}).classify(asked[0], 0)
    assert set(said.argmax(axis=1).tolist()) == {0, 1, 2}


def test_the_oracle_reads_vectors_of_test_users_alone(
    asked: tuple[ClassAsked, np.ndarray],
) -> None:
    seen = []

    def spying(snapshot: Snapshot) -> np.ndarray:
        seen.append(snapshot)
        return blobs(snapshot)

    truth_U = np.arange(asked[0].test.traces.num_users) % 3
    OracleClusters(spying, {"topic": truth_U}).classify(replace(asked[0]), 3)
    assert seen == [asked[0].test]
