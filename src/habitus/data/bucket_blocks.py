"""The events of each range of users with final codes, one range after the other.

Shapes: U users, L events of a bucket, V provisional codes of users, K buckets.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, cast

import numpy as np

from habitus.data.blocks import Array, Block, concat
from habitus.data.buckets import MEMORY_SHARE, Buckets, cut, num_buckets
from habitus.data.dictionary import Dictionary, Final
from habitus.data.event_store import EventStore
from habitus.data.events import USER
from habitus.data.hash_table import Codes, places_by_bucket
from habitus.data.read_tables import RELEASED, Job
from habitus.data.spill import Spill
from habitus.data.traces import Rows

SPLIT = "split"
"""Folder of the parts of a bucket that turned out too large."""


class Users(NamedTuple):
    """All users in their final order, in buckets."""

    final: Final
    count_U: Rows
    """Clean events of each."""
    first_K1: Rows
    """First user row of each bucket, and the number of users at the end."""


def users_of(store: EventStore, dictionary: Dictionary) -> Users:
    """Return the users that are used, in the order of their ids."""
    final = dictionary.finish()
    row_V = final.code_V1.astype(np.int64) - 1
    is_user_V = row_V >= 0
    count_U = np.zeros(len(final.values), np.int64)
    count_U[row_V[is_user_V]] = store.count_V1()[is_user_V]
    if store.ranges is None:
        return Users(final, count_U, np.array([0, len(count_U)]))
    bucket_U = np.zeros(len(count_U), np.uint16)
    bucket_U[row_V[is_user_V]] = store.ranges.of_codes(dictionary)[is_user_V]
    return Users(final, count_U, np.searchsorted(bucket_U, np.arange(store.ranges.num + 1)))


def bucket_blocks(
    job: Job, store: EventStore, users: Users, finals: Mapping[str, Final], done: int
) -> Iterator[tuple[int, Block]]:
    """Yield the events of each range of users, with final codes, by arrival.

    With each comes the first user behind it. What lies within the first ``done`` users is left out.
    """
    every = {USER: users.final, **finals}
    if store.spill is None:
        yield len(users.count_U), final_block(store.take(), every, job.pool)
        return
    count_K = store.spill.count_R
    for place in np.flatnonzero((count_K > 0) & (users.first_K1[1:] > done)):
        # What comes before is written, and told to be.
        _release(job, store.spill, int(place))
        parts = _parts(job, store, users, int(place))
        if len(parts.count_K) == 1:
            block = final_block([store.spill.read(int(place), job.pool)], every, job.pool)
            yield int(users.first_K1[place + 1]), block
        else:
            yield from _split(job, store.spill, users, every, int(place), parts, done)
    _release(job, store.spill, len(count_K))


def _release(job: Job, spill: Spill, place: int) -> None:
    """Remove files of finished ranges; the next run must know that they are not torn."""
    if groups := spill.finished_groups(place):
        job.state.save(**{RELEASED: [*job.state.values.get(RELEASED, []), *groups]})
        spill.release(groups)


def final_block(blocks: Sequence[Block], finals: Mapping[str, Final], pool: Executor) -> Block:
    """Return blocks as one with final codes, and user rows in place of provisional users.

    The blocks are used up.
    """
    names, num_rows = list(blocks[0]), sum(len(block[USER]) for block in blocks)
    # Taken here and not in the threads of the pool; see take_all.
    out = {
        name: np.empty(num_rows, finals[name].code_V1.dtype if name in finals else array.dtype)
        for name, array in blocks[0].items()
        if isinstance(array, np.ndarray) and (name in finals or len(blocks) > 1)
    }

    def one(name: str) -> Array:
        arrays = [block.pop(name) for block in blocks]
        if name not in out:
            return concat(arrays)
        stop = 0
        for array in arrays:
            start, stop = stop, stop + len(array)
            if name in finals:
                np.take(finals[name].code_V1, array, out=out[name][start:stop], mode="clip")
            else:
                out[name][start:stop] = array
        if name == USER:
            # The dictionary's codes start at 1; rows at 0.
            out[name] -= 1
        return out[name]

    return dict(zip(names, pool.map(one, names), strict=True))


def _parts(job: Job, store: EventStore, users: Users, place: int) -> Buckets:
    """Return what to cut a bucket into: itself, unless memory is too small for it.

    Ranges are chosen when a part of the users is known, so one may turn out far too large, as where
    a source is sorted by user.
    """
    first, stop = users.first_K1[place : place + 2]
    count_U = users.count_U[first:stop]
    num_bytes = int(count_U.sum()) * store.num_bytes // store.num_events
    wanted = 1
    if job.config.buckets is None and num_bytes > job.memory // MEMORY_SHARE:
        wanted = num_buckets(num_bytes, job.memory)
    parts = cut(count_U, wanted)
    return Buckets(parts.first_K1 + first, parts.count_K)


def _split(
    job: Job,
    spill: Spill,
    users: Users,
    finals: Mapping[str, Final],
    place: int,
    parts: Buckets,
    done: int,
) -> Iterator[tuple[int, Block]]:
    folder = job.scratch / SPLIT
    # An earlier run may have been killed while it filled it.
    shutil.rmtree(folder, ignore_errors=True)
    code_V1 = users.final.code_V1.astype(np.int64)
    part_V1 = np.searchsorted(parts.first_K1[1:-1], code_V1 - 1, side="right").astype(np.uint16)
    smaller = Spill(folder, len(parts.count_K))
    for piece in spill.pieces(place, job.pool):
        codes = cast(Codes, piece[USER])
        place_L, count_K = places_by_bucket(part_V1, codes, len(parts.count_K))
        smaller.append(piece, place_L, count_K, job.pool)
    for part in np.flatnonzero((parts.count_K > 0) & (parts.first_K1[1:] > done)):
        block = final_block([smaller.read(int(part), job.pool)], finals, job.pool)
        yield int(parts.first_K1[part + 1]), block
    shutil.rmtree(folder, ignore_errors=True)
