"""Pairs are of one user each, who stands in a batch once; chance comes from the seed alone."""

from dataclasses import fields
from itertools import chain, combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data import item_reader
from habitus.data.item_batches import ItemTextEncoding
from habitus.data.item_pairs import ItemPairBatch, ItemPairBatches, ItemPairConfig
from habitus.data.loader import Loader
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from tests.data.items import (
    CUTOFF,
    OTHER,
    check_packed,
    plain_slots,
    plain_tokens,
    shop_encoding,
    shop_events,
    shop_traces,
)

PLAIN = {"batch_users": 7, "service_dropout": 0.0}


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shop_traces(tmp_path / "traces")


@pytest.fixture
def encoding(traces: Traces) -> ItemTextEncoding:
    return shop_encoding(traces)


def source_of(
    traces: Traces, encoding: ItemTextEncoding, as_of: int | None = CUTOFF, **values: Any
) -> ItemPairBatches:
    config = ItemPairConfig.from_dict(PLAIN | values)
    return ItemPairBatches(Snapshot(traces, as_of), encoding, config, seed=3)


def rows_of(batch: ItemPairBatch, slot: int) -> list[list[int]]:
    items = batch.items
    held = items.item_S[items.slot_ptr_G1[slot] : items.slot_ptr_G1[slot + 1]].tolist()
    return [items.token_T[items.text_ptr_I1[i] : items.text_ptr_I1[i + 1]].tolist() for i in held]


def pairs_in(batch: ItemPairBatch, unit: np.ndarray) -> dict[tuple[int, int, int], Any]:
    """Return (user row, service, service) → token rows of both sides."""
    check_packed(batch.items)
    found = {}
    for (a, b), (s, t), user in zip(
        batch.pair_B2.tolist(),
        batch.pair_service_B2.tolist(),
        batch.pair_user_B.tolist(),
        strict=True,
    ):
        users = batch.items.slot_user_G[[a, b]].tolist()
        assert users == [user, user]
        assert (int(unit[user]), s, t) not in found
        found[int(unit[user]), s, t] = (rows_of(batch, a), rows_of(batch, b))
    assert set(batch.pair_B2.flatten().tolist()) == set(range(batch.items.num_slots))
    assert batch.pair_user_B.tolist() == sorted(batch.pair_user_B.tolist())
    return found


def tokens_of(encoding: ItemTextEncoding, service: str, found: list[Any]) -> list[list[int]]:
    return [plain_tokens(encoding.bpe, service, kind, text, 32) for _, kind, text in found]


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("least", [1, 2])
def test_pairs_are_those_of_a_plain_loop(
    traces: Traces, encoding: ItemTextEncoding, halves: bool, least: int
) -> None:
    names = (*encoding.services, OTHER)
    plain = plain_slots(shop_events(), encoding)
    expected = {}
    for user in range(25):
        slots = {
            n: plain[user, s] for n, s in enumerate(names) if len(plain.get((user, s), [])) >= least
        }
        for s, t in combinations(slots, 2):
            expected[user, s, t] = tuple(tokens_of(encoding, names[n], slots[n]) for n in (s, t))
        if halves and len(slots) == 1:
            [(s, found)] = slots.items()
            places = [
                p for p in range(least, len(found) - least + 1) if found[p - 1][0] != found[p][0]
            ]
            if places:
                p = min(places, key=lambda place: (abs(2 * place - len(found)), place))
                rows = tokens_of(encoding, names[s], found)
                expected[user, s, s] = (rows[:p], rows[p:])
    source = source_of(traces, encoding, halves=halves, min_items=least)
    found_: dict[Any, Any] = {}
    for unit in source.plan(np.random.default_rng(0)):
        batch = source.make(unit, np.random.default_rng(0))
        assert batch.num_users == len(set(unit.tolist())) == len(unit) <= 7
        found_ |= pairs_in(batch, unit)
    left = len(source.places_U) % 7 == 1  # one alone is left for another epoch
    assert found_.items() <= expected.items()
    assert len({u for u, _, _ in expected}) - len({u for u, _, _ in found_}) == left
    assert source.places_U.tolist() == sorted({user for user, _, _ in expected})
    assert sum(source.left) + source.num_users == 25


