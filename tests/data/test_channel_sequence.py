"""A batch is what a loop over users and events would make of the same histories."""

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.channel_batches import snapshot_request
from habitus.data.channel_sequence import (
    NUM_TIME_BUCKETS,
    TIME_MASK,
    ChannelReader,
    ChannelSequenceBatch,
    ChannelSequenceConfig,
    time_buckets,
)
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.data.vocabulary import NUM_SPECIAL, ChannelVocabulary, ChannelVocabularyConfig
from habitus.errors import DataError, UsageError
from habitus.testing.hand_made import Event, write_traces
from tests.small import CUTOFF, START, small_events, small_traces

World = tuple[Traces, ChannelVocabulary, dict[str, list[dict[str, Any]]]]


def plain_bucket(seconds: int) -> int:
    return min(1 + math.floor(4 * math.log2(seconds + 1)), TIME_MASK - 1)


def plain_batch(
    histories: Sequence[Sequence[Event]],
    vocabulary: ChannelVocabulary,
    as_of: int,
    max_events: int,
) -> Mapping[str, list[Any]]:
    """The slow twin: one event at a time, values instead of codes."""
    batch: dict[str, list[Any]] = {
        name: [] for name in ("tokens", "dense", "state", "bins", "gap", "age")
    }
    batch["offsets"] = [0]
    for history in histories:
        known = [event for event in history if event["time"] < as_of]
        for place in range(max(0, len(known) - max_events), len(known)):
            event = known[place]
            batch["tokens"].append([])
            for channel in vocabulary.token_channels:
                values, value = channel.values.to_pylist(), event.get(channel.name)
                token = values.index(value) + NUM_SPECIAL if value in values else 1
                batch["tokens"][-1].append(0 if value is None else token)
            (price,) = vocabulary.dense_channels
            amount = event.get("price")
            size, quantile = 0.0, -1
            if amount is not None:
                compressed = math.copysign(math.log1p(abs(amount)), amount)
                size = (compressed - price.mean) / price.std
                quantile = bisect.bisect_right(price.edges_Q.tolist(), amount)
            batch["dense"].append([size])
            batch["state"].append([int(amount is None)])
            batch["bins"].append([quantile])
            gap = 0 if place == 0 else plain_bucket(event["time"] - known[place - 1]["time"])
            batch["gap"].append(gap)
            batch["age"].append(plain_bucket(as_of - event["time"]))
        batch["offsets"].append(len(batch["gap"]))
    return batch


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    events = small_events()
    traces = small_traces(tmp_path_factory.mktemp("world") / "traces", events)
    config = ChannelVocabularyConfig(min_users=9, num_bins=4)
    return traces, ChannelVocabulary.fit(Snapshot(traces, CUTOFF), config), events


def read(traces: Traces, as_of: int | str | None, max_events: int = 99) -> ChannelSequenceBatch:
    vocabulary = ChannelVocabulary.fit(Snapshot(traces), ChannelVocabularyConfig(min_users=1))
    request = snapshot_request(Snapshot(traces, as_of), max_events)
    return ChannelReader(traces, vocabulary).read(request)


@settings(max_examples=25)
@given(
    order=st.permutations(range(30)),
    num_users=st.integers(0, 30),
    max_events=st.integers(1, 30),
    seconds=st.integers(1, 100 * DAY),
)
def test_a_batch_is_that_of_a_loop_over_users_and_events(
    world: World, order: list[int], num_users: int, max_events: int, seconds: int
) -> None:
    traces, vocabulary, events = world
    as_of = max(parse_time(START) + seconds, traces.time_range[0] + 1)
    snapshot = Snapshot(traces, as_of, np.array(order[:num_users], np.int64))
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(snapshot, max_events))
    names = sorted(events)
    histories = [events[names[row]] for row in order[:num_users]]
    plain = plain_batch(histories, vocabulary, as_of, max_events)
    assert batch.offsets_U1.tolist() == plain["offsets"]
    assert batch.tokens_TC.tolist() == plain["tokens"]
    assert batch.state_TF.tolist() == plain["state"]
    assert batch.bins_TF.tolist() == plain["bins"]
    assert batch.gap_T.tolist() == plain["gap"]
    assert batch.age_T.tolist() == plain["age"]
    dense = np.array(plain["dense"]).reshape(-1, 1)
    np.testing.assert_allclose(batch.dense_TF.numpy(), dense, atol=1e-5)


def test_the_world_of_the_twin_has_every_case(world: World) -> None:
    traces, vocabulary, events = world
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(Snapshot(traces, CUTOFF), 99))
    assert (batch.lengths_U == 0).any()
    assert batch.max_length > 9
    assert {0, 1, 3, 4} <= set(batch.tokens_TC[:, 1].tolist())
    assert set(batch.bins_TF.flatten().tolist()) == {-1, 0, 1, 2, 3}
    assert sorted(events) == list(events)


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [
        (0, 1),  # 1 + 4 log₂ 1
        (1, 5),  # 1 + 4 log₂ 2
        (2, 7),  # 1 + ⌊4 · 1.585⌋
        (3, 9),  # 1 + 4 log₂ 4
        (DAY, 66),  # 1 + ⌊4 · 16.399⌋
        (2**29 - 1, 117),  # 1 + 4 · 29
        (2**30 - 1, 120),  # 1 + 4 · 30 is one too many: the last stands for "masked"
        (2**40, 120),
    ],
)
def test_time_buckets_by_hand(seconds: int, bucket: int) -> None:
    assert time_buckets(np.array([seconds])).tolist() == [bucket]
    assert NUM_TIME_BUCKETS == 122
    assert TIME_MASK == 121


