"""Word vectors from a file, validation on other users, and words made once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data.relation_batches import RelationBatch, RelationBatches
from habitus.data.split import UserSplit
from habitus.data.text_graph_batch import TextGraphBatch
from habitus.data.traces import Traces
from habitus.encoders.text_graph import TextGraphEncoder
from habitus.errors import UsageError
from habitus.runs.pasum import WordVectorsConfig
from habitus.runs.pasum_wiring import (
    begin_pasum,
    build_pasum,
    parts_of,
    prepare_pasum,
    text_source,
    word_vectors,
)
from tests.runs.posters import both, small_pasum

CPU = torch.device("cpu")


def test_words_of_a_file_begin_there_and_others_are_drawn(posters: Traces, tmp_path: Path) -> None:
    model, _ = build_pasum(posters, small_pasum(), None)
    words = parts_of(model)[1].vocabulary.words.to_pylist()
    file = tmp_path / "vectors.txt"
    lines = [f"{word} " + " ".join(["0.5"] * 4 + ["-0.5"] * 4) for word in words[:3]]
    file.write_text("3 8\n" + "\n".join(lines) + "\n")
    run = small_pasum(word_vectors=WordVectorsConfig(kind="file", file=file))
    warm, _ = begin_pasum(posters, run, None)
    encoder, _ = parts_of(warm)
    assert isinstance(encoder, TextGraphEncoder)
    first = encoder.words.weight.detach()[:3]
    assert torch.equal(first, torch.tensor([[0.5] * 4 + [-0.5] * 4]).expand(3, -1))
    # Deviation of the known ones: half of them are .5, half -.5, so σ = .5 (A-P8).
    assert encoder.words.weight.detach()[3:].std() == pytest.approx(0.5, rel=0.1)


def test_vectors_of_another_width_are_refused(posters: Traces, tmp_path: Path) -> None:
    model, _ = build_pasum(posters, small_pasum(), None)
    encoding = parts_of(model)[1]
    file = tmp_path / "vectors.txt"
    file.write_text(f"1 2\n{encoding.vocabulary.words[0]} 0.1 0.2\n")
    run = small_pasum(word_vectors=WordVectorsConfig(kind="file", file=file))
    with pytest.raises(UsageError, match=r"the word vectors are 2 wide and encoder\.word_dim is 8"):
        word_vectors(posters, run, encoding)


def test_with_and_without_a_folder_the_batches_are_the_same(
    posters: Traces, tmp_path: Path
) -> None:
    run = small_pasum(**both())
    found = []
    for work in (None, tmp_path / "work", tmp_path / "work"):
        model, objective = build_pasum(posters, run, work)
        source, validate = prepare_pasum(posters, run, model, objective, CPU, work)
        assert validate is not None
        assert validate().total == validate().total
        generator = np.random.default_rng(0)
        batch = source.make(source.plan(generator)[0], generator)
        assert isinstance(batch.graphs, TextGraphBatch)
        words, triples = batch.graphs.word_W.tolist(), batch.inter_B3.tolist()
        found.append((words, triples, float(validate().total)))
    assert found[0] == found[1] == found[2]
    assert len(list((tmp_path / "work").glob("tokens-*"))) == 1
    # Whole, earlier and later, of train and of valid users.
    assert len(list((tmp_path / "work").glob("graphs-*"))) == 6


def test_validation_is_on_valid_users_or_on_a_share_of_the_follows(posters: Traces) -> None:
    def source_of(**changes: object) -> tuple[RelationBatches, bool]:
        run = small_pasum(**changes)
        model, objective = build_pasum(posters, run, None)
        source, validate = prepare_pasum(posters, run, model, objective, CPU, None)
        return source, validate is not None

    everybody, validated = source_of()
    assert validated
    train = small_pasum().split.rows(posters, "train")
    assert everybody.num_users == len(train)
    fewer, validated = source_of(relations=small_pasum().relations.from_dict(
        {**small_pasum().relations.to_dict(), "valid_share": 0.05}))  # fmt: skip
    assert validated
    assert fewer.num_users < len(train)
    nobody = UserSplit(train=0.8, valid=0.0, test=0.2)
    assert not source_of(split=nobody)[1]


@pytest.mark.parametrize("most", [1, 2])
def test_validation_is_the_same_few_steps_each_time(
    posters: Traces, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    small = small_pasum().relations
    run = small_pasum(relations=replace(small, inter_batch=2, valid_steps=most))
    model, objective = build_pasum(posters, run, None)
    _, validate = prepare_pasum(posters, run, model, objective, CPU, None)
    assert validate is not None
    made, make = [], RelationBatches.make

    def counted(source: RelationBatches, *unit: Any) -> RelationBatch:
        made.append(make(source, *unit))
        return made[-1]

    monkeypatch.setattr(RelationBatches, "make", counted)
    losses = [validate().total.item() for _ in range(2)]
    assert losses[0] == losses[1]
    assert len(made) == 2 * most


def test_a_text_source_is_a_store_where_there_is_a_folder(posters: Traces, tmp_path: Path) -> None:
    assert text_source(posters, small_pasum(), None).store is None
    assert text_source(posters, small_pasum(), tmp_path).store is not None
