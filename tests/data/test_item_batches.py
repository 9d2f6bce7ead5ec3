"""Encoding meets every user once, within the budget, and reads nothing from after the cutoff."""

import os
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data import item_batches, item_reader
from habitus.data.byte_bpe import ByteBPEConfig
from habitus.data.item_batches import ItemTextEncoding, cut
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.item_texts import ItemTexts
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import DataError, GuardError
from habitus.testing.hand_made import write_traces
from tests.data.items import (
    CHANNELS,
    CUTOFF,
    ITEMS,
    OTHER,
    check_packed,
    plain_slots,
    plain_tokens,
    shop_encoding,
    shop_events,
    shop_traces,
    unpacked,
)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces")


def encoded(encoding: ItemTextEncoding, snapshot: Snapshot) -> dict[Any, Any]:
    """Return (place in the snapshot, service) → tokens and ages, from all batches."""
    found, seen = {}, []
    for place_B, batch in encoding.batches(snapshot):
        check_packed(batch)
        seen += place_B.tolist()
        assert batch.num_users == len(place_B)
        for (user, service), rows in unpacked(batch, encoding).items():
            found[int(place_B[user]), service] = rows
    assert sorted(seen) == list(range(snapshot.num_users))
    return found


@pytest.mark.parametrize("events_at_once", [30, 2**20])
@pytest.mark.parametrize("token_budget", [1, 90, 10_000])
def test_slots_are_those_of_a_plain_loop_whatever_the_batches(
    traces: Traces, monkeypatch: pytest.MonkeyPatch, events_at_once: int, token_budget: int
) -> None:
    monkeypatch.setattr(item_reader, "EVENTS_AT_ONCE", events_at_once)
    encoding = shop_encoding(traces, token_budget=token_budget)
    rows = np.random.default_rng(1).permutation(25)[:21]
    plain = plain_slots(shop_events(), encoding)
    expected = {
        (place, service): [
            (plain_tokens(encoding.bpe, service, kind, text, 32), CUTOFF - time)
            for time, kind, text in plain[int(row), service]
        ]
        for place, row in enumerate(rows)
        for service in (*encoding.services, OTHER)
        if (int(row), service) in plain
    }
    assert encoded(encoding, Snapshot(traces, CUTOFF, rows)) == expected


def test_events_after_the_cutoff_change_nothing(traces: Traces, tmp_path: Path) -> None:
    changed = {
        user: [
            e if e["time"] < CUTOFF else {"time": e["time"], "service": "x", "text": "later"}
            for e in history
        ]
        for user, history in shop_events().items()
    }
    other = shop_traces(tmp_path / "changed", changed)
    encoding, again = shop_encoding(traces), shop_encoding(other)
    assert encoding.bpe.digest == again.bpe.digest
    assert encoded(encoding, Snapshot(traces, CUTOFF)) == encoded(again, Snapshot(other, CUTOFF))
    assert encoding.counts(Snapshot(traces, CUTOFF)) == again.counts(Snapshot(other, CUTOFF))


def test_fitting_reads_the_users_and_the_time_of_the_snapshot_only(traces: Traces) -> None:
    bpe, config = ByteBPEConfig(vocab_size=400), ItemSequenceConfig()
    users = np.arange(5)
    some = ItemTextEncoding.fit(Snapshot(traces, CUTOFF, users), bpe, config)
    events = {u: h for n, (u, h) in enumerate(sorted(shop_events().items())) if n in users}
    texts, services = set(), set()
    for history in events.values():
        for event in history:
            text = event.get("text") or ITEMS.get(event.get("item_id", ""))
            if event["time"] < CUTOFF and text:
                texts.add(text)
                services |= {event["service"]} if "service" in event else set()
    alone = type(some.bpe).fit(texts, bpe, services=sorted(services), kinds=some.bpe.kinds)
    assert some.services == tuple(sorted(services))
    assert some.bpe.digest == alone.digest
    assert some.bpe.digest != shop_encoding(traces).bpe.digest


