"""What makes a value bad; columns in, clean arrays and problems out, all vectorised.

Shapes: L rows of a chunk, V distinct values.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from habitus.data.columns import TimeUnit
from habitus.data.dictionary import Dictionary, Property
from habitus.data.hash_table import Codes
from habitus.data.sources import REPLACEMENT
from habitus.errors import DataError

MISSING: Final = "missing"
EMPTY: Final = "empty text"
FLOAT_ID: Final = "an id written as a decimal number"
MARKER_ID: Final = "a word for a missing value"
NOT_UTF8: Final = "bytes that are not UTF-8"
NOT_A_NUMBER: Final = "not a number"
INFINITE: Final = "infinite or too large"
NOT_A_TIME: Final = "not a time"
FUTURE: Final = "in the future"
EARLY: Final = "before the earliest time"
DUPLICATE: Final = "same as an earlier row"
UNKNOWN_USER: Final = "a user without events or profile"
SELF_FOLLOW: Final = "follows itself"
DOUBLED: Final = "id stands in an earlier row"
OPTED_OUT: Final = "opted out"
"""No reason of a problem: of who opted out nothing is told."""

SOFT: Final = frozenset({DUPLICATE, UNKNOWN_USER, SELF_FOLLOW})
"""Reasons that leave a row out without saying that the source is damaged: they stop no run."""

DECIMAL_ID: Final = r"^[+-]?\d+\.\d*$"
MARKERS: Final = ("nan", "none", "null", "n/a", "<na>", "nat")
_LONGEST = 200


class Problem(NamedTuple):
    """Some bad values of one column, for one reason."""

    column: str
    places: npt.NDArray[np.int64]
    """Places in the chunk, ascending."""
    values: pl.Series
    """The values as text; null where missing."""
    reason: str


def problem(column: str, series: pl.Series, bad_L: npt.NDArray[np.bool_], reason: str) -> Problem:
    """Return the problem of the rows where ``bad_L``, long values cut."""
    places = np.flatnonzero(bad_L)
    values = series.gather(places).cast(pl.String, strict=False).str.slice(0, _LONGEST)
    return Problem(column, places, values, reason)


def check_id_type(dtype: pl.DataType, column: str, source: str) -> None:
    """Refuse columns whose type cannot hold ids.

    Raises:
        DataError: floats (which is what integers with gaps become in pandas), dates, lists …
    """
    if dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return
    hint = "; pandas makes floats of integers with gaps: use astype('Int64') or text there"
    raise DataError(
        f"{source}: column {column!r} holds {dtype}, but ids must be text or integers"
        f"{hint if dtype.is_float() else ''}"
    )


def check_value_type(dtype: pl.DataType, column: str, source: str) -> None:
    """Refuse columns that hold no single values.

    Raises:
        DataError: lists, structs, bytes or Python objects.
    """
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{source}: column {column!r} holds {dtype}; a channel needs one text, number or date "
            f"a row: choose another column or split it"
        )


def id_properties(*, required: bool, opt_out: pl.Series | None = None) -> dict[str, Property]:
    """Return what makes an id bad, by reason, and under :data:`OPTED_OUT` who opted out.

    Whole numbers are ids whatever they are: as text they pass all of it.
    """
    found = {
        FLOAT_ID: Property(lambda texts: texts.str.contains(DECIMAL_ID)),
        MARKER_ID: Property(lambda texts: texts.str.to_lowercase().is_in(MARKERS)),
    }
    if required:
        found[EMPTY] = Property(lambda texts: texts.str.strip_chars() == "")
    if opt_out is not None and len(opt_out):
        found[OPTED_OUT] = Property(lambda texts: texts.is_in(opt_out.implode()), of_numbers=True)
    return found


def id_problems(
    column: str, series: pl.Series, code_L: Codes, dictionary: Dictionary, *, required: bool
) -> list[Problem]:
    """Return rows whose id is of the wrong kind, or missing although ``required``.

    Args:
        column: name in the source.
        series: its values.
        code_L: their codes in ``dictionary``, which was made with :func:`id_properties`.
        dictionary: the values met.
        required: whether a missing id is bad.
    """
    found = []
    if required and not code_L.all():
        found.append(problem(column, series, code_L == 0, MISSING))
    for reason in (FLOAT_ID, MARKER_ID, *((EMPTY,) if required else ())):
        bad_L = dictionary.hits(reason, code_L)
        if bad_L is not None and bad_L.any():
            found.append(problem(column, series, bad_L, reason))
    return found


def parse_numbers(
    column: str,
    series: pl.Series,
    dtype: npt.DTypeLike = np.float32,
    out_L: npt.NDArray[np.floating] | None = None,
) -> tuple[npt.NDArray[np.floating], list[Problem]]:
    """Return numbers, NaN where missing, and what is no number or too large for ``dtype``.

    They are written to ``out_L`` where it is given.
    """
    if series.dtype == pl.String:
        raw = series.str.strip_chars()
        series = pl.select(pl.when(raw != "").then(raw)).to_series()
    # Through float64 whatever the source holds, so that the same number from any source is equal.
    wide = series if series.dtype.is_float() else series.cast(pl.Float64, strict=False)
    narrow_L = np.empty(len(wide), dtype) if out_L is None else out_L
    stop, is_clean = 0, True
    with np.errstate(over="ignore"):
        for chunk in wide.get_chunks():
            start, stop = stop, stop + len(chunk)
            # A missing number is NaN in numpy.
            narrow_L[start:stop] = chunk.to_numpy()
            is_clean &= bool(np.isfinite(narrow_L[start:stop]).all())
    if is_clean:
        return narrow_L, []
    found = []
    unread_L = (wide.is_null() & series.is_not_null()).to_numpy()
    if unread_L.any():
        found.append(problem(column, series, unread_L, NOT_A_NUMBER))
    if (infinite_L := np.isinf(narrow_L)).any():
        found.append(problem(column, series, infinite_L, INFINITE))
    return narrow_L, found


def utf8_problems(frame: pl.DataFrame) -> list[Problem]:
    """Return the values that held bytes which are not UTF-8, in a source known to have some."""
    found = []
    for series in frame.iter_columns():
        if series.dtype == pl.String:
            bad_L = series.str.contains(REPLACEMENT, literal=True).fill_null(False).to_numpy()
            if bad_L.any():
                found.append(problem(series.name, series, bad_L, NOT_UTF8))
    return found


def time_problems(
    column: str,
    series: pl.Series,
    time: pl.Series,
    *,
    unit: TimeUnit,
    latest: int,
    earliest: int | None = None,
    required: bool = True,
) -> list[Problem]:
    """Return times that are missing, unreadable, later than ``latest`` or before ``earliest``."""
    found = []
    if time.null_count():
        missing_L = series.is_null()
        if series.dtype == pl.String:
            missing_L = missing_L | (series.str.strip_chars() == "").fill_null(False)
        elif series.dtype.is_float():
            missing_L = missing_L | series.is_nan().fill_null(False)
        unread_L = (time.is_null() & ~missing_L).to_numpy()
        if required and missing_L.any():
            found.append(problem(column, series, missing_L.to_numpy(), MISSING))
        if unread_L.any():
            found.append(problem(column, series, unread_L, NOT_A_TIME))
    if unit == "second":
        late_L = (time > latest).fill_null(False)
        if late_L.any():
            found.append(problem(column, series, late_L.to_numpy(), FUTURE))
        if earliest is not None and (early_L := (time < earliest).fill_null(False)).any():
            found.append(problem(column, series, early_L.to_numpy(), EARLY))
    return found
