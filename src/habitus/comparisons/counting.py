"""What can be counted of a history, one feature at a time; every loop is over features, not users.

Shapes: U users, L events, M events inside a window, G gaps, K top values, P (user, value) pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.data.columns import TIME
from habitus.data.snapshot import END_OF_TIME, Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Rows

Floats = npt.NDArray[np.float64]
Feature = tuple[str, Floats]
"""A name, and a value for each user."""
Features = Iterator[Feature]
Mask = npt.NDArray[np.bool_]
Masks = dict[str, Mask]
"""Window → which events lie in it."""
HOUR_BINS = 8
NEVER_DAYS = 3650.0
"""What "days since" is for a user without events: the same whoever else is asked about."""


@dataclass(frozen=True)
class History:
    """The packed events of a snapshot."""

    snapshot: Snapshot
    rows_L: Rows
    user_L: Rows
    """Place of the user of each event in the snapshot."""
    age_L: Floats
    """Days from the event to the cutoff; zeros where time is only an order."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> History:
        """Return all events of the snapshot."""
        rows_L, offsets_U1 = snapshot.latest()
        user_L = np.repeat(np.arange(snapshot.num_users), np.diff(offsets_U1))
        if snapshot.traces.manifest.time_unit == "order":
            return cls(snapshot, rows_L, user_L, np.zeros(len(rows_L)))
        # a snapshot of everything must not make every event infinitely old
        as_of = snapshot.as_of
        if as_of == END_OF_TIME:
            as_of = int(snapshot.traces.time_L.max(initial=0)) + 1
        return cls(snapshot, rows_L, user_L, (as_of - snapshot.values(TIME, rows_L)) / DAY)

    @property
    def dated(self) -> bool:
        """True where ages mean something."""
        return self.snapshot.traces.manifest.time_unit == "second"

    def values(self, name: str) -> npt.NDArray[Any]:
        """Return a channel of the events, ``(L)``."""
        return self.snapshot.values(name, self.rows_L)

    def count(self, mask_L: Mask) -> Floats:
        """Return how many of the masked events each user has, ``(U)``."""
        return np.bincount(self.user_L[mask_L], minlength=self.snapshot.num_users).astype(float)

    def sum(self, value_L: Floats, mask_L: Mask) -> Floats:
        """Return the sum of a value over the masked events of each user, ``(U)``."""
        sum_U = np.bincount(self.user_L[mask_L], value_L[mask_L], self.snapshot.num_users)
        return sum_U.astype(float)


def windows(history: History, days: tuple[int, ...]) -> Masks:
    """Return which events lie in each window: all of history, and the last days."""
    masks = {"all": np.ones(len(history.user_L), bool)}
    if history.dated:
        masks |= {f"{day}d": history.age_L <= day for day in days}
    return masks


def rhythm(history: History, days: tuple[int, ...]) -> Features:
    """Yield recency, tenure, and the gaps between visits: events at different moments."""
    num_users = history.snapshot.num_users
    user_L, age_L = history.user_L, history.age_L
    last_U, first_U = np.full(num_users, NEVER_DAYS), np.full(num_users, NEVER_DAYS)
    # events ascend in time, and the last of repeated assignments holds
    last_U[user_L], first_U[user_L[::-1]] = age_L, age_L[::-1]
    yield "days_since_last", last_U
    yield "days_since_first", first_U

    visit_L = (np.diff(user_L, prepend=-1) != 0) | (np.diff(age_L, prepend=-1) != 0)
    visits_U = history.count(visit_L)
    yield "visits", np.log1p(visits_U)
    yield "visits_per_week", 7 * visits_U / np.maximum(first_U, 7)
    for day in days:
        yield f"visits.{day}d", np.log1p(history.count(visit_L & (age_L <= day)))

    inside_G = np.diff(user_L[visit_L]) == 0
    gap_G, user_G = -np.diff(age_L[visit_L])[inside_G], user_L[visit_L][1:][inside_G]
    num_U = np.maximum(np.bincount(user_G, minlength=num_users), 1)
    mean_U = np.bincount(user_G, gap_G, num_users) / num_U
    yield "gap_mean", mean_U
    square_G = (gap_G - mean_U[user_G]) ** 2
    yield "gap_std", np.sqrt(np.bincount(user_G, square_G, num_users) / num_U)
    yield "gaps_since_last", np.log1p(last_U / np.maximum(mean_U, 1))


