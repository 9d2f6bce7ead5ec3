"""The second and third step of ingest: final codes and order of users, then events by bucket.

Shapes: U users, L events of a bucket, I items that occur, V provisional codes, K buckets.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.config import digest_of
from habitus.data.blocks import Array, Block, Blocks, take_rows
from habitus.data.buckets import Buckets, Partition, cut, final_block
from habitus.data.columns import ITEM_ID, TIME, USER_ID
from habitus.data.dictionary import Dictionary, Final, encode, finish
from habitus.data.events import ROW, USER
from habitus.data.finished_buckets import FinishedBuckets
from habitus.data.ingest_state import Torn, sizes_of
from habitus.data.mapping import EventsMapping
from habitus.data.order import order_of, repeats_of
from habitus.data.read_tables import MIB, Job, count_repeats
from habitus.data.reading import PARTITION
from habitus.data.traces import Column, Rows
from habitus.data.validate import parse_numbers
from habitus.data.writer import ColumnWriter, write_array, write_table

MEMORY_SHARE = 8
"""A bucket's arrays take this part of the memory at most: sorting needs several copies of them."""
BUCKET_BYTES = 32 * MIB
"""Arrays of this size are sorted and taken from twice as fast as ten times larger ones."""
MANY_BUCKETS = 256
"""More buckets are only made where memory demands them: each costs a write for each piece."""


class Users(NamedTuple):
    """All users in their final order."""

    final: Final
    count_U: Rows
    """Clean events of each."""


class Attribute(NamedTuple):
    """A channel that follows from the item: its value for each item's code."""

    value_I1: npt.NDArray[Any]
    values: pa.Array | None
    """The dictionary; None for a dense channel."""


@dataclass(frozen=True)
class Arrangement:
    """All that is known of the events once every row has been read."""

    mapping: EventsMapping
    users: Users
    finals: Mapping[str, Final]
    attributes: Mapping[str, Attribute]
    known_I1: npt.NDArray[np.bool_] | None
    """Which item codes are in the items table; None without one."""


class Written(NamedTuple):
    """What was written."""

    columns: tuple[Column, ...]
    num_events: int
    unknown_items: int
    digests: dict[str, str]


def arrange(
    mapping: EventsMapping,
    blocks: Blocks,
    dictionaries: Mapping[str, Dictionary],
    profiles: pl.DataFrame | None,
    items: pl.DataFrame | None,
) -> Arrangement:
    """Return final codes and the order of users: those with an event or a profile, by id."""
    finals = {name: d.finish() for name, d in dictionaries.items() if name != USER}
    attributes, known_I1 = {}, None
    if items is not None and ITEM_ID in finals:
        values = cast("pl.Series", pl.from_arrow(finals[ITEM_ID].values)).rename(ITEM_ID)
        known = values.is_in(items[ITEM_ID].implode()).to_numpy()
        known_I1 = np.concatenate([[True], known])
        rows = values.to_frame().join(items, on=ITEM_ID, how="left", maintain_order="left")
        for name in mapping.item_channels:
            series = rows[mapping.column_of(name)]
            attributes[name] = _attribute(series, dense=mapping.kind_of(name) == "dense")
    users = _users(blocks, dictionaries[USER], profiles)
    return Arrangement(mapping, users, finals, attributes, known_I1)


