"""Values into codes: provisional codes while reading, final ones when all values are known.

A value gets its provisional code when it is first met, and keeps it; a hash table of 64-bit keys
finds it again. Final codes follow the sorted values, so they depend on the values alone: not on the
order of rows, on chunks or on threads.

Shapes: L events, V distinct values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.data.hash_table import Codes, HashTable
from habitus.data.text_order import order_of_numbers, order_of_texts
from habitus.data.traces import Rows, code_dtype

WHOLE_NUMBERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
"""Types whose values are keys of a hash table themselves."""
PIECE = 2**16
"""Rows that are looked up at once: what that takes stays in the cache of a core."""
_OLDEST = pl.CompatLevel.oldest()


class Property(NamedTuple):
    """What values may be, such as written badly."""

    of_texts: Callable[[pl.Series], pl.Series]
    """Distinct texts in, which of them have it out."""
    of_numbers: bool = False
    """Whether the text of a whole number may have it."""


class Final(NamedTuple):
    """Final codes of a channel."""

    values: pa.Array
    """Sorted; row ``i`` has code ``i + 1``."""
    code_V1: npt.NDArray[np.unsignedinteger]
    """Final code of each provisional one, 0 for those left out; entry 0 is 0."""


class _Texts:
    """Texts and their provisional codes, from 1."""

    def __init__(self) -> None:
        self.values = pl.Series([], dtype=pl.String)
        self._table = HashTable()
        self._same_hash: dict[str, int] = {}
        """Codes of texts whose hash is that of another."""

    def restore(self, values: pl.Series) -> None:
        """Take values, in order of their codes; nulls have a code that nothing leads to."""
        self.values = values.fill_null("")
        code_V = (values.is_not_null().arg_true() + 1).to_numpy()
        texts = values.drop_nulls()
        taken_V = self._table.put(texts.hash().to_numpy(), code_V, len(values))
        for place in np.flatnonzero(taken_V):
            self._same_hash[texts[int(place)]] = int(code_V[place])

    def find(self, texts: pl.Series, code_L: Codes) -> None:
        """Write the code of each text."""
        pieces, new = list(pieces_of(texts, code_L)), []
        for piece, code_B in pieces:
            new.append(piece.gather(self._table.find(piece.hash().to_numpy(), code_B)))
        self._add(pl.concat([texts[:0], *new]))
        for piece, code_B in pieces:
            # As a series of its own: polars makes a larger type of an array.
            found_B = self.values.gather(pl.Series(code_B - np.uint32(1)))
            for row in () if found_B.equals(piece) else (found_B != piece).arg_true():
                code_B[row] = self._code_of_same_hash(piece[row])

    def _code_of_same_hash(self, text: str) -> int:
        if text not in self._same_hash:
            self._same_hash[text] = self._table.next_code()
            self._add(pl.Series([text]))
        return self._same_hash[text]

    def _add(self, values: pl.Series) -> None:
        if len(values):
            self.values = pl.concat([self.values, _compact(values)], rechunk=True)


class _Numbers:
    """Whole numbers and their provisional codes, from 1."""

    def __init__(self) -> None:
        self.value_V: Rows = np.zeros(0, np.int64)
        self._table = HashTable()

    def find(self, numbers: pl.Series, code_L: Codes) -> None:
        """Write the code of each number."""
        found = [self.value_V]
        for piece, code_B in pieces_of(numbers, code_L):
            value_B = piece.cast(pl.Int64).to_numpy()
            found.append(value_B[self._table.find(value_B.view(np.uint64), code_B)])
        self.value_V = np.concatenate(found)


class Dictionary:
    """The distinct values of one channel as text, growing while chunks are read.

    Args:
        properties: what rows are asked for by :meth:`hits`; each value is looked at once.
    """

    def __init__(self, properties: Mapping[str, Property] | None = None) -> None:
        self._properties = dict(properties or {})
        self._hit_V1 = {name: np.zeros(1, np.bool_) for name in self._properties}
        self._texts = _Texts()
        self._numbers: _Numbers | None = _Numbers()
        """While nothing but whole numbers was met."""
        self._used_V = np.zeros(0, np.bool_)

    @classmethod
    def of(cls, values: pl.Series) -> Self:
        """Return the dictionary whose :meth:`values` these are."""
        dictionary = cls()
        dictionary._numbers = None
        dictionary._texts.restore(values)
        dictionary._used_V = values.is_not_null().to_numpy()
        return dictionary

    @property
    def size(self) -> int:
        """How many values were met."""
        return len(self._used_V)

    def codes(self, series: pl.Series, out_L: Codes | None = None) -> Codes:
        """Return provisional codes ``(L)``: 0 where missing; same value, same code, always.

        Numbers and dates are their text; NaN is a missing value. ``out_L`` is filled where it is
        given: a thread that takes memory of its own again and again is slow.
        """
        code_L = np.empty(len(series), np.uint32) if out_L is None else out_L
        if series.dtype.is_float():
            series = series.fill_nan(None)
        elif isinstance(series.dtype, (pl.Categorical, pl.Enum)) or series.dtype == pl.Null:
            series = series.cast(pl.String)
        if series.null_count():
            present = series.drop_nulls()
            found_L = np.empty(len(present), np.uint32)
            self._find(present, found_L)
            code_L[:] = 0
            code_L[series.is_not_null().to_numpy()] = found_L
        else:
            self._find(series, code_L)
        self._look_at_new()
        return code_L

    def hits(self, name: str, code_L: Codes) -> npt.NDArray[np.bool_] | None:
        """Return which rows hold a value with the property; None where no value met has it."""
        hit_V1 = self._hit_V1.get(name)
        return np.take(hit_V1, code_L) if hit_V1 is not None and hit_V1.any() else None

    def use(self, code_L: Codes) -> None:
        """Say that rows with these codes are kept: only their values are in what comes of it."""
        used_V1 = np.zeros(self.size + 1, np.bool_)
        used_V1[code_L] = True
        self._used_V |= used_V1[1:]

    def use_all(self) -> None:
        """Say that every row so far is kept."""
        self._used_V[:] = True

    def is_all_used(self) -> bool:
        """Whether every value met is kept."""
        return bool(self._used_V.all())

    def values(self) -> pl.Series:
        """Return the values in order of their provisional codes, from 1; null where not used.

        Not a byte of what is not used is in it.
        """
        place_V = pl.Series(np.arange(self.size)).to_frame("place")
        wanted = place_V.select(pl.when(pl.Series(self._used_V)).then("place")).to_series()
        return _compact(self.texts_from(1).gather(wanted))

    def texts_from(self, code: int) -> pl.Series:
        """Return the values, used or not, whose provisional codes are ``code`` or more."""
        if self._numbers is not None:
            return pl.Series(self._numbers.value_V[code - 1 :]).cast(pl.String)
        return self._texts.values[code - 1 :]

    def finish(self) -> Final:
        """Return the sorted values that are used, and each provisional code's final one.

        The empty text is a missing value: code 0.
        """
        texts = self.texts_from(1)
        place_V = np.flatnonzero((texts != "").to_numpy() & self._used_V)
        texts = texts.gather(place_V)
        if self._numbers is not None:
            order = order_of_numbers(self._numbers.value_V[place_V], texts)
        else:
            order = order_of_texts(texts)
        code_V1 = np.zeros(self.size + 1, code_dtype(len(order)))
        code_V1[place_V[order] + 1] = np.arange(1, len(order) + 1)
        return Final(texts.gather(order).to_arrow().cast(pa.string()), code_V1)

    def _find(self, series: pl.Series, code_L: Codes) -> None:
        """Write the codes of values none of which is missing."""
        if self._numbers is not None:
            if series.dtype in WHOLE_NUMBERS:
                self._numbers.find(series, code_L)
                return
            # Numbers differ as texts, too, so each keeps its code.
            texts, self._numbers = self.texts_from(1), None
            self._texts.find(texts, np.empty(len(texts), np.uint32))
        if series.dtype == pl.String or series.dtype.is_integer():
            self._texts.find(series.cast(pl.String), code_L)
            return
        encoded = cast("pa.DictionaryArray", series.to_arrow().dictionary_encode())
        values = cast("pl.Series", pl.from_arrow(encoded.dictionary)).cast(pl.String)
        code_V = np.empty(len(values), np.uint32)
        self._texts.find(values, code_V)
        code_L[:] = np.take(code_V, encoded.indices.to_numpy())

    def _look_at_new(self) -> None:
        numbers = self._numbers
        size = len(self._texts.values) if numbers is None else len(numbers.value_V)
        if size == self.size:
            return
        for name, wanted in self._properties.items():
            hit_V = np.zeros(size - self.size, np.bool_)
            if numbers is None or wanted.of_numbers:
                new = self.texts_from(self.size + 1)
                hit_V = wanted.of_texts(new).fill_null(False).to_numpy()
            self._hit_V1[name] = np.concatenate([self._hit_V1[name], hit_V])
        self._used_V = np.concatenate([self._used_V, np.zeros(size - self.size, np.bool_)])


def pieces_of(series: pl.Series, code_L: Codes) -> Iterator[tuple[pl.Series, Codes]]:
    """Yield a series in pieces that are one chunk each, and the codes of each."""
    stop = 0
    for chunk in series.get_chunks():
        for first in range(0, len(chunk), PIECE):
            piece = chunk[first : first + PIECE]
            start, stop = stop, stop + len(piece)
            yield piece, code_L[start:stop]


def _compact(texts: pl.Series) -> pl.Series:
    """Return texts without the bytes of others: views keep all that they were taken from."""
    return cast("pl.Series", pl.from_arrow(texts.to_arrow(compat_level=_OLDEST)))
