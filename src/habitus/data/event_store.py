"""All encoded events: in memory in order of arrival, or on disk by users when they grow large.

Shapes: L events, V provisional codes of users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import polars as pl

from habitus.data.blocks import Block
from habitus.data.buckets import UserRanges, choose_ranges
from habitus.data.dictionary import Dictionary
from habitus.data.events import USER
from habitus.data.hash_table import Codes, count_into, places_by_bucket
from habitus.data.ingest_state import Torn
from habitus.data.spill import Spill
from habitus.data.traces import Rows

COUNTS = "user_counts.npy"


class EventStore:
    """The clean events of a source, as they come.

    Args:
        folder: where the files go, if there have to be any.
        limit: bytes to hold in memory; above it everything goes to disk.
        users: the dictionary of :data:`USER`.
        num_ranges: how many ranges of users to make on disk, given the bytes held so far.
        pool: writes arrays side by side.
    """

    def __init__(
        self,
        folder: Path,
        limit: int,
        users: Dictionary,
        num_ranges: Callable[[int], int],
        pool: Executor,
    ) -> None:
        self.num_events = 0
        self.num_bytes = 0
        """What all arrays take in memory."""
        self.spill: Spill | None = None
        self.ranges: UserRanges | None = None
        self._folder, self._limit, self._users = folder, limit, users
        self._num_ranges, self._pool = num_ranges, pool
        self._held: list[Block] = []
        self._count_V1 = np.zeros(1, np.int64)

    def count_V1(self) -> Rows:
        """Return how many events each user has, by provisional code."""
        missing = self._users.size + 1 - len(self._count_V1)
        if missing:
            self._count_V1 = np.concatenate([self._count_V1, np.zeros(missing, np.int64)])
        return self._count_V1

    def append(self, block: Block) -> None:
        """Add the events of one chunk."""
        codes = cast(Codes, block[USER])
        if not len(codes):
            return
        count_into(self.count_V1(), codes)
        self.num_events += len(codes)
        self.num_bytes += sum(array.nbytes for array in block.values())
        self._held.append(block)
        if self.spill is not None or self.num_bytes > self._limit:
            self._write_held()

    def take(self) -> list[Block]:
        """Return all chunks, and let go of them; only while in memory."""
        assert self.spill is None
        held, self._held = self._held, []
        return held

    def state(self) -> dict[str, Any]:
        """Write down what :meth:`restored` needs besides the files; only of what is on disk."""
        assert self.spill is not None
        assert self.ranges is not None
        self.spill.save()
        np.save(self._folder / COUNTS, self._count_V1, allow_pickle=False)
        counts = {"num_events": self.num_events, "num_bytes": self.num_bytes}
        return {**counts, "bounds": self.ranges.bounds.to_list()}

    @classmethod
    def restored(
        cls,
        folder: Path,
        state: Mapping[str, Any],
        released: Sequence[int],
        users: Dictionary,
        pool: Executor,
    ) -> Self:
        """Return the events that another run left on disk; see :meth:`Spill.restored`.

        Raises:
            Torn: they are not there.
        """
        store = cls(folder, 0, users, lambda _: 1, pool)
        store.num_events, store.num_bytes = state["num_events"], state["num_bytes"]
        store.spill = Spill.restored(folder, released)
        store.ranges = UserRanges(pl.Series(state["bounds"], dtype=pl.String))
        try:
            store._count_V1 = np.load(folder / COUNTS, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise Torn(f"{folder / COUNTS} cannot be read: {error}") from error
        return store

    def _write_held(self) -> None:
        if self.spill is None or self.ranges is None:
            wanted = self._num_ranges(self.num_bytes)
            self.ranges = choose_ranges(self._users, self.count_V1(), wanted)
            self.spill = Spill(self._folder, self.ranges.num)
        bucket_V1 = self.ranges.of_codes(self._users)
        held, self._held = self._held, []
        for block in held:
            place_L, count_K = places_by_bucket(
                bucket_V1, cast(Codes, block[USER]), self.ranges.num
            )
            self.spill.append(block, place_L, count_K, self._pool)
