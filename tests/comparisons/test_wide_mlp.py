"""WideMLP."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from habitus.comparisons.wide_mlp import WideMLP, WideMLPConfig
from habitus.data.snapshot import Snapshot
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.errors import UsageError
from habitus.probes.fine_tune import FineTuneConfig
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.texts import accuracy, planted, write_posts

SMALL = WideMLPConfig(
    vocabulary=WordVocabularyConfig(min_count=1, min_users=2),
    width=64,
    training=FineTuneConfig(
        learning_rates=(1e-2,), weight_decays=(0.0,), dropouts=(0.5,), max_epochs=30
    ),
)


class TestWideMLP(ComparisonContract):
    comparison = WideMLP
    config = replace(SMALL, training=replace(SMALL.training, max_epochs=2))


def test_it_finds_what_is_planted(tmp_path: Path) -> None:
    asked, class_B = planted(tmp_path / "t")
    comparison = WideMLP(SMALL)
    comparison.fit(asked.train)
    assert accuracy(comparison.classify(asked), class_B) == 1
    (trial,) = comparison.trials
    assert trial.settings == {"learning_rate": 1e-2, "weight_decay": 0.0, "dropout": 0.5}


def test_weights_are_tf_idf_of_the_training_users(tmp_path: Path) -> None:
    texts = ["salt soup salt", "soup oven salt", "oven salt", "oven new"]
    traces = write_posts(tmp_path / "t", {str(u): [text] for u, text in enumerate(texts)})
    comparison = WideMLP(SMALL)
    comparison.fit(Snapshot(traces, None, np.array([0, 1, 2])))
    twin = TfidfVectorizer(min_df=2).fit(texts[:3])
    x_words = twin.transform(texts).toarray()
    place = comparison.vocabulary.lookup(twin.get_feature_names_out().tolist())
    ((_, batch),) = comparison.batches_of(Snapshot(traces))(np.arange(4))
    ours = np.zeros((4, 3))
    user_N = np.repeat(np.arange(4), batch.ptr_U1.diff().numpy())
    ours[user_N, batch.word_N.numpy()] = batch.weight_N.numpy()
    np.testing.assert_allclose(ours[:, place], x_words, atol=1e-6)


def test_its_sizes_are_those_of_the_reference() -> None:
    config = WideMLPConfig()
    assert config.width == 1024
    assert config.training.learning_rates[0] == 1e-3
    assert config.training.dropouts[0] == 0.5
    assert config.training.max_epochs == 100
    assert config.training.num_trials == 4


def test_a_width_below_one_is_an_error() -> None:
    with pytest.raises(UsageError, match="width must be 1 or more, got 0"):
        WideMLPConfig(width=0)
