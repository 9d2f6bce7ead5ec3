"""The order of events, and which of them are the same: by user, then time, then arrival.

Shapes: L events of a bucket, B events that may be the same as others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from habitus.data.blocks import Array, take_rows
from habitus.data.traces import Rows

SIGNED_BITS = 63
"""Bits of an int64 besides its sign."""
MOST_ARE_NEAR = 0.3
FEW = 0.05
MANY_AT_ONCE = 1024
"""Of more events of one user at one time all are compared in full; a power of two."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_ONE = np.uint64(1)


class Ordered(NamedTuple):
    """Events by user, then time, then arrival."""

    place_L: Rows
    """Where each stands by arrival."""
    user_L: Rows
    time_L: Rows


def order_events(user_L: npt.NDArray[np.unsignedinteger], time_L: Rows) -> Ordered:
    """Return the order of events.

    Key and place are packed in one integer where they fit: user and time together, or else one
    after the other. Sorting such integers is many times as fast as a stable sort of two keys.
    """
    if not len(user_L):
        nothing = np.zeros(0, np.int64)
        return Ordered(nothing, nothing, nothing)
    first_user, first_time = int(user_L.min()), int(time_L.min())
    user_bits = (int(user_L.max()) - first_user).bit_length()
    time_bits = (int(time_L.max()) - first_time).bit_length()
    place_bits = (len(user_L) - 1).bit_length()
    if user_bits + time_bits + place_bits <= SIGNED_BITS:
        key_L = np.empty(len(user_L), np.int64)
        _pack(user_L, time_L, first_user, first_time, time_bits, place_bits, key_L)
        key_L.sort()
        user_sorted_L, time_sorted_L = np.empty_like(key_L), np.empty_like(key_L)
        _unpack(
            key_L, first_user, first_time, time_bits, place_bits, user_sorted_L, time_sorted_L
        )  # now the places alone
        return Ordered(key_L, user_sorted_L, time_sorted_L)
    if max(user_bits, time_bits) + place_bits > SIGNED_BITS:
        place_L = np.lexsort((time_L, user_L))
    else:
        by_time = _places(time_L - first_time, place_bits)
        user_key_L = np.take(user_L.astype(np.int64) - first_user, by_time)
        place_L = np.take(by_time, _places(user_key_L, place_bits))
    return Ordered(place_L, np.take(user_L, place_L).astype(np.int64), np.take(time_L, place_L))


def repeats_of(arrays: Mapping[str, Array], ordered: Ordered) -> npt.NDArray[np.bool_]:
    """Return which events equal an earlier one of the same user and time in every array.

    Args:
        arrays: the other arrays, in the order of ``ordered``.
        ordered: users and times.

    Hashes of some arrays are compared first, and rows in full where two meet.
    """
    repeated_L = np.zeros(len(ordered.user_L), np.bool_)
    is_near_L = np.zeros(len(repeated_L), np.bool_)
    _mark_near(ordered.user_L, ordered.time_L, is_near_L)
    place_B = np.flatnonzero(is_near_L)
    if not len(place_B):
        return repeated_L
    user_B, time_B = ordered.user_L, ordered.time_L
    if len(place_B) > MOST_ARE_NEAR * len(repeated_L):
        # To take most rows costs more than to hash all.
        place_B = np.arange(len(repeated_L))
    else:
        user_B, time_B = user_B[place_B], time_B[place_B]
        arrays = {name: take_rows(array, place_B) for name, array in arrays.items()}
    suspects = _suspects(user_B, time_B, arrays)
    if len(suspects):
        found = {name: _series(take_rows(array, suspects)) for name, array in arrays.items()}
        # No channel may have a dot in its name.
        frame = pl.DataFrame({".user": user_B[suspects], ".time": time_B[suspects], **found})
        rows = frame.select(pl.struct(pl.all()).is_first_distinct()).to_series()
        repeated_L[place_B[suspects]] = ~rows.to_numpy()
    return repeated_L


def _suspects(user_B: Rows, time_B: Rows, arrays: Mapping[str, Array]) -> Rows:
    """Return events that may be the same as another one: array after array, until they are few."""
    hash_B, is_suspect_B = np.full(len(user_B), 0, np.uint64), np.ones(len(user_B), np.bool_)
    for name in sorted(arrays, key=lambda name: _cost(arrays[name])):
        _mix(hash_B, bits_of(arrays[name]))
        is_suspect_B[:] = False
        _mark_suspects(user_B, time_B, hash_B, is_suspect_B)
        if is_suspect_B.sum() <= FEW * len(is_suspect_B):
            break
    return np.flatnonzero(is_suspect_B)


