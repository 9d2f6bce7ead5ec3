"""GIN and DeepSets, trained on a task alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.comparisons.initial_vectors import InitialVectorsConfig
from habitus.comparisons.text_graph_classifier import GIN, DeepSets, TextGraphClassifierConfig
from habitus.data import text_graph_characters
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig
from habitus.data.text_graph_characters import Characters
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.encoders.text_graph import TextGraphEncoderConfig
from habitus.errors import UsageError
from habitus.probes.fine_tune import FineTuneConfig
from habitus.testing.comparisons import ComparisonContract
from habitus.testing.hand_made import write_traces
from tests.comparisons.texts import accuracy, planted, write_posts

SMALL = TextGraphClassifierConfig(
    vocabulary=WordVocabularyConfig(min_count=1, min_users=2),
    vectors=InitialVectorsConfig(dim=12),
    graph=TextGraphConfig(window=4),
    encoder=TextGraphEncoderConfig(hidden=16),
    training=FineTuneConfig(learning_rates=(1e-2,), weight_decays=(0.0,), max_epochs=20),
)
SHORT = replace(SMALL, training=replace(SMALL.training, max_epochs=2))


def without_edges(config: TextGraphClassifierConfig) -> TextGraphClassifierConfig:
    return replace(config, encoder=replace(config.encoder, aggregation="none"))


class TestGIN(ComparisonContract):
    comparison = GIN
    config = SHORT


class TestDeepSets(ComparisonContract):
    comparison = DeepSets
    config = without_edges(SHORT)


@pytest.mark.parametrize(("comparison", "config"), [(GIN, SMALL), (DeepSets, without_edges(SMALL))])
def test_it_finds_what_is_planted(tmp_path: Path, comparison: Any, config: Any) -> None:
    asked, class_B = planted(tmp_path / "t")
    fitted = comparison(config)
    fitted.fit(asked.train)
    assert accuracy(fitted.classify(asked), class_B) >= 0.9


def test_the_encoder_begins_at_the_word_vectors_and_has_the_sizes_of_the_data(
    tmp_path: Path,
) -> None:
    asked, _ = planted(tmp_path / "t")
    fitted = GIN(SMALL)
    fitted.fit(asked.train)
    encoder = fitted.encoder()
    assert encoder.words.weight.shape == (len(fitted.vocabulary), 12)
    np.testing.assert_array_equal(encoder.words.weight.detach().numpy(), fitted.vectors_WD)
    assert encoder.representation_dim == 16


def test_who_stands_beside_whom_tells_classes_apart_for_gin_alone(tmp_path: Path) -> None:
    # All write the same eight words equally often; the classes differ in which stand together.
    random = np.random.default_rng(0)
    pairs = ("ab cd ef gh", "ac bd eg fh")
    posts = {
        f"{u:02d}": [" ".join(random.permutation(list(pair))) for pair in pairs[u % 2].split() * 2]
        for u in range(60)
    }
    traces = write_posts(tmp_path / "t", posts)
    parts = [Snapshot(traces, None, rows) for rows in np.split(np.arange(60), [30, 40])]
    asked, _ = planted(tmp_path / "other")
    asked = replace(
        asked,
        classes=("one", "other"),
        train=parts[0],
        train_y_B=np.arange(30) % 2,
        valid=parts[1],
        valid_y_B=np.arange(10) % 2,
        test=parts[2],
    )
    right = {}
    # Fitted here, the vectors of words with the same neighbours would be equal.
    file = tmp_path / "vectors.txt"
    rows = (
        " ".join([word, *map(str, row)]) for word, row in zip("abcdefgh", np.eye(8), strict=True)
    )
    file.write_text("\n".join(rows))
    config = replace(SMALL, vectors=InitialVectorsConfig(path=file))
    for comparison, its_config in ((GIN, config), (DeepSets, without_edges(config))):
        fitted = comparison(its_config)
        fitted.fit(asked.train)
        right[comparison.name] = (fitted.classify(asked).argmax(axis=1) == np.arange(20) % 2).mean()
    assert right["gin"] == 1
    # The sets of words are equal, so are all answers.
    assert right["deep_sets"] == 0.5


def test_items_of_purchases_are_words_too(tmp_path: Path) -> None:
    # A basket: events at one time are one post, whose text is that of the items.
    baskets = {
        f"{u}": [{"time": 1, "item_id": item} for item in (("i", "j") if u % 2 else ("j", "k"))]
        for u in range(8)
    }
    items = {"item_id": ["i", "j", "k"], "text": ["red wool", "white salt", "blue rope"]}
    traces = write_traces(tmp_path / "t", baskets, {"item_id": "id"}, tables={"items": items})
    fitted = GIN(SMALL)
    fitted.fit(Snapshot(traces))
    assert set(fitted.vocabulary.words.to_pylist()) >= {"red", "wool", "salt", "rope"}
    ((_, batch),) = fitted.batches_of(Snapshot(traces))(np.array([1]))
    assert batch.lengths_U.tolist() == [4]


def test_characters_can_be_nodes_and_begin_at_their_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The few words of the test share no part.
    monkeypatch.setattr(text_graph_characters, "LEAST_WORDS", 1)
    asked, class_B = planted(tmp_path / "t")
    comparison = GIN(replace(SMALL, graph=TextGraphConfig(window=4, char_nodes=True)))
    comparison.fit(asked.train)
    characters = Characters.of(comparison.vocabulary.words)
    num_words = len(comparison.vocabulary)
    assert characters.names
    begin_WD = comparison.encoder().words.weight.detach().numpy()
    np.testing.assert_array_equal(begin_WD, characters.extend(begin_WD[:num_words]))
    assert accuracy(comparison.classify(asked), class_B) > 0.8


def test_each_is_refused_the_aggregation_of_the_other() -> None:
    with pytest.raises(UsageError, match="gin must be sum, mean or sqrt, got none"):
        GIN(without_edges(SMALL))
    with pytest.raises(UsageError, match="deep_sets must be none, got sum"):
        DeepSets(SMALL)
    assert GIN().config.encoder.aggregation == "sum"
    assert DeepSets().config.encoder.aggregation == "none"


def test_first_weights_come_from_the_seed(tmp_path: Path) -> None:
    asked, _ = planted(tmp_path / "t")
    fitted = GIN(SHORT)
    fitted.fit(asked.train)
    before = torch.get_rng_state()
    one, same, other = (fitted.classify(asked, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert torch.equal(torch.get_rng_state(), before)