def test_halves_part_users_of_one_service(tmp_path: Path) -> None:
    events = {
        user: [{"time": t, "service": "food", "item_id": f"i{i:02d}"} for t, i in enumerate(items)]
        for user, items in {"a": [1, 2, 3, 4], "b": [5], "c": [6, 6], "d": [7, 8]}.items()
    }
    for unit in ("second", "order"):
        traces = shop_traces(tmp_path / unit, events, time_unit=unit)
        encoding = shop_encoding(traces, None)
        assert source_of(traces, encoding, None).num_users == 0
        source = source_of(traces, encoding, None, halves=True)
        # b has one item, and c one that it bought twice.
        assert source.places_U.tolist() == [0, 3]
        assert source.left == (0, 0, 2)
        batch = source.pool(9, seed=0)
        assert batch.items.lengths_U.tolist() == [4, 2]
        assert batch.pair_service_B2.tolist() == [[0, 0], [0, 0]]
        assert [len(rows_of(batch, int(slot))) for slot in batch.pair_B2.flatten()] == [2, 2, 1, 1]


def test_a_source_of_nobody_says_so(tmp_path: Path) -> None:
    traces = shop_traces(tmp_path / "t", {"a": [{"time": 1, "item_id": "i01"}], "b": []})
    source = source_of(traces, shop_encoding(traces, None), None)
    assert source.left == (0, 1, 1)
    assert source.pool(5, seed=0).num_events == 0
    with Loader(source, seed=0, prefetch=0) as loader, pytest.raises(DataError, match="nothing"):
        next(loader)


def units(source: ItemPairBatches, epoch: int) -> list[list[int]]:
    return [unit.tolist() for unit in source.plan(np.random.default_rng(epoch))]


@pytest.mark.parametrize("shuffle", ["users", "batch_order_only", "none"])
def test_what_changes_from_epoch_to_epoch(
    traces: Traces, encoding: ItemTextEncoding, shuffle: str
) -> None:
    source = source_of(traces, encoding, shuffle=shuffle, batch_users=3)
    one, two = units(source, 1), units(source, 2)
    assert one == units(source, 1)
    same_batches = sorted(map(sorted, one)) == sorted(map(sorted, two))
    assert (same_batches, one == two) == {
        "users": (False, False),
        "batch_order_only": (True, False),
        "none": (True, True),
    }[shuffle]
    for plan in (one, two):
        users = list(chain.from_iterable(plan))
        assert len(set(users)) == len(users) >= source.num_users - 1
        assert all(len(unit) >= 2 for unit in plan)
    assert one != sorted(one)


def test_one_user_alone_is_left_for_another_epoch(
    traces: Traces, encoding: ItemTextEncoding
) -> None:
    number = source_of(traces, encoding).num_users
    for less, expected in ((0, [number]), (1, [number - 1]), (2, [number - 2, 2])):
        source = source_of(traces, encoding, batch_users=number - less)
        assert [len(unit) for unit in source.plan(np.random.default_rng(0))] == expected


def test_dropout_of_services_hides_whole_slots(traces: Traces, encoding: ItemTextEncoding) -> None:
    source = source_of(traces, encoding, service_dropout=0.3, batch_users=25)
    [unit] = source.plan(np.random.default_rng(0))
    whole = pairs_in(source_of(traces, encoding).pool(25, seed=0), source.places_U)
    hidden, shown = 0, 0
    for seed in range(30):
        batch = source.make(unit, np.random.default_rng(seed))
        for key, sides in pairs_in(batch, unit).items():
            for side, expected in zip(sides, whole[key], strict=True):
                assert [row[1:] for row in side] == [row[1:] for row in expected]
                said = {row[0] for row in side}
                if said == {expected[0][0]}:
                    shown += 1
                else:
                    hidden += 1
                    assert said == {1}
        dropped_G = (
            batch.items.token_T[batch.items.text_ptr_I1[:-1]][
                batch.items.item_S[batch.items.slot_ptr_G1[:-1]]
            ]
            == 1
        )
        # Hidden slots, and those of services without a name, are others.
        assert torch.equal(dropped_G, batch.items.slot_service_G == len(encoding.services))
    # Some sides are of services without a name, which say "other" anyway.
    assert 0.1 < hidden / (hidden + shown) < 0.35


def test_dropout_of_items_keeps_some_in_order(traces: Traces, encoding: ItemTextEncoding) -> None:
    source = source_of(traces, encoding, item_dropout=0.5, batch_users=25)
    [unit] = source.plan(np.random.default_rng(0))
    whole = pairs_in(source_of(traces, encoding).pool(25, seed=0), source.places_U)
    kept, total = 0, 0
    for seed in range(10):
        found = pairs_in(source.make(unit, np.random.default_rng(seed)), unit)
        assert found.keys() == whole.keys()
        for key, sides in found.items():
            for side, expected in zip(sides, whole[key], strict=True):
                rest = iter(expected)
                assert side
                assert all(row in rest for row in side)
                kept, total = kept + len(side), total + len(expected)
    assert 0.5 < kept / total < 0.7


