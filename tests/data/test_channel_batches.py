"""Batches hold each user once, within the budget, and nothing from after a cutoff."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.channel_batches import (
    ChannelEncoding,
    PretrainingBatches,
    pack,
    snapshot_request,
    take,
)
from habitus.data.channel_sequence import ChannelReader, ChannelSequenceConfig, Request
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Traces
from habitus.data.vocabulary import ChannelVocabulary, ChannelVocabularyConfig
from habitus.errors import DataError
from habitus.testing.hand_made import write_traces
from tests.small import CUTOFF, after, small_events, small_traces

lengths = st.lists(st.integers(0, 40), max_size=60).map(lambda n: np.array(n, np.int64))
skewed = st.lists(st.floats(0, 8).map(lambda x: int(math.e**x)), min_size=1, max_size=200)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return small_traces(tmp_path / "traces")


def fit(traces: Traces) -> ChannelVocabulary:
    return ChannelVocabulary.fit(Snapshot(traces), ChannelVocabularyConfig(min_users=2))


def training(traces: Traces, as_of: int | str | None = CUTOFF, **values: Any) -> PretrainingBatches:
    config = ChannelSequenceConfig.from_dict(
        {"min_events": 3, "token_budget": 60, "pool_users": 1, **values}
    )
    return PretrainingBatches(Snapshot(traces, as_of), ChannelReader(traces, fit(traces)), config)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def joined(units: list[Request]) -> Request:
    """Return all units of an epoch as one, in the order of the users' rows."""
    whole = Request(*map(np.concatenate, zip(*units, strict=True)))
    return take(whole, np.argsort(whole.first_B))


@given(lengths, st.integers(1, 100))
def test_every_user_is_in_one_batch_and_no_batch_is_over_the_budget(
    length_B: np.ndarray[Any, np.dtype[np.int64]], budget: int
) -> None:
    batches = pack(length_B, budget)
    assert sorted(np.concatenate([[], *batches]).tolist()) == list(range(len(length_B)))
    for places in batches:
        assert len(places)
        padded = len(places) * length_B[places].max()
        assert padded <= budget or len(places) == 1


@given(lengths, st.integers(1, 100))
def test_a_batch_ends_only_where_one_user_more_would_not_fit(
    length_B: np.ndarray[Any, np.dtype[np.int64]], budget: int
) -> None:
    batches = pack(length_B, budget)
    for places, following in pairwise(batches):
        if length_B[following[0]] > 0:
            assert (len(places) + 1) * length_B[following[0]] > budget


@given(skewed, st.integers(1, 5_000))
def test_padding_is_bounded_by_the_budget_and_the_logarithm_of_the_skew(
    lengths_: list[int], budget: int
) -> None:
    # A batch of n ≥ 2 users of lengths a … b has n b ≤ budget, so its padding is at most
    # n (b - a) ≤ budget (1 - a / b) ≤ budget log(b / a). The next batch begins at b or above:
    # the logarithms add up to that of longest / shortest.
    length_B = np.array(lengths_)
    padded = sum(len(p) * int(length_B[p].max()) for p in pack(length_B, budget))
    bound = budget * math.log(length_B.max() / length_B.min())
    assert padded - length_B.sum() <= bound + 1e-9


def test_encoding_meets_every_user_once_and_reads_what_is_asked(traces: Traces) -> None:
    config = ChannelSequenceConfig(max_events=6, token_budget=20)
    encoding = ChannelEncoding(fit(traces), config)
    rows = np.random.default_rng(0).permutation(traces.num_users)[:20]
    snapshot = Snapshot(traces, CUTOFF, rows)
    seen = []
    for places, batch in encoding.batches(snapshot):
        seen += places.tolist()
        assert batch.lengths_U.tolist() == np.minimum(snapshot.lengths_U[places], 6).tolist()
        assert batch.padded_events <= 20
        alone = ChannelReader(traces, encoding.vocabulary).read(
            snapshot_request(Snapshot(traces, CUTOFF, rows[places]), 6)
        )
        assert torch.equal(batch.tokens_TC, alone.tokens_TC)
        assert torch.equal(batch.gap_T, alone.gap_T)
    assert sorted(seen) == list(range(20))


