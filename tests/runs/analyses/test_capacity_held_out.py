from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.data.channel_batches import ChannelEncoding, snapshot_request, take
from habitus.data.channel_sequence import ChannelReader
from habitus.data.vocabulary import MASK, NUM_SPECIAL
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.random import torch_generator
from habitus.runs.analyses.capacity_held_out import (
    ALONE_LOSS,
    ALONE_RIGHT,
    GROUP,
    HIDDEN_SHARE,
    LOSS,
    HeldOut,
    HeldOutTable,
    held_out,
)
from tests.runs.analyses.capacity_world import World, capacity_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("held_out"))


@pytest.fixture(scope="module")
def found(world: World) -> HeldOut:
    return held_out(world.model, world.objective, world.snapshot, "remedy")


def test_groups_hold_everybody_and_all_channels(found: HeldOut) -> None:
    assert set(found.sums) == {"group", "need", "remedy", "gap", ALONE_LOSS, ALONE_RIGHT}
    assert {len(sums_N) for sums_N in found.sums.values()} == {120 // GROUP}
    # 120 users of 12 events, a quarter of them hidden: 360, deviation 16.
    assert found.counts[ALONE_LOSS].sum() == pytest.approx(HIDDEN_SHARE * 1_440, abs=80)
    assert (found.counts[ALONE_LOSS] == found.counts[ALONE_RIGHT]).all()
    assert (found.sums[ALONE_RIGHT] <= found.counts[ALONE_RIGHT]).all()


def test_everybody_meets_the_same_hidden_values(world: World, found: HeldOut) -> None:
    again = held_out(world.model, world.objective, world.snapshot, "remedy")
    assert all((again.sums[name] == found.sums[name]).all() for name in found.sums)


def test_a_channel_hidden_alone_by_a_slow_twin(world: World, found: HeldOut) -> None:
    encoder, encoding, objective = world.model.encoder, world.model.encoding, world.objective
    assert isinstance(encoder, ChannelTransformer)
    assert isinstance(encoding, ChannelEncoding)
    names = [c.name for c in encoding.vocabulary.token_channels]
    remedy = names.index("remedy")
    num_tokens = objective.num_tokens_C[remedy]
    request = take(snapshot_request(world.snapshot, 256), np.arange(GROUP))
    batch = ChannelReader(world.traces, encoding.vocabulary).read(request)
    generator = torch_generator(0, "held out", 0)
    table = encoder.project.channel_table(remedy, num_tokens)
    loss, right = 0.0, 0
    with torch.inference_mode():
        # What all channels drew comes first; then a quarter of the remedies.
        objective(encoder, batch, generator)
        hidden_T = torch.rand(batch.num_events, generator=generator) < HIDDEN_SHARE
        tokens_TC = batch.tokens_TC.clone()
        tokens_TC[hidden_T, remedy] = MASK
        hidden = replace(batch, tokens_TC=tokens_TC)
        h_TD = encoder.encode_events(hidden, encoder.layout(hidden)).x_TD
        for t in hidden_T.nonzero()[:, 0].tolist():
            start = remedy * objective.channel_dim
            query_E = objective.token_query(h_TD[t])[start : start + objective.channel_dim]
            logits = [
                float(query_E @ table[v] + objective.token_bias[remedy][v])
                for v in range(NUM_SPECIAL, num_tokens)
            ]
            target = int(batch.tokens_TC[t, remedy]) - NUM_SPECIAL
            loss += np.log(np.exp(logits).sum()) - logits[target]
            right += int(np.argmax(logits)) == target
    assert found.counts[ALONE_LOSS][0] == int(hidden_T.sum())
    assert found.sums[ALONE_LOSS][0] == pytest.approx(loss, rel=1e-4)
    assert found.sums[ALONE_RIGHT][0] == right


def test_what_is_written_is_read(found: HeldOut, tmp_path: Path) -> None:
    found.save(tmp_path / "kept.npz")
    kept = HeldOut.load(tmp_path / "kept.npz")
    for mine, theirs in zip(found, kept, strict=True):
        assert mine.keys() == theirs.keys()
        assert all((mine[name] == theirs[name]).all() for name in mine)


def made(sums: list[float], counts: list[float]) -> HeldOut:
    """Return three groups with one channel, and a channel hidden alone."""
    both = np.array(sums), np.array(counts)
    names = ("a", ALONE_RIGHT)
    return HeldOut(*(dict.fromkeys(names, values) for values in both))


def test_means_and_differences_by_hand() -> None:
    worse = made([4.0, 6.0, 2.0], [2.0, 2.0, 2.0])
    better = made([2.0, 3.0, 1.0], [2.0, 2.0, 2.0])
    table = HeldOutTable({"worse": [worse], "better": [better, better]}, 500)
    # (4 + 6 + 2) / 6 and half of it.
    assert table.estimate("worse")["value"] == pytest.approx(2.0)
    less = table.difference("better", "worse")
    assert less.value == pytest.approx(-1.0)
    assert less.verdict == "better"
    # Of three groups, drawn with repetition: none lies below 1 or above 3.
    estimate = table.estimate("worse")
    assert 1.0 <= estimate["low"] < 2.0 < estimate["high"] <= 3.0
    # Of what is found, more is better.
    assert table.difference("better", "worse", ALONE_RIGHT).verdict == "worse"


def test_the_loss_is_the_mean_over_channels_that_were_hidden() -> None:
    one = HeldOut(
        {"a": np.array([2.0, 4.0]), "b": np.array([9.0, 0.0]), "c": np.zeros(2)},
        {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 0.0]), "c": np.zeros(2)},
    )
    # a: 6 / 3, b: 9 / 3, c: never hidden.
    assert HeldOutTable({"x": [one]}, 10).estimate("x", LOSS)["value"] == pytest.approx(2.5)