def test_seldom_seen_users_are_left_out(tmp_path: Path) -> None:
    # Events from 0 to the cutoff at two months: one a month is two, and half a one is one.
    month = int(365.25 / 12 * 86_400)
    food, arts = {"service": "food", "item_id": "i01"}, {"service": "arts", "item_id": "i02"}
    events = {
        "a": [food | {"time": 0}, arts | {"time": 5}, arts | {"time": 6}],
        "b": [food | {"time": month}, arts | {"time": month + 1}],
        "c": [food | {"time": 9}, arts | {"time": 2 * month + 9}],
    }
    traces = shop_traces(tmp_path / "t", events)
    as_of = 2 * month
    encoding = shop_encoding(traces, as_of)
    for rate, expected in ((0.5, [0, 1]), (1.0, [0, 1]), (1.01, [0]), (2.0, [])):
        source = source_of(traces, encoding, as_of, min_per_month=rate)
        assert source.places_U.tolist() == expected, rate
        assert source.left.seldom + source.left.one_side + len(expected) == 3
    # To the end: 2 months and 9 seconds, in which c has its two events.
    end = source_of(traces, encoding, None, min_per_month=0.9)
    assert end.places_U.tolist() == [0, 1, 2]
    ordered = shop_traces(tmp_path / "ordered", events, time_unit="order")
    with pytest.raises(UsageError, match="order"):
        source_of(ordered, encoding, None, min_per_month=0.5)


def test_a_pool_is_fixed_and_has_no_dropout(traces: Traces, encoding: ItemTextEncoding) -> None:
    source = source_of(traces, encoding, service_dropout=0.9, item_dropout=0.9)
    plain = source_of(traces, encoding)
    pool, again = source.pool(6, seed=5), plain.pool(6, seed=5)
    for field in fields(pool.items):
        assert torch.equal(getattr(pool.items, field.name), getattr(again.items, field.name))
    assert torch.equal(pool.pair_B2, again.pair_B2)
    assert pool.num_users == 6
    assert source.pool(1_000, seed=5).num_users == source.num_users
    assert pool.items.lengths_U.tolist() != source.pool(6, seed=6).items.lengths_U.tolist()


def test_passes_change_nothing(
    traces: Traces, encoding: ItemTextEncoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = source_of(traces, encoding, halves=True)
    monkeypatch.setattr(item_reader, "EVENTS_AT_ONCE", 10)
    parts = source_of(traces, encoding, halves=True)
    assert parts.places_U.tolist() == whole.places_U.tolist()
    assert parts.left == whole.left


def test_a_loader_goes_on_from_any_batch(traces: Traces, encoding: ItemTextEncoding) -> None:
    source = source_of(traces, encoding, service_dropout=0.5, item_dropout=0.5)
    with Loader(source, seed=1, prefetch=2) as loader:
        batches = list(islice(loader, 6))
    resumed = Loader(source, seed=1, prefetch=0)
    resumed.load_state_dict({"epoch": 1, "index": 0, "seed": 1})
    per_epoch = len(source.plan(np.random.default_rng(0)))
    assert per_epoch < 6
    with resumed:
        for there, here in zip(batches[per_epoch:], resumed, strict=False):
            assert torch.equal(there.items.token_T, here.items.token_T)
            assert torch.equal(there.pair_B2, here.pair_B2)


def test_batches_move_whole(traces: Traces, encoding: ItemTextEncoding) -> None:
    batch = source_of(traces, encoding).pool(4, seed=0)
    moved = batch.to("meta")
    assert {moved.pair_B2.device.type, moved.items.token_T.device.type} == {"meta"}
    assert (moved.num_events, moved.padded_events) == (batch.num_events, batch.padded_events)


@pytest.mark.parametrize(
    "values",
    [
        {"batch_users": 1},
        {"batch_users": 2**16 + 1},
        {"min_items": 0},
        {"item_dropout": 1.0},
        {"service_dropout": -0.1},
        {"min_per_month": -1.0},
    ],
)
def test_settings_out_of_range_are_told(values: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(values))} must be"):
        ItemPairConfig.from_dict(values)
