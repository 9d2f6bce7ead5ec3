"""Values into codes: provisional codes while reading, final ones when all values are known.

A chunk is encoded by itself (:func:`encode`), its few distinct values then meet those of earlier
chunks in a :class:`Dictionary`. Final codes follow the sorted values, so they depend on the values
alone: not on the order of rows, on chunks or on threads.

Shapes: L events, V distinct values.
"""

from __future__ import annotations

from typing import NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.data.traces import code_dtype

Codes = npt.NDArray[np.uint32]


class Encoded(NamedTuple):
    """A column of a chunk, by its distinct values."""

    place_L: npt.NDArray[np.int32]
    """Place in ``values``; -1 where the value is missing."""
    values: pl.Series
    """Distinct values as text, in order of appearance; NaN and null are not among them."""

    def filter(self, keep_L: npt.NDArray[np.bool_]) -> Encoded:
        """Return some rows, and of the values only those that still occur."""
        place_L = self.place_L[keep_L]
        used_V1 = np.zeros(len(self.values) + 1, np.bool_)
        used_V1[place_L] = True
        new_V1 = np.cumsum(used_V1, dtype=np.int32) - 1
        new_V1[-1] = -1
        return Encoded(np.take(new_V1, place_L), self.values.filter(pl.Series(used_V1[:-1])))


def encode(series: pl.Series) -> Encoded:
    """Return a column by its distinct values; numbers and dates become text."""
    if series.dtype.is_float():
        series = series.fill_nan(None)
    elif isinstance(series.dtype, (pl.Categorical, pl.Enum)) or series.dtype == pl.Null:
        series = series.cast(pl.String)
    if series.dtype == pl.String and (found := _encode_texts(series)) is not None:
        return found
    place_L, values = _distinct(series)
    return Encoded(place_L, values.cast(pl.String))


def _distinct(series: pl.Series) -> tuple[npt.NDArray[np.int32], pl.Series]:
    """Return the place of each value among the distinct ones, -1 where missing, and these."""
    encoded = cast("pa.DictionaryArray", series.to_arrow().dictionary_encode())
    places = encoded.indices.fill_null(-1) if encoded.indices.null_count else encoded.indices
    return places.to_numpy(), cast("pl.Series", pl.from_arrow(encoded.dictionary))


def _encode_texts(series: pl.Series) -> Encoded | None:
    """Encode texts by their hashes, three times as fast; None where two texts share a hash."""
    texts = series.drop_nulls()
    place_L, hash_V = _distinct(texts.hash())
    # Written backwards, so that the first place of a value is the one that stays.
    first_V = np.empty(len(hash_V), np.int64)
    first_V[place_L[::-1]] = np.arange(len(place_L))[::-1]
    values = texts.gather(first_V)
    if not (values.gather(place_L) == texts).all():
        return None
    if len(texts) < len(series):
        every_L = np.full(len(series), -1, np.int32)
        every_L[series.is_not_null().to_numpy()] = place_L
        place_L = every_L
    return Encoded(place_L, values)


class Dictionary:
    """The distinct values of one channel, growing while chunks are read."""

    def __init__(self) -> None:
        self._categories = pl.Categories.random()
        # polars forgets categories that no series has any more.
        self._anchor = pl.Series([], dtype=pl.Categorical(self._categories))
        self._size = 0
        self._new: list[pl.Series] = []

    def codes(self, encoded: Encoded) -> Codes:
        """Return provisional codes ``(L)``: 0 where missing; same value, same code, always."""
        physical_V = encoded.values.cast(self._anchor.dtype).to_physical().to_numpy()
        new = np.flatnonzero(physical_V >= self._size)
        self._new.append(encoded.values.gather(new[np.argsort(physical_V[new])]))
        self._size += len(new)
        code_V1 = np.zeros(len(physical_V) + 1, np.uint32)
        # Place -1, a missing value, reads the last entry, which stays 0.
        code_V1[:-1] = physical_V + 1
        return cast(Codes, np.take(code_V1, encoded.place_L))

    @classmethod
    def of(cls, values: pl.Series) -> Self:
        """Return the dictionary that has these values: as met before, in this order."""
        dictionary = cls()
        place_V = np.arange(len(values), dtype=np.int32)
        code_V = dictionary.codes(Encoded(place_V, values))
        assert (code_V == place_V + 1).all()
        return dictionary

    def values(self) -> pl.Series:
        """Return the values in order of their provisional codes, from 1."""
        return pl.concat(self._new) if self._new else pl.Series([], dtype=pl.String)

    def finish(self, used_V: npt.NDArray[np.bool_] | None = None) -> Final:
        """Return the sorted values that are used, and each provisional code's final one.

        The empty text is a missing value: code 0.
        """
        values = self.values()
        wanted_V = (values != "").to_numpy()
        if used_V is not None:
            wanted_V &= used_V
        return finish(values, wanted_V)


class Final(NamedTuple):
    """Final codes of a channel."""

    values: pa.Array
    """Sorted; row ``i`` has code ``i + 1``."""
    code_V1: npt.NDArray[np.unsignedinteger]
    """Final code of each provisional one, 0 for those left out; entry 0 is 0."""


def finish(values: pl.Series, wanted_V: npt.NDArray[np.bool_]) -> Final:
    """Return final codes of distinct values: their rank among the wanted ones, from 1."""
    order = values.arg_sort().to_numpy()
    order = order[wanted_V[order]]
    code_V1 = np.zeros(len(values) + 1, code_dtype(len(order)))
    code_V1[order + 1] = np.arange(1, len(order) + 1)
    return Final(values.gather(order).to_arrow().cast(pa.string()), code_V1)