def calendar(history: History) -> Features:
    """Yield shares of events by time of day and day of the week (UTC)."""
    time_L = history.values(TIME)
    total_U = np.maximum(np.bincount(history.user_L, minlength=history.snapshot.num_users), 1)
    hour_L = time_L % DAY // (DAY // HOUR_BINS)
    # 1970-01-01 was a Thursday: + 3 makes Monday 0
    weekday_L = (time_L // DAY + 3) % 7
    for name, bin_L, size in (("hours", hour_L, HOUR_BINS), ("weekday", weekday_L, 7)):
        for b in range(size):
            yield f"{name}.{b}", history.count(bin_L == b) / total_U


def amounts(history: History, name: str, masks: Masks) -> Features:
    """Yield sum and mean of a dense channel, in each window."""
    value_L = history.values(name).astype(float)
    known_L = np.isfinite(value_L)
    for window, mask_L in masks.items():
        use_L = mask_L & known_L
        sum_U, num_U = history.sum(value_L, use_L), np.maximum(history.count(use_L), 1)
        yield f"{name}.sum.{window}", np.sign(sum_U) * np.log1p(np.abs(sum_U))
        yield f"{name}.mean.{window}", sum_U / num_U


def variety(history: History, name: str, masks: Masks) -> Features:
    """Yield distinct values of a channel, and the entropy of how they are used."""
    num_users = history.snapshot.num_users
    code_L = history.values(name).astype(np.int32)
    for window in [w for w in ("all", "90d") if w in masks]:
        use_L = masks[window] & (code_L > 0)  # a missing value is no value
        user_P, times_P = _pairs(history.user_L[use_L], code_L[use_L])
        total_U = np.maximum(np.bincount(user_P, times_P, num_users), 1)
        share_P = times_P / total_U[user_P]
        entropy_U = -np.bincount(user_P, share_P * np.log(share_P), num_users).astype(float)
        yield f"{name}.distinct.{window}", np.log1p(np.bincount(user_P, minlength=num_users))
        yield f"{name}.entropy.{window}", entropy_U


def top_values(history: History, name: str, codes_K: Rows, masks: Masks, recent: int) -> Features:
    """Yield how often each of the top values occurs; the first ``recent`` also of late."""
    num_users, width = history.snapshot.num_users, len(codes_K) + 1
    column_of = np.zeros(history.snapshot.traces.columns[name].num_values + 1, np.int64)
    column_of[codes_K] = np.arange(1, width)
    cell_L = history.user_L * width + column_of[history.values(name)]
    for window in [w for w in ("all", "90d") if w in masks]:
        cell_M = cell_L[masks[window]]
        count_UK = np.bincount(cell_M, minlength=num_users * width).reshape(num_users, width)
        for k, code in enumerate(codes_K if window == "all" else codes_K[:recent], start=1):
            yield f"{name}.{code}.{window}", np.log1p(count_UK[:, k])


def _pairs(user_L: Rows, code_L: npt.NDArray[Any]) -> tuple[Rows, Rows]:
    """Return each (user, value) that occurs, as its user and how often."""
    width = int(code_L.max(initial=0)) + 1
    fits = (int(user_L.max(initial=0)) + 1) * width < 2**31
    # half as wide, twice as fast to sort
    key_L = np.sort(user_L.astype(np.int32 if fits else np.int64) * width + code_L)
    start_P = np.flatnonzero(np.append(True, key_L[1:] != key_L[:-1])[: len(key_L)])
    return key_L[start_P].astype(np.int64) // width, np.diff(start_P, append=len(key_L))


def widest_values(history: History, name: str, size: int) -> Rows:
    """Return the codes that most users have, most first; ties go to the lower code."""
    width = history.snapshot.traces.columns[name].num_values + 1
    key_P = np.unique(history.user_L * width + history.values(name))
    users_V = np.bincount(key_P % width, minlength=width)
    users_V[0] = 0  # missing is no value
    order_V = np.argsort(-users_V, kind="stable")[:size]
    return order_V[users_V[order_V] > 0].astype(np.int64)
