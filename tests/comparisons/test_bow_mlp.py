"""Bag of words and a perceptron."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from habitus.comparisons.bow_mlp import BowMLP, BowMLPConfig
from habitus.comparisons.initial_vectors import InitialVectorsConfig
from habitus.data.snapshot import Snapshot
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.probes.fine_tune import ClassNetwork, FineTuneConfig
from habitus.random import torch_generator
from habitus.testing.comparisons import ComparisonContract
from tests.comparisons.texts import accuracy, planted, write_posts

SMALL = BowMLPConfig(
    vocabulary=WordVocabularyConfig(min_count=1, min_users=2),
    vectors=InitialVectorsConfig(dim=12),
    training=FineTuneConfig(
        learning_rates=(1e-2,), weight_decays=(0.0,), dropouts=(0.2,), max_epochs=40
    ),
)


class TestBowMLP(ComparisonContract):
    comparison = BowMLP
    config = replace(SMALL, training=replace(SMALL.training, max_epochs=2))


def test_it_finds_what_is_planted(tmp_path: Path) -> None:
    asked, class_B = planted(tmp_path / "t")
    comparison = BowMLP(SMALL)
    comparison.fit(asked.train)
    assert accuracy(comparison.classify(asked), class_B) >= 0.9


def test_it_has_the_weights_of_the_paper() -> None:
    # [D]: 38,698 · 300 + 2 · (300² + 300) = 11,609,400 + 180,600
    comparison = BowMLP()
    comparison.vectors_WD = np.zeros((38_698, 300), np.float32)
    network = ClassNetwork(comparison.encoder(), 4, 0.0, torch_generator(0))
    parts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in network.named_children()
    }
    assert parts == {"encoder": 11_790_000, "dropout": 0, "head": 300 * 4 + 4}


def test_the_bag_is_the_mean_over_tokens_and_begins_at_the_word_vectors(tmp_path: Path) -> None:
    texts = {"x": ["salt salt", "salt soup"], "y": ["soup new salt"]}
    traces = write_posts(tmp_path / "t", texts)
    comparison = BowMLP(SMALL)
    comparison.fit(Snapshot(traces))
    encoder = comparison.encoder()
    np.testing.assert_array_equal(encoder.words.weight.detach().numpy(), comparison.vectors_WD)
    ((_, batch),) = comparison.batches_of(Snapshot(traces))(np.array([0, 1]))
    by_word = dict(zip(batch.word_N.tolist()[:2], batch.weight_N.tolist()[:2], strict=True))
    salt, soup = comparison.vocabulary.lookup(["salt", "soup"]).tolist()
    assert by_word == {salt: 0.75, soup: 0.25}
    assert batch.weight_N.tolist()[2:] == [0.5, 0.5]  # of known words


def test_it_tries_as_often_as_fine_tuning() -> None:
    assert BowMLPConfig().training.num_trials == FineTuneConfig().num_trials == 4
