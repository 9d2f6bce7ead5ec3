"""Which users' text is read together: as much as fits in memory, however many users there are.

Shapes: U users of a snapshot, B users of one bucket, L events.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from habitus.data.columns import ITEM_ID
from habitus.data.posts import Documents
from habitus.data.snapshot import Snapshot, ranges
from habitus.data.traces import Rows

_EVENTS_AT_ONCE = 2**18
"""Events whose length is looked up at once."""


def cut_snapshot(
    snapshot: Snapshot, documents: Documents, bytes_at_once: int
) -> Iterator[Snapshot]:
    """Yield the users of a snapshot in its order, as many at a time as have so much text.

    A user who alone has more is alone; a snapshot without users is yielded once, as it is.

    Args:
        snapshot: whose users.
        documents: their texts.
        bytes_at_once: UTF-8 bytes before the cutoff that a bucket may have.
    """
    spans = _cut(snapshot.lengths_U, _EVENTS_AT_ONCE)
    sizes = [_bytes_of(snapshot, documents, first, stop) for first, stop in spans]
    size_U = np.concatenate(sizes) if sizes else np.zeros(0, np.int64)
    for first, stop in _cut(size_U, bytes_at_once) if len(size_U) else [(0, 0)]:
        yield Snapshot(snapshot.traces, snapshot.as_of, snapshot.users_U[first:stop])


def _cut(size_U: Rows, most: int) -> Iterator[tuple[int, int]]:
    """Yield first and stop of users who together have at most so much, or are alone."""
    end_U = np.cumsum(size_U)
    first, done = 0, 0
    while first < len(size_U):
        stop = max(first + 1, int(np.searchsorted(end_U, done + most, side="right")))
        yield first, stop
        first, done = stop, int(end_U[stop - 1])


def _bytes_of(snapshot: Snapshot, documents: Documents, first: int, stop: int) -> Rows:
    """Return the bytes of text of some users, ``(B)``."""
    row_L, offsets_B1 = ranges(snapshot.start_U[first:stop], snapshot.lengths_U[first:stop])
    if documents.of_items:
        row_L = snapshot.values(ITEM_ID, row_L).astype(np.int64)
    before_L1 = np.zeros(len(row_L) + 1, np.int64)
    np.cumsum(documents.num_bytes(row_L), out=before_L1[1:])
    return np.diff(before_L1[offsets_B1])
