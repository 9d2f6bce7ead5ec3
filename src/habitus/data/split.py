"""Cutoffs and user splits: the only code that may see the future.

Evaluation D1: users are parted by a hash of their id, so that nobody is in two parts and a new user
moves nobody; time is parted by global cutoffs with a label window after each.

Shapes: U users, L events.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.config import Config
from habitus.data.columns import TASK, TIME, USER_ID, VALUE
from habitus.data.snapshot import first_at_or_after, format_time, parse_time, ranges
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, GuardError, UsageError
from habitus.registry import did_you_mean

Part = Literal["train", "valid", "test"]
DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class UserSplit(Config):
    """Which share of the users goes to which part."""

    train: float = 0.6
    valid: float = 0.15
    test: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if (least := min(self.train, self.valid, self.test)) < 0:
            raise UsageError(f"shares of users must be 0 or more, got {least:g}")
        if abs(self.total - 1) > 1e-9:
            raise UsageError(f"train + valid + test must be 1, got {self.total:g}")

    @property
    def total(self) -> float:
        """Sum of the shares."""
        return self.train + self.valid + self.test

    def part_of(self, user_ids: pa.StringArray) -> npt.NDArray[np.int8]:
        """Return 0 (train), 1 (valid) or 2 (test) of each id; it depends on the id alone."""
        salt = f"{self.seed}\x1f".encode()
        digests = (
            hashlib.blake2b(salt + u.encode(), digest_size=8).digest() for u in user_ids.to_pylist()
        )
        uniform_U = np.frombuffer(b"".join(digests), "<u8") / 2.0**64
        return np.searchsorted(
            [self.train, self.train + self.valid], uniform_U, side="right"
        ).astype(np.int8)

    def rows(self, traces: Traces, part: Part) -> Rows:
        """Return the rows of the users of one part."""
        wanted = ("train", "valid", "test").index(part)
        return np.flatnonzero(self.part_of(traces.user_ids) == wanted).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Cutoffs(Config):
    """Rolling cutoffs on the first of each month, and the windows of labels after them.

    A training cutoff is one whose window ends by the test cutoff, so that no training label was
    still open when the test representations were made.
    """

    first: str
    """The earliest training cutoff, a date."""
    test: str
    """The cutoff of the test users."""
    horizon_days: int
    """Length of the window of labels after each cutoff."""

    def __post_init__(self) -> None:
        for text in (self.first, self.test):
            parse_time(text)

    @property
    def horizon(self) -> int:
        """Length of the window in seconds."""
        return self.horizon_days * DAY

    @property
    def test_time(self) -> int:
        """The test cutoff in seconds."""
        return parse_time(self.test)

    def train_times(self) -> list[int]:
        """Return the training cutoffs in seconds, ascending."""
        times = [
            t
            for t in _firsts_of_months(self.first, self.test)
            if t + self.horizon <= self.test_time
        ]
        if not times:
            raise UsageError(
                f"no monthly cutoff from {self.first} has a window of {self.horizon_days} days "
                f"that ends by {self.test}; start earlier or shorten the window"
            )
        return times


class Future:
    """What some users did in ``[cutoff, cutoff + horizon)``: given to tasks to make labels.

    Raises:
        GuardError: the window reaches past the end of the data, so its labels are not yet known.
        DataError: the time of the data is only an order.
    """

    def __init__(self, traces: Traces, cutoff: int, horizon: int, users: Rows) -> None:
        if traces.manifest.time_unit == "order":
            raise DataError("a window in days needs dated events; this data has only an order")
        end = traces.time_range[1] if traces.num_events else cutoff
        if cutoff + horizon > end + DAY:
            raise GuardError(
                f"the labels from {format_time(cutoff)} are not complete before "
                f"{format_time(cutoff + horizon)}, but the data ends {format_time(end)}; "
                f"choose an earlier cutoff or a shorter window"
            )
        self._traces = traces
        self.cutoff, self.horizon = cutoff, horizon
        self.users_U = users

    @property
    def num_users(self) -> int:
        """How many users are asked about."""
        return len(self.users_U)

    @cached_property
    def _bounds(self) -> tuple[Rows, Rows]:
        offsets_U1, time_L = self._traces.offsets_U1, self._traces.time_L
        start_U, stop_U = offsets_U1[self.users_U], offsets_U1[self.users_U + 1]
        begin_U = first_at_or_after(time_L, start_U, stop_U, self.cutoff)
        return begin_U, first_at_or_after(time_L, begin_U, stop_U, self.cutoff + self.horizon)

    @cached_property
    def num_events_U(self) -> Rows:
        """Events of each user inside the window."""
        begin_U, end_U = self._bounds
        return end_U - begin_U

    def seen_within(self, days: int) -> npt.NDArray[np.bool_]:
        """Return which users had an event in the last ``days`` before the cutoff, ``(U)``."""
        start_U = self._traces.offsets_U1[self.users_U]
        begin_U = self._bounds[0]
        since = self.cutoff - days * DAY
        return first_at_or_after(self._traces.time_L, start_U, begin_U, since) < begin_U

    @cached_property
    def _rows(self) -> tuple[Rows, Rows]:
        return ranges(self._bounds[0], self.num_events_U)

    @property
    def user_L(self) -> Rows:
        """Place in ``users_U`` of the user of each event inside the window."""
        return np.repeat(np.arange(self.num_users), self.num_events_U)

    def values(self, name: str) -> npt.NDArray[Any]:
        """Return a channel of the events inside the window, ``(L)``."""
        column = self._traces.time_L if name == TIME else self._traces.column(name)
        return column[self._rows[0]]

    def has_any(self, name: str, values: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Return which users have an event in the window whose channel holds one of ``values``."""
        hit_L = np.isin(self.values(name), self._traces.codes_of(name, values))
        return np.bincount(self.user_L[hit_L], minlength=self.num_users) > 0

    def labels(self, task: str) -> pa.Table:
        """Return the labels of ``task`` inside the window: ``place`` in ``users_U``, ``value``."""
        table = self._traces.table("labels")
        if table is None:
            raise DataError(f"task {task!r} needs a labels table, and this data has none")
        inside = pc.and_(
            pc.equal(table[TASK], task),
            pc.and_(
                pc.greater_equal(table[TIME], self.cutoff),
                pc.less(table[TIME], self.cutoff + self.horizon),
            ),
        )
        table = table.filter(inside)
        ids = self._traces.user_ids.take(pa.array(self.users_U))
        place = pc.index_in(table[USER_ID], value_set=ids)
        found = pa.table({"place": place, VALUE: table[VALUE]})
        return found.filter(pc.is_valid(found["place"]))

    def profile(self, attribute: str) -> pa.ChunkedArray:
        """Return an attribute of the profiles table for each user, ``(U)``; null where unknown.

        Profiles are undated: what they say is taken to hold at every cutoff.
        """
        return profile_of(self._traces, self.users_U, attribute)


