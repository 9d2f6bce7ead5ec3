"""Snapshot: what was known of some users at an instant; the only door to data below the data layer.

Evaluation D1: an encoder reads events before the cutoff and nothing else.

Shapes: U users of this snapshot, L events.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.columns import TIME, USER_ID, TableName
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, UsageError

END_OF_TIME = np.iinfo(np.int64).max


class Snapshot:
    """Users' events before ``as_of``.

    Args:
        traces: what the users left.
        as_of: the cutoff. Events at or after it do not exist here. Seconds since 1970 UTC, a date
            such as ``"2017-10-01"``, or None for all events. With ordinal time, the number of last
            events of each user to leave out.
        users: rows of ``traces``, any order, no row twice; None for all.

    Raises:
        UsageError: a user row that does not exist or stands twice, or a time that cannot be read.
    """

    def __init__(
        self, traces: Traces, as_of: int | str | None = None, users: Rows | None = None
    ) -> None:
        self.traces = traces
        self.as_of = parse_as_of(as_of, traces)
        self.users_U = _check_users(traces, users)

    @property
    def num_users(self) -> int:
        """How many users are asked about; some may have no event yet."""
        return len(self.users_U)

    @cached_property
    def start_U(self) -> Rows:
        """Row of each user's first event."""
        return self.traces.offsets_U1[self.users_U]

    @cached_property
    def stop_U(self) -> Rows:
        """Row after each user's last event before the cutoff."""
        end_U = self.traces.offsets_U1[self.users_U + 1]
        if self.traces.manifest.time_unit == "order":
            return np.maximum(self.start_U, end_U - self.as_of)
        return first_at_or_after(self.traces.time_L, self.start_U, end_U, self.as_of)

    @cached_property
    def lengths_U(self) -> Rows:
        """How many events each user has before the cutoff."""
        return self.stop_U - self.start_U

    @property
    def user_ids(self) -> pa.StringArray:
        """The ids outside, in the order of ``users_U``."""
        return self.traces.user_ids.take(pa.array(self.users_U))

    def latest(self, max_events: int | None = None) -> tuple[Rows, Rows]:
        """Return rows of each user's latest events, packed, and offsets ``(U + 1)``."""
        length_U = self.lengths_U
        if max_events is not None:
            length_U = np.minimum(length_U, max_events)
        return ranges(self.stop_U - length_U, length_U)

    def values(self, name: str, rows_L: Rows) -> npt.NDArray[Any]:
        """Return a channel, or ``"time"``, at rows that :meth:`latest` gave."""
        column = self.traces.time_L if name == TIME else self.traces.column(name)
        return column[rows_L]

    def table(self, name: TableName) -> pa.Table | None:
        """Return a side table as known at the cutoff, rows of these users only where it has users.

        Labels and dated follows at or after the cutoff are left out; undated rows are kept.
        """
        table = self.traces.table(name)
        if table is None or USER_ID not in table.column_names:
            return table
        table = table.filter(pc.is_in(table[USER_ID], value_set=self.user_ids))
        if TIME in table.column_names and self.traces.manifest.time_unit == "second":
            known = pc.less(table[TIME], self.as_of)
            table = table.filter(pc.fill_null(known, True))
        return table

    def __repr__(self) -> str:
        return f"Snapshot({self.traces!r}, as_of={self.as_of}, {self.num_users} users)"


def parse_as_of(as_of: int | str | None, traces: Traces) -> int:
    """Return a cutoff in the unit of the traces.

    Raises:
        DataError: a cutoff before the first event, where nobody has any history.
    """
    if traces.manifest.time_unit == "order":
        if as_of is not None and (not isinstance(as_of, int) or as_of < 0):
            raise UsageError(
                f"time here is an order: as_of must be the number of last events to leave out, "
                f"0 or more, got {as_of!r}"
            )
        return as_of or 0
    if as_of is None:
        return END_OF_TIME
    seconds = parse_time(as_of) if isinstance(as_of, str) else int(as_of)
    if traces.num_events and seconds <= traces.time_range[0]:
        first = format_time(traces.time_range[0])
        raise DataError(
            f"the cutoff {format_time(seconds)} is not after the first event, {first}: nobody has "
            f"a history; choose a later cutoff"
        )
    return seconds


def parse_time(text: str) -> int:
    """Return seconds since 1970 of an ISO date or time; without a zone it is UTC.

    >>> parse_time("1970-01-02")
    86400
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no date: write 2017-10-01 or 2017-10-01T12:00") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return math.floor(moment.timestamp())


def format_time(seconds: int) -> str:
    """Return an ISO date, with the time of day where there is one.

    >>> format_time(86400), format_time(86401)
    ('1970-01-02', '1970-01-02T00:00:01')
    """
    if seconds == END_OF_TIME:
        return "the end"
    text = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None).isoformat()
    return text.removesuffix("T00:00:00")


def ranges(start_B: Rows, length_B: Rows) -> tuple[Rows, Rows]:
    """Return the concatenated ranges ``start … start + length``, and offsets ``(B + 1)``.

    >>> ranges(np.array([5, 9]), np.array([2, 1]))[0].tolist()
    [5, 6, 9]
    """
    offsets_B1 = np.zeros(len(start_B) + 1, np.int64)
    np.cumsum(length_B, out=offsets_B1[1:])
    rows = np.arange(offsets_B1[-1], dtype=np.int64)
    return rows + np.repeat(start_B - offsets_B1[:-1], length_B), offsets_B1


def first_at_or_after(time_L: Rows, start_U: Rows, stop_U: Rows, instant: int | Rows) -> Rows:
    """Return, per user, the first row in ``start … stop`` whose time is ``instant`` or later.

    ``instant`` is one for all users, or one each.

    One vectorised binary search over all users.
    """
    low_U, high_U = start_U.copy(), stop_U.copy()
    while (searching_U := low_U < high_U).any():
        middle_U = (low_U + high_U) // 2
        early_U = time_L[np.where(searching_U, middle_U, 0)] < instant
        low_U = np.where(searching_U & early_U, middle_U + 1, low_U)
        high_U = np.where(searching_U & ~early_U, middle_U, high_U)
    return low_U


def _check_users(traces: Traces, users: Rows | None) -> Rows:
    if users is None:
        return np.arange(traces.num_users, dtype=np.int64)
    users_U = np.asarray(users, np.int64)
    if len(users_U) and not (users_U.min() >= 0 and users_U.max() < traces.num_users):
        raise UsageError(
            f"user rows must be in [0, {traces.num_users}), got {users_U.min()} to {users_U.max()}"
        )
    if len(np.unique(users_U)) != len(users_U):
        raise UsageError("a user row stands twice: give each user once")
    return users_U