def test_encoding_survives_a_round_trip(traces: Traces, tmp_path: Path) -> None:
    encoding = ChannelEncoding(fit(traces), ChannelSequenceConfig(max_events=5, token_budget=33))
    encoding.save(tmp_path / "fitted")
    again = ChannelEncoding.load(tmp_path / "fitted")
    assert again.config == encoding.config
    there = [batch for _, batch in encoding.batches(Snapshot(traces, CUTOFF))]
    here = [batch for _, batch in again.batches(Snapshot(traces, CUTOFF))]
    for one, other in zip(there, here, strict=True):
        assert torch.equal(one.tokens_TC, other.tokens_TC)
        assert torch.equal(one.dense_TF, other.dense_TF)


@pytest.mark.parametrize("content", ['{"max_ev', "[1]", '{"max_evnts": 3}', None])
def test_a_damaged_encoding_is_told(traces: Traces, tmp_path: Path, content: str | None) -> None:
    ChannelEncoding(fit(traces), ChannelSequenceConfig()).save(tmp_path / "fitted")
    file = tmp_path / "fitted/sequence.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(DataError, match=r"sequence\.json"):
        ChannelEncoding.load(tmp_path / "fitted")


@pytest.mark.parametrize("as_of", [CUTOFF, None])
def test_training_reads_events_before_each_users_own_cutoff_only(
    traces: Traces, as_of: str | None
) -> None:
    snapshot = Snapshot(traces, as_of)
    source = training(traces, as_of, max_events=7)
    end_U = snapshot.stop_U[snapshot.lengths_U >= 3]
    for seed in range(20):
        whole = joined(source.plan(generator(seed)))
        start_U = snapshot.start_U[snapshot.lengths_U >= 3]
        assert whole.first_B.tolist() == start_U.tolist()
        assert (traces.time_L[whole.stop_B - 1] < whole.as_of_B).all()
        assert (whole.as_of_B <= snapshot.as_of).all()
        assert (whole.stop_B <= end_U).all()
        # Nothing in between is left out: what follows is at the cutoff or later.
        more = whole.stop_B < end_U
        assert (traces.time_L[whole.stop_B[more]] >= whole.as_of_B[more]).all()
        history = whole.stop_B - whole.first_B
        assert (history > np.floor(0.25 * (end_U - start_U)) - 1).all()
        assert whole.length_B.tolist() == np.minimum(history, 7).tolist()


def test_a_cutoff_lies_anywhere_after_the_share_of_history(tmp_path: Path) -> None:
    # Of events at 10, 20, 30 and 40 a quarter is before event 1 at 20, so cutoffs are 21 … 50.
    events = {"u": [{"time": t, "item_id": "i"} for t in (10, 20, 30, 40)]}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"})
    vocabulary = ChannelVocabulary.fit(Snapshot(traces), ChannelVocabularyConfig())
    config = ChannelSequenceConfig(min_events=4, pool_users=1)
    source = PretrainingBatches(Snapshot(traces, 50), ChannelReader(traces, vocabulary), config)
    drawn = [int(source.plan(generator(seed))[0].as_of_B[0]) for seed in range(400)]
    # Each of 30 values is missed by 400 draws with probability (29/30)^400 ≈ 1e-6.
    assert set(drawn) == set(range(21, 51))
    lengths_ = {len(source.make(unit, generator(0)).gap_T) for unit in source.plan(generator(0))}
    assert lengths_ <= {2, 3, 4}


