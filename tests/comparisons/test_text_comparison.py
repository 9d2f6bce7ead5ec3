"""Where the words of a comparison come from."""

from pathlib import Path

import numpy as np
import pytest

from habitus.comparisons.wide_mlp import WideMLP, WideMLPConfig
from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.errors import GuardError, UsageError
from tests.comparisons.texts import write_posts

POSTS = {"x": ["salt soup", "mast"], "y": ["soup salt", "soup"], "z": ["tide"]}
ALL = WordVocabularyConfig(min_count=1, min_users=1)


def test_words_are_fitted_on_the_training_users_and_counted_for_anybody(tmp_path: Path) -> None:
    traces = write_posts(tmp_path / "t", POSTS)
    comparison = WideMLP(WideMLPConfig(vocabulary=ALL))
    comparison.fit(Snapshot(traces, None, np.array([0, 1])))
    assert comparison.vocabulary.words.to_pylist() == ["soup", "salt", "mast"]
    counts = comparison.counts(Snapshot(traces, None, np.array([2, 1])))
    assert counts.toarray().tolist() == [[0, 0, 0], [2, 1, 0]]


def test_the_config_says_which_posts_are_read(tmp_path: Path) -> None:
    traces = write_posts(tmp_path / "t", POSTS)
    latest = PostsConfig(max_posts=1)
    for comparison in (
        WideMLP(WideMLPConfig(vocabulary=ALL, posts=latest)),
        WideMLP(WideMLPConfig(vocabulary=ALL), TextSource(latest, SegmentationConfig())),
    ):
        comparison.fit(Snapshot(traces))
        assert sorted(comparison.vocabulary.words.to_pylist()) == ["mast", "soup", "tide"]


def test_before_fit_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="fit wide_mlp on a training snapshot first"):
        WideMLP().counts(Snapshot(write_posts(tmp_path / "t", POSTS)))


def test_words_that_are_all_too_rare_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="no word is left"):
        WideMLP().fit(Snapshot(write_posts(tmp_path / "t", POSTS)))
