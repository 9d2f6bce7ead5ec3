"""What an encoder is made of, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.config import override
from habitus.data.traces import Traces
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.nn.experts_config import ExpertsConfig
from habitus.runs.pretrain import pretrain
from habitus.runs.sizes import composed_in_words, hashed_collision_rate, size_entries
from tests.small import small_run, small_traces


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return small_traces(tmp_path_factory.mktemp("t") / "traces")


def test_active_weights_leave_out_tables_and_idle_experts(traces: Traces) -> None:
    run = small_run()
    dense = size_entries(run.build(traces)[0])
    assert "composed_channels" not in dense
    assert dense["parameters"] == dense["active_parameters"] + dense["embedding_parameters"]
    experts = replace(run, encoder=replace(run.encoder, experts=ExpertsConfig(num_experts=4)))
    sparse = size_entries(experts.build(traces)[0])
    # An expert has no biases, a dense layer 16 + 8; of four three are idle; a router has 4 · 8.
    one = 8 * 16 + 16 * 8
    assert sparse["parameters"] == dense["parameters"] - 24 + 3 * one + 32
    assert sparse["active_parameters"] == dense["active_parameters"] - 24 + 32
    assert sparse["embedding_parameters"] == dense["embedding_parameters"]


def test_composed_channels_say_what_they_save_and_that_none_collide(traces: Traces) -> None:
    run = override(small_run(), ["encoder.composed_above=8"])
    model, _ = run.build(traces)
    (item, *times) = size_entries(model)["composed_channels"]
    assert isinstance(model.encoder, ChannelTransformer)
    # Nine items and three special tokens: 4 remainders and 3 quotients of 4 numbers each.
    assert item == {
        "channel": "item_id",
        "num_tokens": 12,
        "num_rows": 7,
        "saved_bytes": 4 * 4 * (12 - 7),
        "collision_rate": 0.0,
        "hashed_collision_rate": pytest.approx(1 - (6 / 7) ** 11),
    }
    # Gaps, ages and places are more than eight, too.
    assert [entry["channel"] for entry in times] == ["gap", "age", "place"]
    rows = model.encoder.project.channel_table(1, 12)
    assert len({tuple(row) for row in rows.tolist()}) == 12


def test_hashing_at_random_collides_as_often_as_is_said() -> None:
    random, shared = np.random.default_rng(0), []
    for _ in range(400):
        counts = np.bincount(random.integers(20, size=15), minlength=20)
        shared.append(counts[counts > 1].sum() / 15)
    # 400 draws of 15: an error of about 0.5 / sqrt(400 · 5).
    assert np.mean(shared) == pytest.approx(hashed_collision_rate(15, 20), abs=0.035)


def test_a_pretraining_tells_it(traces: Traces, tmp_path: Path) -> None:
    made = pretrain(traces, override(small_run(), ["encoder.composed_above=8"]), tmp_path)
    entries = size_entries(made.model)
    assert entries.items() <= made.facts().items()
    assert made.model.about["training"]["composed_channels"] == entries["composed_channels"]
    told = composed_in_words(made.model.about)
    # 4 bytes · 4 numbers · 5 rows are 80, which is next to nothing in MB.
    assert told[0].startswith("item_id: 12 tokens composed in 7 rows, 0.0 MB saved; none collide")
    assert told[0].endswith("of as many hashed into as many rows 82% would")
    assert len(told) == 4
    assert composed_in_words({}) == []