def profile_of(traces: Traces, users_U: Rows, attribute: str) -> pa.ChunkedArray:
    """Return an attribute of the profiles table for each user, ``(U)``; null where unknown."""
    table = traces.table("profiles")
    if table is None:
        raise DataError(f"attribute {attribute!r} needs a profiles table; this data has none")
    if attribute not in table.column_names:
        raise DataError(
            f"the profiles have no attribute {attribute!r}; "
            f"{did_you_mean(attribute, table.column_names)}"
        )
    ids = traces.user_ids.take(pa.array(users_U))
    return table[attribute].take(pc.index_in(ids, value_set=table[USER_ID].combine_chunks()))


def parts_by_profile(traces: Traces, attribute: str) -> npt.NDArray[np.int8]:
    """Return 0, 1 or 2 for train, valid and test of each user, ``(U)``, as the source split them.

    Whoever has another value, or no profile, is of no held-out part, and so trained on.
    """
    value_U = profile_of(traces, np.arange(traces.num_users), attribute).cast(pa.string())
    part_U = np.zeros(traces.num_users, np.int8)
    for place, name in enumerate(("valid", "test"), 1):
        part_U[pc.fill_null(pc.equal(value_U, name), False).to_numpy()] = place
    return part_U


def _firsts_of_months(first: str, last: str) -> list[int]:
    begin, end = parse_time(first), parse_time(last)
    moment = dt.datetime.fromtimestamp(begin, dt.UTC).date().replace(day=1)
    times: list[int] = []
    while (instant := parse_time(moment.isoformat())) <= end:
        if instant >= begin:
            times.append(instant)
        moment = (moment.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    return times
