"""A hash table that grows: 64-bit keys into codes from 1, in order of first appearance.

Shapes: L keys, V distinct keys, S slots, K buckets.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

Codes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

_FIRST_BITS: Final = 10
_LARGE_BITS: Final = 16
_FULL: Final = 0.65
"""Share of slots above which the table grows: a fuller one is searched too long."""
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_ONE: Final = np.uint64(1)


class HashTable:
    """Codes of 64-bit keys, where a Python dictionary would be too slow and too large."""

    def __init__(self) -> None:
        self.size = 0
        """Codes given so far; the next key that is met for the first time gets ``size + 1``."""
        self._bits = _FIRST_BITS
        self._slots_S2 = _empty_slots(self._bits)
        self._new_L: Rows = np.empty(0, np.int64)
        """Kept, since large memory that is taken again and again is slow."""

    def find(self, key_L: Keys, code_L: Codes) -> Rows:
        """Write the code of each key; return the rows of those that were met for the first time."""
        if len(self._new_L) < len(key_L):
            self._new_L = np.empty(len(key_L), np.int64)
        row = num_new = 0
        while True:
            room = int(_FULL * (1 << self._bits))
            row, self.size, num_new = _find_or_add(
                key_L, row, self._slots_S2, np.uint64(64 - self._bits), self.size, room, code_L,
                self._new_L, num_new,
            )  # fmt: skip
            if row == len(key_L):
                return self._new_L[:num_new].copy()
            self._grow()

    def next_code(self) -> int:
        """Return a code that no key leads to."""
        self.size += 1
        return self.size

    def put(self, key_V: Keys, code_V: Codes, size: int) -> npt.NDArray[np.bool_]:
        """Give keys the codes they had in a table of this size; return which were there already."""
        while int(_FULL * (1 << self._bits)) < size:
            self._grow()
        self.size, taken_V = size, np.zeros(len(key_V), np.bool_)
        _put(key_V, code_V, self._slots_S2, np.uint64(64 - self._bits), taken_V)
        return taken_V

    def _grow(self) -> None:
        # A small table takes little, and need not be moved as often.
        old_S2, self._bits = self._slots_S2, self._bits + (2 if self._bits < _LARGE_BITS else 1)
        self._slots_S2 = _empty_slots(self._bits)
        _move(old_S2, self._slots_S2, np.uint64(64 - self._bits))


def _empty_slots(bits: int) -> Keys:
    # Written, not left to the system to fill: pages that are read first are given twice.
    return np.full((1 << bits, 2), 0, np.uint64)


def count_into(count_V1: Rows, code_L: npt.NDArray[np.integer]) -> None:
    """Add 1 to the count of each code, or row."""
    _count_into(count_V1, code_L)


def places_by_bucket(
    bucket_V1: npt.NDArray[np.uint16], code_L: Codes, num_buckets: int
) -> tuple[Codes, Rows]:
    """Return where each row stands by the bucket of its code, and how many each bucket has.

    >>> places, counts = places_by_bucket(np.array([0, 1, 0], "u2"), np.array([1, 2, 1], "u4"), 3)
    >>> places.tolist(), counts.tolist()
    ([1, 0, 2], [1, 2, 0])
    """
    count_K = np.zeros(num_buckets, np.int64)
    _count_buckets(bucket_V1, code_L, count_K)
    place_L = np.empty(len(code_L), np.uint32)
    _fill_buckets(bucket_V1, code_L, np.cumsum(count_K) - count_K, place_L)
    return place_L, count_K


def _compiled(function: Any) -> Any:  # noqa: ANN401 - numba has no types
    return njit(cache=True, nogil=True)(function)


@_compiled
def _find_or_add(
    key_L: Keys,
    row: int,
    slots_S2: Keys,
    shift: np.uint64,
    size: int,
    room: int,
    code_L: Codes,
    new_L: Rows,
    num_new: int,
) -> tuple[int, int, int]:
    """Write codes from ``row`` on, to where there is no room; return row, size and new keys."""
    mask = np.uint64(slots_S2.shape[0] - 1)
    while row < len(key_L):
        key = key_L[row]
        slot = (key * _GOLDEN) >> shift
        code = slots_S2[slot, 1]
        while code != 0 and slots_S2[slot, 0] != key:
            slot = (slot + _ONE) & mask
            code = slots_S2[slot, 1]
        if code == 0:
            if size >= room:
                break
            new_L[num_new] = row
            num_new += 1
            size += 1
            code = np.uint64(size)
            slots_S2[slot, 0] = key
            slots_S2[slot, 1] = code
        code_L[row] = code
        row += 1
    return row, size, num_new


@_compiled
def _put(
    key_V: Keys,
    code_V: Codes,
    slots_S2: Keys,
    shift: np.uint64,
    taken_V: npt.NDArray[np.bool_],
) -> None:
    mask = np.uint64(slots_S2.shape[0] - 1)
    for row in range(len(key_V)):
        slot = (key_V[row] * _GOLDEN) >> shift
        while slots_S2[slot, 1] != 0 and slots_S2[slot, 0] != key_V[row]:
            slot = (slot + _ONE) & mask
        taken_V[row] = slots_S2[slot, 1] != 0
        if not taken_V[row]:
            slots_S2[slot, 0] = key_V[row]
            slots_S2[slot, 1] = code_V[row]


@_compiled
def _move(old_S2: Keys, slots_S2: Keys, shift: np.uint64) -> None:
    mask = np.uint64(slots_S2.shape[0] - 1)
    for place in range(old_S2.shape[0]):
        if old_S2[place, 1] != 0:
            slot = (old_S2[place, 0] * _GOLDEN) >> shift
            while slots_S2[slot, 1] != 0:
                slot = (slot + _ONE) & mask
            slots_S2[slot, 0] = old_S2[place, 0]
            slots_S2[slot, 1] = old_S2[place, 1]


@_compiled
def _count_into(count_V1: Rows, code_L: npt.NDArray[np.integer]) -> None:
    for code in code_L:
        count_V1[code] += 1


@_compiled
def _count_buckets(bucket_V1: npt.NDArray[np.uint16], code_L: Codes, count_K: Rows) -> None:
    for code in code_L:
        count_K[bucket_V1[code]] += 1


@_compiled
def _fill_buckets(
    bucket_V1: npt.NDArray[np.uint16], code_L: Codes, next_K: Rows, place_L: Codes
) -> None:
    for row in range(len(code_L)):
        bucket = bucket_V1[code_L[row]]
        place_L[row] = next_K[bucket]
        next_K[bucket] += 1
