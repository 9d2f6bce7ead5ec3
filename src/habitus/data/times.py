"""Times of any kind into seconds since 1970 UTC, or into positions.

Each value is read by itself: what one row means never depends on the others. Whole numbers count
seconds, or milli-, micro- or nanoseconds where they are too large for seconds (1e11 s is the year
5138, 1e11 ms is 1973).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from habitus.data.columns import TimeUnit
from habitus.errors import DataError, UsageError

_PLAIN = "%Y-%m-%d %H:%M:%S%.f"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d+)?"
_USUAL = (
    (rf"^\d{{4}}-\d\d-\d\d {_CLOCK}$", _PLAIN),
    (rf"^\d{{4}}-\d\d-\d\dT{_CLOCK}$", "%Y-%m-%dT%H:%M:%S%.f"),
    (rf"^\d{{4}}-\d\d-\d\dT{_CLOCK}(?:Z|[+-]\d\d:?\d\d)$", "%Y-%m-%dT%H:%M:%S%.f%#z"),
    (r"^\d{4}-\d\d-\d\d$", "%Y-%m-%d"),
)
"""Shapes and patterns; a pattern alone would read 2020-1-5 too."""
_SAMPLE = 100
_ISO = (
    r"^\s*(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d))?(:\d\d)?((?:\.\d+)?)\s*"
    r"(Z|z|[+-]\d\d(?::?\d\d)?)?\s*$"
)
_STEPS = (
    (10**17, 10**9, "nanoseconds"),
    (10**14, 10**6, "microseconds"),
    (10**11, 1000, "milliseconds"),
)


@dataclass(frozen=True)
class TimeFormat:
    """How times are written."""

    unit: TimeUnit = "second"
    pattern: str | None = None
    """As of ``strftime``; None to read ISO text, dates and numbers."""


def check_time_type(dtype: pl.DataType, form: TimeFormat, column: str, source: str) -> None:
    """Refuse columns whose type cannot hold times.

    Raises:
        DataError: lists, times of day, durations, dates where positions are wanted …
        UsageError: a pattern that cannot be used.
    """
    if form.pattern is not None:
        _check_pattern(form.pattern)
    dated = dtype in (pl.Date, pl.Datetime) and form.unit == "second"
    if dated or dtype.is_numeric() or dtype in (pl.String, pl.Null):
        return
    wanted = "whole numbers" if form.unit == "order" else "dates, ISO text or seconds since 1970"
    raise DataError(f"{source}: column {column!r} holds {dtype}, but times must be {wanted}")


def parse_times(series: pl.Series, form: TimeFormat) -> pl.Series:
    """Return int64 times; null where missing or unreadable."""
    dtype = series.dtype
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _seconds(series)
    if dtype == pl.String and form.pattern is not None:
        return _by_pattern(series, form.pattern)
    if dtype == pl.String and form.unit == "second":
        return _from_text(series)
    return _from_numbers(series, form.unit)


def scale_notice(series: pl.Series) -> str | None:
    """Return what the numbers too large for seconds were read as; None where there are none."""
    if series.dtype == pl.String:
        if not (series.drop_nulls().head(1).str.contains(r"^\s*\d+\s*$")).any():
            return None
        series = series.str.strip_chars().cast(pl.Int64, strict=False)
    largest = series.max() if series.dtype.is_numeric() else None
    if not isinstance(largest, (int, float)):
        return None
    return next((name for limit, _, name in _STEPS if largest >= limit), None)


def _seconds(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Date:
        return series.cast(pl.Int64) * 86_400
    per_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[series.dtype.time_unit]  # type: ignore[attr-defined]
    return series.to_physical() // per_second


def _from_numbers(series: pl.Series, unit: TimeUnit) -> pl.Series:
    whole = _whole(series, unit)
    if unit == "second":
        for limit, divisor, _ in _STEPS:
            large = (whole.abs() >= limit).fill_null(False)
            if large.any():
                whole = whole.zip_with(~large, whole // divisor)
    return whole


def _whole(series: pl.Series, unit: TimeUnit) -> pl.Series:
    """Return whole numbers; a fraction of a second is dropped, one of a position is no number."""
    if series.dtype.is_integer():
        return series.cast(pl.Int64, strict=False)
    numbers = series.str.strip_chars() if series.dtype == pl.String else series
    decimal = numbers.cast(pl.Float64, strict=False)
    usable = decimal.is_finite()
    if unit == "order":
        usable = usable & (decimal == decimal.floor())
    floored = decimal.set(~usable.fill_null(False), None).floor().cast(pl.Int64, strict=False)
    if series.dtype != pl.String:
        return floored
    return numbers.cast(pl.Int64, strict=False).fill_null(floored)


def _from_text(series: pl.Series) -> pl.Series:
    """Read what is written in the usual ways at once; the rest by :func:`_from_any`, slowly.

    Every way reads a text as :func:`_from_any` does, so it does not matter which is tried.
    """
    seconds = pl.repeat(None, len(series), dtype=pl.Int64, eager=True)
    places = series.is_not_null().arg_true()
    for shape, pattern in _USUAL:
        left = series.gather(places)
        if left.head(_SAMPLE).str.contains(shape).any():
            hit = left.str.contains(shape)
            seconds = seconds.scatter(places.filter(hit), _by_pattern(left.filter(hit), pattern))
            places = places.filter(~hit)
    if _numbers_in_text(series.gather(places.head(_SAMPLE))).is_not_null().any():
        found = _numbers_in_text(series.gather(places))
        seconds = seconds.scatter(places, found)
        places = places.filter(found.is_null())
    return seconds.scatter(places, _from_any(series.gather(places))) if len(places) else seconds


def _numbers_in_text(series: pl.Series) -> pl.Series:
    return _from_numbers(series, "second")


def _from_any(series: pl.Series) -> pl.Series:
    """Read ISO text with or without zone, time of day and seconds, else whole numbers."""
    piece = pl.col("t").str.extract
    clock = piece(_ISO, 2)
    # ISO has no fraction or second without a minute, and no zone without a time of day.
    whole = clock.is_not_null() | (piece(_ISO, 3).is_null() & piece(_ISO, 5).is_null())
    zone = piece(_ISO, 5).str.to_uppercase().str.replace("Z", "+00:00", literal=True)
    text = pl.concat_str(
        piece(_ISO, 1),
        pl.lit(" "),
        clock.fill_null("00:00"),
        piece(_ISO, 3).fill_null(":00"),
        piece(_ISO, 4),
    )
    moments = series.to_frame("t").select(
        pl.when(whole & zone.is_null()).then(text).alias("plain"),
        pl.when(whole).then(text + zone).alias("zoned"),
    )
    plain = moments["plain"].str.to_datetime(_PLAIN, strict=False, time_unit="us")
    zoned = moments["zoned"].str.to_datetime(_PLAIN + "%#z", strict=False, time_unit="us")
    return _seconds(plain).fill_null(_seconds(zoned)).fill_null(_numbers_in_text(series))


def _by_pattern(series: pl.Series, pattern: str) -> pl.Series:
    return _seconds(series.str.to_datetime(pattern, strict=False, time_unit="us"))


def _check_pattern(pattern: str) -> None:
    """Refuse a pattern by which no date can be written and read back."""
    moment = dt.datetime(2020, 10, 30, 17, 45, tzinfo=dt.UTC)
    try:
        text = pl.Series([moment]).dt.strftime(pattern)
        found = text.str.to_datetime(pattern, strict=True).dt.date().item()
    except pl.exceptions.PolarsError:
        found = None
    if found != moment.date():
        raise UsageError(
            f"time_format {pattern!r} cannot be used; write date and time of day as strftime does, "
            f"such as '%d.%m.%Y %H:%M'"
        )
