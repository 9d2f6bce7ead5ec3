"""A reader meets every user of a snapshot once, in passes of bounded size, and tells ages."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data import item_reader
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from tests.data.items import CUTOFF, shop_encoding, shop_traces


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces")


@pytest.mark.parametrize(("events", "users"), [(1, 100), (20, 100), (10**6, 100), (10**6, 4)])
def test_passes_are_bounded_and_cover_everybody(
    traces: Traces, monkeypatch: pytest.MonkeyPatch, events: int, users: int
) -> None:
    monkeypatch.setattr(item_reader, "EVENTS_AT_ONCE", events)
    monkeypatch.setattr(item_reader, "USERS_AT_ONCE", users)
    snapshot = Snapshot(traces, CUTOFF, np.random.default_rng(0).permutation(25)[:20])
    pools = list(shop_encoding(traces).reader(snapshot).pools())
    assert np.concatenate(pools).tolist() == list(range(20))
    for pool in pools:
        assert 1 <= len(pool) <= users
        assert len(pool) == 1 or snapshot.lengths_U[pool].sum() <= events
    if events == 10**6:
        assert len(pools) == -(-20 // users)


def test_a_snapshot_of_nobody_has_no_pass(traces: Traces) -> None:
    snapshot = Snapshot(traces, CUTOFF, np.zeros(0, np.int64))
    assert not list(shop_encoding(traces).reader(snapshot).pools())


def test_ages_are_seconds_to_the_cutoff_or_to_the_last_event(traces: Traces) -> None:
    place_B = np.arange(25)
    for as_of in (CUTOFF, None):
        snapshot = Snapshot(traces, as_of)
        reader = shop_encoding(traces, as_of).reader(snapshot)
        slots, _ = reader.slots(place_B)
        batch, order_G = reader.pack(slots, place_B)
        assert batch.time_S is not None
        for slot, held in enumerate(order_G):
            row_S = slots.row_S[slots.ptr_G1[held] : slots.ptr_G1[held + 1]]
            end = as_of
            if end is None:
                end = int(traces.time_L[snapshot.stop_U[slots.user_G[held]] - 1]) + 1
            start, stop = batch.slot_ptr_G1[slot], batch.slot_ptr_G1[slot + 1]
            assert batch.time_S[start:stop].tolist() == (end - traces.time_L[row_S]).tolist()
            assert (batch.time_S[start:stop] > 0).all()


def test_an_order_has_no_ages(tmp_path: Path) -> None:
    traces = shop_traces(tmp_path / "ordered", time_unit="order")
    reader = shop_encoding(traces, None).reader(Snapshot(traces, 2))
    slots, _ = reader.slots(np.arange(25))
    assert reader.pack(slots, np.arange(25))[0].time_S is None


@pytest.mark.parametrize("other_slot", [True, False])
def test_a_slot_that_hides_its_service_is_one_of_the_others_where_these_have_a_slot(
    traces: Traces, other_slot: bool
) -> None:
    encoding = shop_encoding(traces, other_slot=other_slot)
    reader = encoding.reader(Snapshot(traces, CUTOFF))
    slots, _ = reader.slots(np.arange(25))
    batch, order_G = reader.pack(slots, np.arange(25), np.ones(len(slots.user_G), np.bool_))
    service_G = slots.service_G[order_G]
    expected_G = np.full_like(service_G, 3) if other_slot else service_G
    assert batch.slot_service_G.tolist() == expected_G.tolist()
    assert (batch.token_T[batch.text_ptr_I1[:-1]] == 1).all()
    assert int(batch.slot_service_G.max()) < encoding.num_slots


def test_tokens_are_counted_before_texts_are_found_twice(traces: Traces) -> None:
    reader = shop_encoding(traces).reader(Snapshot(traces, CUTOFF))
    slots, _ = reader.slots(np.arange(25))
    batch, order_G = reader.pack(slots, np.arange(25))
    length_I = batch.text_ptr_I1.diff()
    assert reader.num_tokens(slots.take(order_G)).tolist() == length_I[batch.item_S].tolist()