def write_events(job: Job, blocks: Blocks, plan: Arrangement) -> Written:
    """Write the events, their dictionaries, the users and the offsets."""
    columns, done = _columns(plan), FinishedBuckets(job, len(plan.users.count_U))
    dtypes = {TIME: "int64", **{c.name: c.dtype for c in columns}}
    texts = {c.name for c in columns if c.kind == "text"}
    writers = {n: done.writer(n, dtype, text=n in texts) for n, dtype in dtypes.items()}
    job.progress("sort events", done.num_read, blocks.num_events)
    for users, block in _buckets(job, blocks, plan, done.users):
        done.num_read += len(block[TIME])
        ordered = sort_bucket(block, drop_repeats=job.config.duplicates == "quarantine")
        count_repeats(job, ordered.repeated_rows, ordered.num_repeats)
        rows = np.take(cast(Rows, block.pop(USER)), ordered.order)
        first = int(rows[0])
        counts = np.bincount(rows - first)
        done.count_U[first : first + len(counts)] += counts
        done.unknown += _write_bucket(job, plan, block, ordered.order, writers)
        if blocks.on_disk:
            done.keep(users, writers.values())
        job.progress("sort events", done.num_read, blocks.num_events)
    digests = {k: v for writer in writers.values() for k, v in writer.close().items()}
    offsets_U1 = np.concatenate([[0], np.cumsum(done.count_U)])
    digests["offsets.npy"] = write_array(job.folder / "offsets.npy", offsets_U1)
    users = pa.table({USER_ID: plan.users.final.values})
    digests["users.parquet"] = write_table(job.folder / "users.parquet", users)
    for name, values in _dictionaries(plan).items():
        file = f"dictionaries/{name}.parquet"
        digests[file] = write_table(job.folder / file, pa.table({"value": values}))
    return Written(columns, int(offsets_U1[-1]), done.unknown, digests)


