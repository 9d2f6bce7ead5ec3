from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from habitus.data.channel_batches import ChannelEncoding
from habitus.data.snapshot import Snapshot
from habitus.data.split import DAY
from habitus.data.vocabulary import MASK
from habitus.datasets.subpopulations import CHANNELS, Subpopulations
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import DataError
from habitus.runs.analyses.capacity_reading import HiddenReading
from habitus.testing.hand_made import write_traces
from tests.runs.analyses.capacity_world import CONFIG, World, capacity_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("reading"))


def test_the_same_as_one_user_at_a_time(world: World) -> None:
    encoder, encoding = world.model.encoder, world.model.encoding
    assert isinstance(encoder, ChannelTransformer)
    assert isinstance(encoding, ChannelEncoding)
    found = HiddenReading(world.model, "remedy").encode(world.snapshot)
    assert found.shape == (120, encoder.config.width)
    names = [c.name for c in encoding.vocabulary.token_channels]
    for user in (0, 7, 119):
        one = Snapshot(world.traces, CONFIG.cutoff, np.array([user]))
        ((_, batch),) = encoding.batches(one)
        tokens_TC = batch.tokens_TC.clone()
        for t in range(batch.num_events):
            tokens_TC[t, names.index("remedy")] = MASK
        hidden = replace(batch, tokens_TC=tokens_TC)
        with torch.inference_mode():
            h_TD = encoder.encode_events(hidden, encoder.layout(hidden)).x_TD
        assert found[user] == pytest.approx(h_TD.mean(0).numpy(), abs=1e-5)


def test_what_was_taken_does_not_matter(world: World, tmp_path: Path) -> None:
    # Other answers to the same needs: nobody follows a map.
    others = Subpopulations(replace(CONFIG, follow=0.0)).ingest(tmp_path / "traces")
    same, snapshot = world.snapshot, Snapshot(others, CONFIG.cutoff)
    assert (others.column("remedy") != world.traces.column("remedy")).any()
    assert (others.column("need") == world.traces.column("need")).all()
    reading = HiddenReading(world.model, "remedy")
    assert reading.encode(snapshot) == pytest.approx(reading.encode(same), abs=1e-6)
    assert world.model.encode(snapshot) != pytest.approx(world.model.encode(same), abs=1e-6)


def test_who_has_no_events_is_all_zeros(world: World, tmp_path: Path) -> None:
    event = {"group": "group-00", "need": "need-00", "remedy": "remedy-00"}
    events = {"a": [{"time": 0, **event}], "b": [{"time": 20 * DAY, **event}]}
    traces = write_traces(tmp_path / "traces", events, CHANNELS)
    z_UD = HiddenReading(world.model, "remedy").encode(Snapshot(traces, 10 * DAY))
    assert z_UD.any(axis=1).tolist() == [True, False]


def test_a_channel_that_is_not_read_is_said(world: World) -> None:
    with pytest.raises(DataError, match=r"reads .*need.*, and no channel 'price'"):
        HiddenReading(world.model, "price")