def test_counts_of_a_snapshot_are_those_of_its_passes(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding, snapshot = shop_encoding(traces), Snapshot(traces, CUTOFF)
    counts = encoding.counts(snapshot)
    monkeypatch.setattr(item_reader, "EVENTS_AT_ONCE", 1)
    assert encoding.counts(snapshot) == counts
    assert counts.events == snapshot.lengths_U.sum() == sum(counts[1:])
    batches = [batch for _, batch in encoding.batches(snapshot)]
    assert counts.items == sum(batch.num_events for batch in batches)


def test_the_services_of_most_events_have_names(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = Snapshot(traces, CUTOFF)
    slots, _ = shop_encoding(traces).reader(snapshot).slots(np.arange(25))
    assert shop_encoding(traces).services == ("arts", "food", "search")
    monkeypatch.setattr(item_batches, "MAX_NAMES", 1)
    few = shop_encoding(traces)
    read = [
        event["service"]
        for history in shop_events().values()
        for event in history
        if event["time"] < CUTOFF and "service" in event
        if event.get("text") or ITEMS.get(event.get("item_id", ""))
    ]
    assert few.services == (max(sorted(set(read)), key=read.count),)
    assert few.num_slots == 2
    assert len(slots.row_S)


def test_texts_made_before_are_used_where_they_fit(traces: Traces, tmp_path: Path) -> None:
    encoding = shop_encoding(traces)
    made = ItemTexts.build(traces, encoding.bpe, tmp_path / "texts", max_tokens=30)
    with_texts = ItemTextEncoding(encoding.bpe, encoding.config, made)
    snapshot = Snapshot(traces, CUTOFF)
    assert with_texts.texts_of(traces) is made
    assert encoded(with_texts, snapshot) == encoded(encoding, snapshot)
    assert encoding.texts_of(traces) is encoding.texts_of(traces)
    longer = ItemTextEncoding(encoding.bpe, ItemSequenceConfig(max_tokens=40), made)
    assert longer.texts_of(traces) is not made


def test_everybody_without_items_is_still_encoded(tmp_path: Path) -> None:
    # Nobody; only an item without text; a history of one.
    item = {"time": 1, "service": "food", "item_id": "i99"}
    events = {"a": [], "b": [item], "c": [item | {"item_id": "i01"}]}
    traces = shop_traces(tmp_path / "t", events)
    encoding = shop_encoding(traces, None)
    found = encoded(encoding, Snapshot(traces))
    assert list(found) == [(2, "food")]
    assert len(found[2, "food"]) == 1
    assert encoding.counts(Snapshot(traces)) == (2, 1, 0, 0, 0, 1)
    empty = list(encoding.batches(Snapshot(traces, None, np.array([0, 1]))))
    assert [b.lengths_U.tolist() for _, b in empty] == [[0, 0]]
    assert not list(encoding.batches(Snapshot(traces, None, np.zeros(0, np.int64))))


@pytest.mark.parametrize("events", [{"a": []}, {"a": [{"time": 1, "item_id": "i99"}]}])
def test_there_must_be_some_text_to_fit_on(tmp_path: Path, events: Any) -> None:
    with pytest.raises(GuardError, match="no event with text"):
        shop_encoding(shop_traces(tmp_path / "t", events), None)


def test_traces_without_text_cannot_be_read(traces: Traces, tmp_path: Path) -> None:
    bare = write_traces(tmp_path / "bare", {"a": [{"time": 1}]}, {"service": "category"})
    with pytest.raises(DataError, match="no text"):
        list(shop_encoding(traces).batches(Snapshot(bare)))
    with pytest.raises(DataError, match="no text"):
        shop_encoding(bare)


def test_traces_of_other_services_need_a_slot_for_them(traces: Traces, tmp_path: Path) -> None:
    moved = {u: [e | {"service": "bank"} for e in h] for u, h in shop_events().items()}
    other = Snapshot(shop_traces(tmp_path / "moved", moved))
    found = encoded(shop_encoding(traces), other)
    assert {service for _, service in found} == {OTHER}
    # The texts say so too: token 1 is <svc:other>.
    assert {tokens[0] for rows in found.values() for tokens, _ in rows} == {1}
    without = shop_encoding(traces, other_slot=False)
    assert without.num_slots == 3
    with pytest.raises(DataError, match="arts, food, search"):
        list(without.batches(other))
    assert without.counts(other).items == 0


def test_an_order_is_cut_by_position(tmp_path: Path) -> None:
    traces = shop_traces(tmp_path / "ordered", time_unit="order")
    encoding = shop_encoding(traces, None)
    cut_events = {u: sorted(h, key=lambda e: e["time"])[:-2] for u, h in shop_events().items()}
    plain = plain_slots(cut_events, encoding, None)
    expected = {
        slot: [(plain_tokens(encoding.bpe, slot[1], kind, text, 32), None) for _, kind, text in f]
        for slot, f in plain.items()
    }
    assert encoded(encoding, Snapshot(traces, 2)) == expected


def test_items_are_users_of_one_item(traces: Traces) -> None:
    encoding = shop_encoding(traces)
    values = [None, *traces.dictionary("item_id").to_pylist()]
    item_N = np.array([values.index("i05"), 0, values.index("i03"), values.index("i99"), 1, 1])
    seen = []
    for place_B, batch in encoding.item_batches(traces, item_N, "food", "purchase"):
        check_packed(batch)
        seen += place_B.tolist()
        expected = [
            (user, [(plain_tokens(encoding.bpe, "food", "purchase", ITEMS[name], 32), None)])
            for user, place in enumerate(place_B)
            if (name := values[item_N[place]]) in ITEMS
        ]
        assert sorted((u, rows) for (u, _), rows in unpacked(batch, encoding).items()) == expected
        assert batch.num_users == len(place_B)
    assert sorted(seen) == list(range(6))
    [(_, other)] = encoding.item_batches(traces, item_N[:1], "bank")
    assert other.slot_service_G.tolist() == [3]
    assert other.token_T[:2].tolist() == [1, 2]


def test_items_need_texts_and_a_slot(traces: Traces, tmp_path: Path) -> None:
    item_N = np.array([1])
    with pytest.raises(DataError, match="no slot for service 'bank'"):
        list(shop_encoding(traces, other_slot=False).item_batches(traces, item_N, "bank"))
    only_events = write_traces(tmp_path / "t", shop_events(), CHANNELS)
    with pytest.raises(DataError, match="have no text that this model reads"):
        list(shop_encoding(only_events).item_batches(only_events, item_N, "food"))


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 60))
def test_batches_are_within_the_budget_or_of_one(costs: list[int], budget: int) -> None:
    cost_B = np.array(costs, np.int64)
    batches = [b.tolist() for b in cut(cost_B, budget)]
    assert sorted(chain.from_iterable(batches)) == list(range(len(costs)))
    for place_B in batches:
        assert sum(max(costs[p], 1) for p in place_B) <= budget or len(place_B) == 1
    order = [costs[p] for place_B in batches for p in place_B]
    assert order == sorted(costs)