def test_gaps_and_ages_by_hand(tmp_path: Path) -> None:
    events = {"u": [{"time": 10}, {"time": 10}, {"time": 13}], "v": [{"time": 12}]}
    batch = read(write_traces(tmp_path / "t", events, {"item": "id"}), 14)
    # No predecessor: bucket 0. Gaps 0 and 3: buckets 1 and 9; v's event does not follow on u's.
    assert batch.gap_T.tolist() == [0, 1, 9, 0]
    # Ages 4, 4, 1 and 2: ⌊4 log₂ 5⌋ = 9, 4 log₂ 2 = 4, ⌊4 log₂ 3⌋ = 6.
    assert batch.age_T.tolist() == [10, 10, 5, 7]


def test_the_first_event_that_is_read_still_has_its_gap(tmp_path: Path) -> None:
    events = {"u": [{"time": 10}, {"time": 13}, {"time": 14}]}
    batch = read(write_traces(tmp_path / "t", events, {"item": "id"}), None, max_events=2)
    assert batch.gap_T.tolist() == [9, 5]


def test_without_a_cutoff_the_clock_stops_a_second_after_each_users_last_event(
    tmp_path: Path,
) -> None:
    events: dict[str, list[Event]] = {
        "u": [{"time": 10}, {"time": 13}],
        "v": [],
        "w": [{"time": 99}],
    }
    batch = read(write_traces(tmp_path / "t", events, {"item": "id"}), None)
    # Ages 14 - 10 = 4, 14 - 13 = 1 and 100 - 99 = 1.
    assert batch.age_T.tolist() == [10, 5, 5]
    assert batch.lengths_U.tolist() == [2, 0, 1]


def test_ordinal_time_counts_events(tmp_path: Path) -> None:
    events: dict[str, list[Event]] = {
        "u": [{"time": t, "item": f"i{t}"} for t in range(5)],
        "v": [{"time": 0}],
    }
    traces = write_traces(tmp_path / "t", events, {"item": "id"}, time_unit="order")
    batch = read(traces, 2)
    # The last two are left out: 0, 1 and 2 remain. Steps of 1 are bucket 5; v has none left.
    assert batch.lengths_U.tolist() == [3, 0]
    assert batch.tokens_TC[:, 0].tolist() == [3, 4, 5]
    assert batch.gap_T.tolist() == [0, 5, 5]
    # The clock stops at 3: ages 3, 2 and 1.
    assert batch.age_T.tolist() == [9, 7, 5]


def test_users_without_events_make_a_batch_of_nothing(tmp_path: Path) -> None:
    events: dict[str, list[Event]] = {"u": [{"time": 5}], "v": [], "w": []}
    traces = write_traces(tmp_path / "t", events, {"item": "id"})
    config = ChannelVocabularyConfig(channels=("item",))
    vocabulary = ChannelVocabulary.fit(Snapshot(traces), config)
    snapshot = Snapshot(traces, 6, np.array([2, 1]))
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(snapshot, 9))
    assert (batch.num_users, batch.num_events, batch.max_length, batch.padded_events) == (
        2,
        0,
        0,
        0,
    )
    assert batch.tokens_TC.shape == (0, 1)
    nobody = Snapshot(traces, 6, np.array([], np.int64))
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(nobody, 9))
    assert (batch.num_users, batch.num_events, batch.max_length) == (0, 0, 0)


def test_padded_events_are_users_times_the_longest(world: World) -> None:
    traces, vocabulary, events = world
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(Snapshot(traces), 7))
    assert batch.padded_events == len(events) * 7
    assert batch.num_events == sum(min(7, len(history)) for history in events.values())


def test_a_move_to_a_device_leaves_the_offsets_where_they_are(world: World) -> None:
    traces, vocabulary, _ = world
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(Snapshot(traces), 7))
    moved = batch.to("meta")
    assert moved.offsets_U1.device == torch.device("cpu")
    assert torch.equal(moved.lengths_U, batch.lengths_U)
    for name in ("tokens_TC", "dense_TF", "state_TF", "bins_TF", "gap_T", "age_T"):
        assert getattr(moved, name).device == torch.device("meta")
        assert getattr(moved, name).dtype == getattr(batch, name).dtype


def test_a_batch_whose_parts_differ_in_length_is_no_batch(world: World) -> None:
    traces, vocabulary, _ = world
    batch = ChannelReader(traces, vocabulary).read(snapshot_request(Snapshot(traces), 7))
    for change in (
        {"offsets_U1": batch.offsets_U1[:-1]},
        {"offsets_U1": batch.offsets_U1[1:]},
        {"tokens_TC": batch.tokens_TC[1:]},
        {"age_T": batch.age_T[1:]},
    ):
        with pytest.raises(AssertionError):
            replace(batch, **change)


def test_a_reader_of_traces_without_the_channels_is_refused(world: World, tmp_path: Path) -> None:
    _, vocabulary, _ = world
    other = write_traces(tmp_path / "t", {"u": []}, {"service": "category"})
    with pytest.raises(DataError, match="'item_id'"):
        ChannelReader(other, vocabulary)


@pytest.mark.parametrize(
    "values",
    [{"max_events": 0}, {"token_budget": 0}, {"pool_users": 0}, {"history_share": -0.1}],
)
def test_settings_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        ChannelSequenceConfig.from_dict(values)
