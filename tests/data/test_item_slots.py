"""Slots hold what a plain loop over a user's events before the cutoff puts there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_slots import UNNAMED, Slots, latest, names_of, places
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces
from tests.data.items import (
    CUTOFF,
    OTHER,
    Events,
    Plain,
    plain_slots,
    shop_encoding,
    shop_events,
)
from tests.data.items import shop_traces as traces_of


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return traces_of(tmp_path / "traces")


def read(snapshot: Snapshot, encoding: ItemTextEncoding) -> tuple[Slots, tuple[int, ...]]:
    reader = encoding.reader(snapshot)
    slots, counts = reader.slots(np.arange(snapshot.num_users))
    return slots, tuple(counts)


def times(slots: Slots, traces: Traces, services: tuple[str, ...]) -> dict[tuple[int, str], object]:
    """Return (user, service) → times of the items."""
    names = (*services, OTHER)
    return {
        (int(user), names[service]): traces.time_L[slots.row_S[start:stop]].tolist()
        for user, service, start, stop in zip(
            slots.user_G, slots.service_G, slots.ptr_G1[:-1], slots.ptr_G1[1:], strict=True
        )
    }


def times_of(plain: Plain) -> dict[tuple[int, str], object]:
    return {slot: [time for time, _, _ in found] for slot, found in plain.items()}


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("other_slot", [True, False])
@pytest.mark.parametrize("max_items", [1, 4, 100])
def test_slots_are_those_of_a_plain_loop(
    traces: Traces, unique: bool, other_slot: bool, max_items: int
) -> None:
    encoding = shop_encoding(traces, unique=unique, other_slot=other_slot, max_items=max_items)
    plain = plain_slots(shop_events(), encoding)
    slots, counts = read(Snapshot(traces, CUTOFF), encoding)
    assert times(slots, traces, encoding.services) == times_of(plain)
    assert list(zip(slots.user_G, slots.service_G, strict=True)) == sorted(
        zip(slots.user_G, slots.service_G, strict=True)
    )
    assert counts[0] == sum(counts[1:]) == (traces.time_L < CUTOFF).sum()
    assert counts[-1] == sum(map(len, plain.values())) == len(slots.row_S)
    assert (counts[2] > 0) == (not other_slot)
    assert (counts[3] > 0) == unique
    assert (counts[4] > 0) == (max_items < 100)


def test_a_later_repeat_does_not_change_an_earlier_snapshot(tmp_path: Path) -> None:
    def event(time: int, item: str) -> dict[str, object]:
        return {"time": time, "service": "food", "item_id": item}

    before = [event(1, "i01"), event(2, "i02"), event(3, "i01"), event(4, "i03")]
    for n, after in enumerate(([], [event(9, "i02"), event(9, "i01"), event(9, "i03")])):
        traces = traces_of(tmp_path / str(n), {"a": before + after})
        encoding = shop_encoding(traces, 9)
        slots, _ = read(Snapshot(traces, 9), encoding)
        # i01 at 1 came again at 3: the latest before the cutoff stays.
        assert traces.time_L[slots.row_S].tolist() == [2, 3, 4]
    slots, _ = read(Snapshot(traces), encoding)
    assert traces.time_L[slots.row_S].tolist() == [9, 9, 9]


def test_the_oldest_are_left_out_after_repeats_are(tmp_path: Path) -> None:
    # Latest two distinct of i01 i02 i03 i03 i03: i02 and the last i03.
    items = ["i01", "i02", "i03", "i03", "i03"]
    events = [{"time": t, "service": "food", "item_id": i} for t, i in enumerate(items)]
    traces = traces_of(tmp_path / "t", {"a": events})
    slots, counts = read(Snapshot(traces), shop_encoding(traces, None, max_items=2))
    assert traces.time_L[slots.row_S].tolist() == [1, 4]
    assert counts == (5, 0, 0, 2, 1, 2)


def test_equal_texts_of_two_items_are_one_behaviour_and_of_two_kinds_two(tmp_path: Path) -> None:
    # i00 and i10 have the same text.
    rows = [("i00", "view"), ("i10", "view"), ("i10", "buy"), ("i00", "buy")]
    events = [
        {"time": t, "service": "food", "item_id": i, "kind": k} for t, (i, k) in enumerate(rows)
    ]
    traces = traces_of(tmp_path / "t", {"a": events})
    slots, _ = read(Snapshot(traces), shop_encoding(traces, None))
    assert traces.time_L[slots.row_S].tolist() == [1, 3]


def test_services_that_were_never_seen_share_one_slot_or_none(tmp_path: Path) -> None:
    events = shop_events()
    encoding = shop_encoding(traces_of(tmp_path / "fitted", events))
    renamed = {"food": "bank", "arts": "news"}
    moved = {
        user: [e | {"service": renamed.get(e.get("service", ""), "search")} for e in history]
        for user, history in events.items()
    }
    traces = traces_of(tmp_path / "moved", moved)
    slots, _ = read(Snapshot(traces, CUTOFF), encoding)
    assert times(slots, traces, encoding.services) == times_of(plain_slots(moved, encoding))
    assert set(slots.service_G.tolist()) == {2, 3}  # search, and any other


def test_traces_without_a_service_channel_have_one_unnamed_service(tmp_path: Path) -> None:
    events = {"a": [{"time": 1, "item_id": "i01"}, {"time": 2, "item_id": "i02"}]}
    traces = traces_of(tmp_path / "t", events, channels={"item_id": "id"})
    encoding = shop_encoding(traces, None)
    assert (encoding.services, encoding.bpe.kinds) == ((UNNAMED,), (UNNAMED,))
    slots, _ = read(Snapshot(traces), encoding)
    assert (slots.service_G.tolist(), slots.kind_S.tolist()) == ([0], [0, 0])


def test_a_missing_service_is_no_name(tmp_path: Path) -> None:
    events: Events = {"a": [{"time": 1}, {"time": 2, "service": "x"}, {"time": 3, "service": "y"}]}
    traces = write_traces(tmp_path / "t", events, {"service": "category"})
    assert names_of(traces, "service") == [None, "x", "y"]
    assert places(traces, "service", ("y", "")).tolist() == [2, 2, 0]
    assert places(traces, "kind", ("y", "")).tolist() == [1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_the_latest_of_equal_behaviours_stays(pairs: list[tuple[int, int]]) -> None:
    slot_S, behaviour_S = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [pair not in pairs[place + 1 :] for place, pair in enumerate(pairs)]
    assert latest(slot_S, behaviour_S).tolist() == expected


def test_slots_can_be_taken_in_any_order_and_by_user(traces: Traces) -> None:
    slots, _ = read(Snapshot(traces, CUTOFF), shop_encoding(traces))
    order_G = np.random.default_rng(0).permutation(len(slots.user_G))
    taken = slots.take(order_G)
    for place, slot in enumerate(order_G):
        mine = slice(taken.ptr_G1[place], taken.ptr_G1[place + 1])
        held = slice(slots.ptr_G1[slot], slots.ptr_G1[slot + 1])
        for name in ("row_S", "text_S", "kind_S"):
            assert getattr(taken, name)[mine].tolist() == getattr(slots, name)[held].tolist()
    some = slots.of_users(np.array([7, 0, 3]))
    for place, user in enumerate([7, 0, 3]):
        mine_G, held_G = some.user_G == place, slots.user_G == user
        assert some.service_G[mine_G].tolist() == slots.service_G[held_G].tolist()
        assert some.length_G[mine_G].tolist() == slots.length_G[held_G].tolist()
    everything = slots.keep_items(np.ones(len(slots.row_S), np.bool_))
    assert everything.ptr_G1.tolist() == slots.ptr_G1.tolist()