def test_encoding_survives_a_round_trip(traces: Traces, tmp_path: Path) -> None:
    encoding = shop_encoding(traces, other_slot=False)
    encoding.save(tmp_path / "fitted")
    again = ItemTextEncoding.load(tmp_path / "fitted")
    assert (again.config, again.services) == (encoding.config, encoding.services)
    snapshot = Snapshot(traces, CUTOFF)
    assert encoded(again, snapshot) == encoded(encoding, snapshot)


@pytest.mark.parametrize("content", ['{"max_it', "[1]", '{"max_itms": 3}', None])
def test_a_damaged_encoding_is_told(traces: Traces, tmp_path: Path, content: str | None) -> None:
    shop_encoding(traces).save(tmp_path / "fitted")
    file = tmp_path / "fitted/items.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(DataError, match=r"items\.json"):
        ItemTextEncoding.load(tmp_path / "fitted")


@pytest.mark.parametrize("name", ["art_office", "food_kitchen"])
def test_little_is_padded_on_real_lengths(name: str, tmp_path: Path) -> None:
    if "HABITUS_DATA" not in os.environ or DATASETS[name]().missing():
        pytest.skip("HABITUS_DATA is not set")
    traces = DATASETS[name]().ingest(tmp_path / "traces")
    users = np.arange(0, traces.num_users, 4)
    snapshot = Snapshot(traces, 2, users)
    encoding = ItemTextEncoding.fit(snapshot, ByteBPEConfig(vocab_size=4_096), ItemSequenceConfig())
    batches = [batch for _, batch in encoding.batches(snapshot)]
    items = sum(batch.num_events for batch in batches)
    tokens = sum(batch.num_tokens for batch in batches)
    assert 1 - items / sum(batch.padded_events for batch in batches) <= 0.03
    assert 1 - tokens / sum(batch.padded_tokens for batch in batches) <= 0.03
    assert all(batch.num_users == 1 or batch.num_tokens <= 16_384 for batch in batches)
    assert any(batch.dedup_share > 0 for batch in batches)
