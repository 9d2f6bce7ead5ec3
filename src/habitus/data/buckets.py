"""Buckets: ranges of users whose events fit in memory together.

Ranges are chosen by the ids that were met so far, so that events can be put together while they are
read; who is met later finds a range, too.

Shapes: U users, L events, V provisional codes of users, K buckets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from habitus.data.dictionary import Dictionary
from habitus.data.text_order import order_of_texts
from habitus.data.traces import Rows

MIB = 2**20
MEMORY_SHARE = 8
"""A bucket's arrays take this part of the memory at most: sorting needs several copies of them."""
BUCKET_BYTES = 32 * MIB
"""Arrays of this size are sorted and taken from twice as fast as ten times larger ones."""
MANY_BUCKETS = 256
"""More buckets are only made where memory demands them: each costs a read for each chunk."""
MOST_BUCKETS = 2**16 - 1


class Buckets(NamedTuple):
    """Users cut into ranges."""

    first_K1: Rows
    """First user row of each bucket, and the number of users at the end."""
    count_K: Rows
    """Events of each bucket."""


class UserRanges:
    """Ranges of user ids.

    Args:
        bounds: the first id of every range but the first, ascending.
    """

    def __init__(self, bounds: pl.Series) -> None:
        self.bounds = bounds
        self._bucket_V1 = np.zeros(1, np.uint16)

    @property
    def num(self) -> int:
        """How many ranges there are; some may turn out to be empty."""
        return len(self.bounds) + 1

    def of_codes(self, users: Dictionary) -> npt.NDArray[np.uint16]:
        """Return the range of each user met so far, by provisional code; entry 0 means nothing."""
        new = users.texts_from(len(self._bucket_V1))
        if len(new):
            found = self.bounds.search_sorted(new, side="right").to_numpy()
            self._bucket_V1 = np.concatenate([self._bucket_V1, found.astype(np.uint16)])
        return self._bucket_V1


def choose_ranges(users: Dictionary, count_V1: Rows, wanted: int) -> UserRanges:
    """Return ranges with about as many of the events so far each, ``wanted`` of them at most."""
    is_met_V = count_V1[1:] > 0
    ids = users.texts_from(1).filter(pl.Series(is_met_V))
    order = order_of_texts(ids)
    first_K1 = cut(count_V1[1:][is_met_V][order], wanted).first_K1
    return UserRanges(ids.gather(order[first_K1[1:-1]]))


def cut(count_U: Rows, num_buckets: int) -> Buckets:
    """Return at most ``num_buckets`` ranges of users with about as many events each.

    >>> cut(np.array([5, 1, 1, 1, 2]), 2).first_K1.tolist()
    [0, 1, 5]
    """
    end_U = np.cumsum(count_U)
    goals = end_U[-1] * np.arange(1, num_buckets) / num_buckets
    inner = np.searchsorted(end_U, goals) + 1
    first_K1 = np.unique(np.concatenate([[0], inner, [len(count_U)]])).astype(np.int64)
    end_U1 = np.concatenate([[0], end_U])
    return Buckets(first_K1, np.diff(end_U1[first_K1]))


def num_buckets(num_bytes: int, memory: int) -> int:
    """Return how many buckets to cut arrays into, given their size and the memory to aim at.

    >>> num_buckets(320 * 2**20, 2**30), num_buckets(32 * 2**30, 2**30)
    (10, 512)
    """
    # Half of what a bucket may be: ranges that are chosen early turn out uneven.
    most = memory // (2 * MEMORY_SHARE)
    size = min(max(BUCKET_BYTES, num_bytes // MANY_BUCKETS), most)
    return min(MOST_BUCKETS, -(-num_bytes // max(1, size)))
