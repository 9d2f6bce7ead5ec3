"""When the events of a table happened: range, gaps, events and users a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitus.data.believed import Believed, far_times
from habitus.data.snapshot import format_time, parse_time
from habitus.data.split import DAY
from habitus.data.times import TimeFormat, parse_times

LONG_AGO: Final = parse_time("1980-01-01")
"""Earlier times are more often a wrong unit than true."""
BARS: Final = "▁▂▃▄▅▆▇█"
BINS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Course:
    """A number over the days of the data, first to last."""

    first: float
    median: float
    last: float
    bars: str
    """A line of small bars, from the smallest to the largest mean of a stretch of days."""


@dataclass(frozen=True, kw_only=True)
class TimeReport:
    """When events happened; days are UTC."""

    column: str
    first: str
    last: str
    unreadable: int
    """Rows that hold something that is no time."""
    future: int
    """Rows later than the latest time that can be."""
    early: int
    """Rows earlier than the earliest time that is believed."""
    days: int
    """Days from the first to the last, both included."""
    empty_days: int
    """Days among them without an event."""
    largest_gap_days: float
    """The longest stretch between two events that follow each other."""
    gap_from: str
    gap_to: str
    far: tuple[str, ...]
    """What is told of events that lie very far from the rest, a sentence a side."""
    events_per_day: Course
    users_per_day: Course | None
    """None where it is not known who did it."""


def report_times(
    raw: pl.Series, users: pl.Series | None, form: TimeFormat, believed: Believed
) -> TimeReport | None:
    """Return when events happened; None where there is an order only, or no time that is known.

    Args:
        raw: the column of times as it stands in the source.
        users: who did it; None where that is not known.
        form: how times are written.
        believed: other seconds are counted, and left out.
    """
    if form.unit == "order":
        return None
    if not (raw.dtype.is_numeric() or raw.dtype in (pl.String, pl.Date, pl.Datetime)):
        return None
    seconds = parse_times(raw, form)
    late = (seconds > believed.latest).fill_null(False)
    early = pl.repeat(False, len(seconds), eager=True)
    if believed.earliest is not None:
        early = (seconds < believed.earliest).fill_null(False)
    good = seconds.is_not_null() & ~late & ~early
    who = users if users is not None else pl.zeros(len(raw), eager=True)
    events = pl.DataFrame({"time": seconds, "user": who}).filter(good)
    if events.is_empty():
        return None
    time_L = events["time"].sort().to_numpy()
    gap_L = np.diff(time_L)
    widest = int(gap_L.argmax()) if len(gap_L) else 0
    after = min(widest + 1, len(time_L) - 1)
    events_D, users_D = _daily(events)
    return TimeReport(
        column=raw.name,
        first=format_time(int(time_L[0])),
        last=format_time(int(time_L[-1])),
        unreadable=_unreadable(raw, seconds),
        future=int(late.sum()),
        early=int(early.sum()),
        days=len(events_D),
        empty_days=int((events_D == 0).sum()),
        largest_gap_days=float(time_L[after] - time_L[widest]) / DAY,
        gap_from=format_time(int(time_L[widest])),
        gap_to=format_time(int(time_L[after])),
        far=far_times(time_L),
        events_per_day=_course(events_D),
        users_per_day=_course(users_D) if users is not None else None,
    )


def _daily(events: pl.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return events and users of each day from the first to the last."""
    daily = (
        events.group_by(day=pl.col("time") // DAY)
        .agg(events=pl.len(), users=pl.col("user").n_unique())
        .sort("day")
    )
    day = daily["day"].to_numpy()
    events_D, users_D = np.zeros((2, day[-1] - day[0] + 1))
    events_D[day - day[0]] = daily["events"].to_numpy()
    users_D[day - day[0]] = daily["users"].to_numpy()
    return events_D, users_D


def _course(values_D: npt.NDArray[np.float64]) -> Course:
    return Course(
        first=float(values_D[0]),
        median=float(np.median(values_D)),
        last=float(values_D[-1]),
        bars=bars(values_D),
    )


def _unreadable(raw: pl.Series, seconds: pl.Series) -> int:
    present = raw.is_not_null()
    if raw.dtype == pl.String:
        present &= raw.str.strip_chars() != ""
    return int((present & seconds.is_null()).sum())


def time_warnings(times: TimeReport) -> Iterator[str]:
    """Yield what a reader should look at, a sentence each."""
    if times.unreadable:
        yield f"{times.unreadable:,} times in {times.column!r} cannot be read"
    if times.future:
        yield f"{times.future:,} times in {times.column!r} are in the future"
    if times.early:
        yield f"{times.early:,} times in {times.column!r} are before the earliest time"
    yield from times.far
    if parse_time(times.first) < LONG_AGO:
        yield f"the first event is of {times.first}: is that the unit of {times.column!r}?"
    if times.empty_days:
        yield (
            f"{times.empty_days:,} of {times.days:,} days have no event; the largest gap is "
            f"{times.largest_gap_days:.1f} days, from {times.gap_from} to {times.gap_to}"
        )


def bars(values: npt.NDArray[np.float64]) -> str:
    """Return a line of small bars, one for each stretch of days.

    >>> bars(np.array([0.0, 1.0, 2.0, 3.0]))
    '▁▃▆█'
    """
    if not len(values):
        return ""
    parts = np.array([p.mean() for p in np.array_split(values, min(BINS, len(values)))])
    spread = float(np.ptp(parts))
    height = (parts - parts.min()) / spread if spread else np.zeros(len(parts))
    return "".join(BARS[round(h * (len(BARS) - 1))] for h in height.tolist())