def test_training_is_a_function_of_the_generator(traces: Traces) -> None:
    source = training(traces)
    one, same, other = (source.plan(generator(seed)) for seed in (1, 1, 2))
    for left, right in zip(one, same, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
    assert not np.array_equal(joined(one).as_of_B, joined(other).as_of_B)
    # The generator of a batch is for sources that need one.
    batches = [source.make(one[0], generator(seed)) for seed in (1, 2)]
    assert torch.equal(batches[0].age_T, batches[1].age_T)


def test_batches_are_shuffled_and_not_in_order_of_length(traces: Traces) -> None:
    longest = [
        int(unit.length_B.max()) for unit in training(traces, token_budget=30).plan(generator(0))
    ]
    assert len(longest) > 4
    assert longest != sorted(longest)


def test_users_with_few_events_are_not_trained_on(traces: Traces) -> None:
    lengths_U = Snapshot(traces, CUTOFF).lengths_U
    assert training(traces, min_events=8).num_users == (lengths_U >= 8).sum()
    assert training(traces, min_events=1).num_users == (lengths_U >= 1).sum()
    assert training(traces, min_events=99).num_users == 0
    assert training(traces, min_events=99).plan(generator(0)) == []


@pytest.mark.parametrize(("pool_users", "times"), [(1, 1), (20, 1), (21, 2), (100, 5)])
def test_small_data_is_read_several_times_for_one_epoch(
    pool_users: int, times: int, tmp_path: Path
) -> None:
    # ⌈pool_users / 20⌉ times twenty users, each time up to a cutoff of its own.
    events = {f"u{n}": [{"time": t, "item_id": "i"} for t in range(50)] for n in range(20)}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"})
    whole = joined(training(traces, 50, pool_users=pool_users).plan(generator(0)))
    users, counts = np.unique(whole.first_B, return_counts=True)
    assert users.tolist() == (50 * np.arange(20)).tolist()
    assert counts.tolist() == [times] * 20
    if times > 1:
        assert len(np.unique(whole.as_of_B[whole.first_B == 0])) > 1


def test_what_happens_after_the_cutoff_changes_no_batch(tmp_path: Path) -> None:
    events = small_events()
    worlds = [events, after(events, CUTOFF, service="shop-9", price=1e6)]
    plans = []
    for name, world in enumerate(worlds):
        traces = small_traces(tmp_path / str(name), world)
        source = training(traces)
        batches = [source.make(unit, generator(0)) for unit in source.plan(generator(0))]
        plans.append([(b.lengths_U.tolist(), b.age_T.tolist(), b.gap_T.tolist()) for b in batches])
        assert traces.num_events > Snapshot(traces, CUTOFF).lengths_U.sum()
    assert plans[0] == plans[1]


def test_ordinal_time_trains_on_all_but_the_last_events(tmp_path: Path) -> None:
    events = {f"u{n}": [{"time": t, "item_id": "i"} for t in range(n)] for n in range(4, 9)}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")
    vocabulary = ChannelVocabulary.fit(Snapshot(traces, 2), ChannelVocabularyConfig())
    config = ChannelSequenceConfig(min_events=3, pool_users=1)
    source = PretrainingBatches(Snapshot(traces, 2), ChannelReader(traces, vocabulary), config)
    # u4 … u8 have 2 … 6 events left, so four of them have 3 or more.
    assert source.num_users == 4
    for seed in range(10):
        whole = joined(source.plan(generator(seed)))
        assert (whole.stop_B - whole.first_B <= [3, 4, 5, 6]).all()
        assert (traces.time_L[whole.stop_B - 1] < whole.as_of_B).all()


def test_a_dated_cutoff_is_the_same_for_all_and_an_open_one_is_each_users_own(
    traces: Traces,
) -> None:
    dated = snapshot_request(Snapshot(traces, CUTOFF), 9)
    assert set(dated.as_of_B.tolist()) == {parse_time(CUTOFF)}
    snapshot = Snapshot(traces)
    for user, as_of in enumerate(snapshot_request(snapshot, 9).as_of_B.tolist()):
        if snapshot.lengths_U[user]:
            assert as_of == traces.time_L[snapshot.stop_U[user] - 1] + 1