def num_buckets(num_bytes: int, memory: int) -> int:
    """Return how many buckets to cut arrays into, given their size and the memory to aim at.

    >>> num_buckets(320 * 2**20, 2**30), num_buckets(32 * 2**30, 2**30)
    (10, 256)
    """
    size = min(max(BUCKET_BYTES, num_bytes // MANY_BUCKETS), memory // MEMORY_SHARE)
    return min(2**16 - 1, -(-num_bytes // max(1, size)))


class Ordered(NamedTuple):
    """The order of a bucket's events."""

    order: Rows
    num_repeats: int
    repeated_rows: Rows | None
    """Numbers of the rows left out since they equal an earlier one; None where none is."""


def sort_bucket(block: Block, *, drop_repeats: bool) -> Ordered:
    """Return the order of a bucket: by user, time and arrival, without repeats if wanted."""
    row_L = block.pop(ROW, None)
    repeated_L = repeats_of(block)
    num_repeats = int(repeated_L.sum())
    order = order_of(block[USER], cast(Rows, block[TIME]))
    if not (drop_repeats and num_repeats):
        return Ordered(order, num_repeats, None)
    out = repeated_L[order]
    return Ordered(order[~out], num_repeats, np.take(cast(Rows, row_L), order[out]))


def _users(blocks: Blocks, dictionary: Dictionary, profiles: pl.DataFrame | None) -> Users:
    profile_V = np.zeros(0, np.uint32)
    if profiles is not None:
        profile_V = dictionary.codes(encode(profiles[USER_ID]))
    count_V1 = np.zeros(len(dictionary.values()) + 1, np.int64)
    for piece in blocks.scan(USER):
        count_V1 += np.bincount(piece, minlength=len(count_V1))
    used_V1 = count_V1 > 0
    used_V1[profile_V] = True
    final = dictionary.finish(used_V1[1:])
    count_U = np.zeros(len(final.values), np.int64)
    count_U[final.code_V1[used_V1].astype(np.int64) - 1] = count_V1[used_V1]
    return Users(final, count_U)


def _attribute(series: pl.Series, *, dense: bool) -> Attribute:
    if dense:
        numbers = parse_numbers(series.name, series)[0]
        return Attribute(np.concatenate([[np.nan], numbers]).astype(np.float32), None)
    encoded = encode(series)
    final = finish(encoded.values, (encoded.values != "").to_numpy())
    # Place -1, an item without the attribute, becomes provisional code 0.
    codes = np.take(final.code_V1, encoded.place_L + 1)
    return Attribute(np.concatenate([np.zeros(1, codes.dtype), codes]), final.values)


def _buckets(job: Job, blocks: Blocks, plan: Arrangement, done: int) -> Iterator[tuple[int, Block]]:
    """Yield the events of each range of users, with final codes, by arrival.

    With each comes the first user behind it. What lies within the first ``done`` users is left out.
    """
    finals = {USER: plan.users.final, **plan.finals}
    if not blocks.on_disk:
        names = list(blocks.names)
        taken = job.pool.map(lambda n: final_block({n: blocks.take(n)}, finals)[n], names)
        block: Block = dict(zip(names, taken, strict=True))
        block[USER] -= 1
        yield len(plan.users.count_U), block
        return
    wanted = job.config.buckets or num_buckets(blocks.num_bytes, job.memory)
    buckets = cut(plan.users.count_U, wanted)
    stop_K = buckets.first_K1[1:]
    left = np.flatnonzero((buckets.count_K > 0) & (stop_K > done))
    if not len(left):
        return
    partition = _partition(job, blocks, buckets, finals)
    for bucket in left:
        yield int(stop_K[bucket]), partition.read(int(bucket))
    # After an error other threads may still be writing: then the whole folder goes, later.
    partition.delete()


def _partition(
    job: Job, blocks: Blocks, buckets: Buckets, finals: Mapping[str, Final]
) -> Partition:
    """Return the events in their buckets: as an earlier run left them, or put there now."""
    folder, state = job.scratch / "buckets", job.state.values.get(PARTITION)
    if state is not None:
        if digest_of(sizes_of(folder)) != state["sizes"]:
            raise Torn(f"the buckets in {folder} are not whole")
        return Partition.restored(folder, buckets, state)
    # An earlier run may have been killed while it filled them.
    shutil.rmtree(folder, ignore_errors=True)
    partition = Partition(folder, buckets)
    partition.fill(blocks, finals, job.pool)
    job.state.save(**{PARTITION: {**partition.state(), "sizes": digest_of(sizes_of(folder))}})
    # Who has how many events is counted again by a run that resumes.
    blocks.delete(keep=USER)
    return partition


def _write_bucket(
    job: Job, plan: Arrangement, block: Block, order: Rows, writers: Mapping[str, ColumnWriter]
) -> int:
    """Append a bucket to all channels; return how many events have an unknown item."""

    def write(name: str) -> Array:
        array = take_rows(block.pop(name), order)
        writers[name].append(array)
        return array

    names = list(block)
    written = dict(zip(names, job.pool.map(write, names), strict=True))
    for name in plan.mapping.constants:
        writers[name].append(np.ones(len(order), np.uint8))
    for name, attribute in plan.attributes.items():
        writers[name].append(np.take(attribute.value_I1, written[ITEM_ID]))
    if plan.known_I1 is None:
        return 0
    return int((~np.take(plan.known_I1, written[ITEM_ID])).sum())


def _dictionaries(plan: Arrangement) -> dict[str, pa.Array]:
    """Return the values of every category and ID channel."""
    found = {name: final.values for name, final in plan.finals.items()}
    found |= {n: pa.array([value]) for n, value in plan.mapping.constants.items()}
    return found | {n: a.values for n, a in plan.attributes.items() if a.values is not None}


def _columns(plan: Arrangement) -> tuple[Column, ...]:
    """Return what the manifest says of each channel, by name."""
    values, found = _dictionaries(plan), []
    dtypes = {name: final.code_V1.dtype for name, final in plan.finals.items()}
    dtypes |= {name: a.value_I1.dtype for name, a in plan.attributes.items()}
    for name in plan.mapping.names:
        kind = plan.mapping.kind_of(name)
        default = {"dense": "float32", "text": "uint8"}.get(kind, "uint8")
        dtype = str(dtypes.get(name, default))
        size = len(values[name]) if name in values else 0
        found.append(Column(name=name, kind=kind, dtype=dtype, num_values=size))
    return tuple(found)
