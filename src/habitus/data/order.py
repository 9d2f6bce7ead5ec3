"""The order of events, and which of them are the same: by user, then time, then arrival.

Shapes: L events of a bucket.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from habitus.data.blocks import Array
from habitus.data.traces import Rows

SIGNED_BITS = 63
"""Bits of an int64 besides its sign."""


def order_of(user_L: npt.NDArray[np.unsignedinteger], time_L: Rows) -> Rows:
    """Return the places of events by user, then time, then arrival.

    Key and place are packed in one integer where they fit: user and time together, or else one
    after the other. Sorting such integers is many times as fast as a stable sort of two keys.
    """
    if not len(user_L):
        return np.zeros(0, np.int64)
    first_user, first_time = int(user_L.min()), int(time_L.min())
    user_bits = (int(user_L.max()) - first_user).bit_length()
    time_bits = (int(time_L.max()) - first_time).bit_length()
    place_bits = (len(user_L) - 1).bit_length()
    if max(user_bits, time_bits) + place_bits > SIGNED_BITS:
        return np.lexsort((time_L, user_L))
    user_key_L, time_key_L = user_L.astype(np.int64) - first_user, time_L - first_time
    if user_bits + time_bits + place_bits <= SIGNED_BITS:
        return _places((user_key_L << time_bits) | time_key_L, place_bits)
    by_time = _places(time_key_L, place_bits)
    return np.take(by_time, _places(np.take(user_key_L, by_time), place_bits))


def repeats_of(arrays: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    """Return which events equal an earlier one in every array.

    Rows are compared in full only where their hashes meet.
    """
    frame = pl.DataFrame({name: _series(array) for name, array in arrays.items()})
    hash_L = frame.hash_rows().to_numpy()
    sorted_L = np.sort(hash_L)
    repeated_L = np.zeros(len(hash_L), np.bool_)
    if not (twice_L := sorted_L[1:] == sorted_L[:-1]).any():
        return repeated_L
    places = np.flatnonzero(np.isin(hash_L, sorted_L[1:][twice_L]))
    rows = frame[places].select(pl.struct(pl.all()).is_first_distinct()).to_series()
    repeated_L[places] = ~rows.to_numpy()
    return repeated_L


def _places(key_L: Rows, place_bits: int) -> Rows:
    """Return the stable order of small keys; ``key_L`` is used up."""
    key_L <<= place_bits
    key_L |= np.arange(len(key_L))
    key_L.sort()
    return cast(Rows, key_L & ((1 << place_bits) - 1))


def _series(array: Array) -> pl.Series:
    if isinstance(array, np.ndarray):
        return pl.Series(array)
    return cast("pl.Series", pl.from_arrow(array))