def _cost(array: Array) -> tuple[bool, bool, int]:
    """Return what to sort arrays by: codes of many values tell most events apart, and fast."""
    if not isinstance(array, np.ndarray):
        return True, True, 0
    return False, array.dtype.kind == "f", -array.itemsize


def bits_of(array: Array) -> npt.NDArray[np.unsignedinteger]:
    """Return a whole number for each value; equal ones for equal values: NaN is NaN and -0 is 0."""
    if not isinstance(array, np.ndarray):
        return cast("npt.NDArray[np.unsignedinteger]", _series(array).hash().to_numpy())
    if array.dtype.kind == "f":
        array = array + array.dtype.type(0)
        array[np.isnan(array)] = np.nan
    return array.view(f"u{array.itemsize}")


def _places(key_L: Rows, place_bits: int) -> Rows:
    """Return the stable order of small keys; ``key_L`` is used up."""
    key_L <<= place_bits
    key_L |= np.arange(len(key_L))
    key_L.sort()
    key_L &= (1 << place_bits) - 1
    return key_L


def _series(array: Array) -> pl.Series:
    if isinstance(array, np.ndarray):
        return pl.Series(array)
    return cast("pl.Series", pl.from_arrow(array))


def _compiled(function: Any) -> Any:  # noqa: ANN401 - numba has no types
    return njit(cache=True, nogil=True)(function)


@_compiled
def _pack(
    user_L: npt.NDArray[np.unsignedinteger],
    time_L: Rows,
    first_user: int,
    first_time: int,
    time_bits: int,
    place_bits: int,
    key_L: Rows,
) -> None:
    for place in range(len(key_L)):
        user, time = np.int64(user_L[place]) - first_user, time_L[place] - first_time
        key_L[place] = (((user << time_bits) | time) << place_bits) | place


@_compiled
def _unpack(
    key_L: Rows,
    first_user: int,
    first_time: int,
    time_bits: int,
    place_bits: int,
    user_L: Rows,
    time_L: Rows,
) -> None:
    """Fill in users and times, and leave places in ``key_L``."""
    for row in range(len(key_L)):
        key = key_L[row] >> place_bits
        key_L[row] &= (np.int64(1) << place_bits) - 1
        user_L[row] = (key >> time_bits) + first_user
        time_L[row] = (key & ((np.int64(1) << time_bits) - 1)) + first_time


@_compiled
def _mark_near(user_L: Rows, time_L: Rows, is_near_L: npt.NDArray[np.bool_]) -> None:
    """Mark events that stand beside one of the same user and time."""
    for row in range(1, len(user_L)):
        if user_L[row] == user_L[row - 1] and time_L[row] == time_L[row - 1]:
            is_near_L[row - 1] = True
            is_near_L[row] = True


@_compiled
def _mix(hash_L: npt.NDArray[np.uint64], bits_L: npt.NDArray[np.unsignedinteger]) -> None:
    for row in range(len(hash_L)):
        mixed = (hash_L[row] ^ np.uint64(bits_L[row])) * _ODD
        hash_L[row] = mixed ^ (mixed >> _HALF)


@_compiled
def _mark_suspects(
    user_L: Rows,
    time_L: Rows,
    hash_L: npt.NDArray[np.uint64],
    is_suspect_L: npt.NDArray[np.bool_],
) -> None:
    """Mark events of one user and time whose hash another one there has, or many are there."""
    mask = np.uint64(2 * MANY_AT_ONCE - 1)
    # Slots of earlier users and times count as empty.
    row_S = np.full(2 * MANY_AT_ONCE, -1, np.int64)
    start = 0
    for row in range(len(user_L)):
        if user_L[row] != user_L[start] or time_L[row] != time_L[start]:
            start = row
        if row - start >= MANY_AT_ONCE:
            if row - start == MANY_AT_ONCE:
                is_suspect_L[start:row] = True
            is_suspect_L[row] = True
            continue
        slot = hash_L[row] & mask
        while row_S[slot] >= start and hash_L[row_S[slot]] != hash_L[row]:
            slot = (slot + _ONE) & mask
        if row_S[slot] >= start:
            is_suspect_L[row_S[slot]] = True
            is_suspect_L[row] = True
        else:
            row_S[slot] = row
