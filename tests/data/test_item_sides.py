"""Sides of pairs: who meets whom, where a slot is parted, what dropout leaves."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.item_sides import halves, keep_some, pairs_of
from habitus.data.item_slots import Slots

user_lists = st.lists(st.integers(0, 6), max_size=20).map(sorted)


def slots_of(lengths: list[int]) -> Slots:
    """Return one slot for each user; items have the numbers 0, 1, …"""
    ptr_G1 = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    item_S = np.arange(ptr_G1[-1])
    slot_G = np.arange(len(lengths))
    return Slots(item_S, item_S, item_S, ptr_G1, slot_G, slot_G)


def items_of(slots: Slots) -> list[list[int]]:
    spans = zip(slots.ptr_G1[:-1], slots.ptr_G1[1:], strict=True)
    return [slots.row_S[start:stop].tolist() for start, stop in spans]


@given(user_lists)
def test_every_two_slots_of_a_user_are_a_pair(users: list[int]) -> None:
    expected = [[a, b] for a, b in combinations(range(len(users)), 2) if users[a] == users[b]]
    assert pairs_of(np.array(users, np.int64)).tolist() == expected


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=9).map(sorted), max_size=6),
    st.integers(1, 3),
    st.integers(0, 2**16),
)
def test_slots_are_parted_where_a_plain_loop_parts_them(
    times: list[list[int]], least: int, bits: int
) -> None:
    parted_G = np.array([bits >> g & 1 for g in range(len(times))], np.bool_)
    slots = slots_of([len(t) for t in times])
    time_S = np.array([t for found in times for t in found], np.int64)
    expected, users = [], []
    for slot, found in enumerate(times):
        items = list(range(slots.ptr_G1[slot], slots.ptr_G1[slot + 1]))
        places = (
            [p for p in range(least, len(found) - least + 1) if found[p - 1] != found[p]]
            if parted_G[slot]
            else []
        )
        if places:
            # The nearest to the middle, the earlier of two.
            place = min(places, key=lambda p: (abs(2 * p - len(items)), p))
            expected += [items[:place], items[place:]]
            users += [slot, slot]
        elif not parted_G[slot]:
            expected.append(items)
            users.append(slot)
    found_ = halves(slots, parted_G, time_S, least)
    assert items_of(found_) == expected
    assert found_.user_G.tolist() == found_.service_G.tolist() == users
    assert found_.text_S.tolist() == found_.kind_S.tolist() == found_.row_S.tolist()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1, 2, 3, 4], [[0, 1], [2, 3]]),
        ([1, 2, 3, 4, 5], [[0, 1], [2, 3, 4]]),
        # A basket of three at 2 stays whole; the change before it is nearer than none after it.
        ([1, 2, 2, 2], [[0], [1, 2, 3]]),
        ([2, 2, 2, 2], []),
        ([7], []),
    ],
)
def test_halves_by_hand(times: list[int], expected: list[list[int]]) -> None:
    slots = slots_of([len(times)])
    assert items_of(halves(slots, np.array([True]), np.array(times), 1)) == expected


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 9))
def test_dropout_leaves_items_in_order_and_at_least_one(
    lengths: list[int], share: float, seed: int
) -> None:
    slots = slots_of(lengths)
    kept = keep_some(slots, share, np.random.default_rng(seed))
    drawn = np.random.default_rng(seed).random(sum(lengths)) < share
    for before, after in zip(items_of(slots), items_of(kept), strict=True):
        assert after == ([i for i in before if drawn[i]] or before[-1:])


def test_dropout_keeps_its_share() -> None:
    kept = keep_some(slots_of([200] * 50), 0.7, np.random.default_rng(0))
    # 10,000 draws of chance .7: a standard deviation of √(.7 · .3 / 10,000) = .0046.
    assert abs(len(kept.row_S) / 10_000 - 0.7) < 4 * 0.0046
