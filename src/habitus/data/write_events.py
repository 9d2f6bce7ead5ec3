"""The second and third step of ingest: final codes and order of users, then events by bucket.

Shapes: U users, L events of a bucket, I items that occur, V provisional codes, K buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.data.blocks import Block, take_all
from habitus.data.bucket_blocks import Users, bucket_blocks, users_of
from habitus.data.columns import ITEM_ID, TIME, USER_ID
from habitus.data.dictionary import Dictionary, Final
from habitus.data.event_store import EventStore
from habitus.data.events import ROW, USER
from habitus.data.finished_buckets import FinishedBuckets
from habitus.data.hash_table import Codes, count_into
from habitus.data.mapping import EventsMapping
from habitus.data.order import order_events, repeats_of
from habitus.data.read_tables import Job, count_repeats
from habitus.data.traces import Column, Rows
from habitus.data.validate import parse_numbers
from habitus.data.writer import ColumnWriter, write_array, write_table

Mask: TypeAlias = npt.NDArray[np.bool_]


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
    store: EventStore,
    dictionaries: Mapping[str, Dictionary],
    profiles: pl.DataFrame | None,
    items: pl.DataFrame | None,
    pool: Executor,
) -> Arrangement:
    """Return final codes and the order of users: those with an event or a profile, by id."""
    names = [name for name in dictionaries if name != USER]
    found = pool.map(lambda name: dictionaries[name].finish(), names)
    finals = dict(zip(names, found, strict=True))
    attributes, known_I1 = {}, None
    if items is not None and ITEM_ID in finals:
        values = cast("pl.Series", pl.from_arrow(finals[ITEM_ID].values)).rename(ITEM_ID)
        known = values.is_in(items[ITEM_ID].implode()).to_numpy()
        known_I1 = np.concatenate([[True], known])
        rows = values.to_frame().join(items, on=ITEM_ID, how="left", maintain_order="left")
        for name in mapping.item_channels:
            series = rows[mapping.column_of(name)]
            attributes[name] = _attribute(series, dense=mapping.kind_of(name) == "dense")
    met = dictionaries[USER]
    if profiles is not None:
        met.use(met.codes(profiles[USER_ID]))
    users = users_of(store, met)
    return Arrangement(mapping, users, finals, attributes, known_I1)


def write_events(job: Job, store: EventStore, plan: Arrangement) -> Written:
    """Write the events, their dictionaries, the users and the offsets."""
    columns, done = _columns(plan), FinishedBuckets(job, len(plan.users.count_U))
    dtypes = {TIME: "int64", **{c.name: c.dtype for c in columns}}
    texts = {c.name for c in columns if c.kind == "text"}
    writers = {n: done.writer(n, dtype, text=n in texts) for n, dtype in dtypes.items()}
    values = _write_values(job, plan)
    job.progress("sort events", done.num_read, store.num_events)
    for users, block in bucket_blocks(job, store, plan.users, plan.finals, done.users):
        done.num_read += len(block[TIME])
        drop_repeats = job.config.duplicates == "quarantine"
        found = sort_bucket(block, job.pool, drop_repeats=drop_repeats)
        count_into(done.count_U, found.user_L)
        done.unknown += _write_bucket(job, plan, found.block, writers)
        count_repeats(job, found.repeated_rows, int(found.repeated.result().sum()))
        if store.spill is not None:
            done.keep(users, writers.values())
        job.progress("sort events", done.num_read, store.num_events)
    digests = {k: v for writer in writers.values() for k, v in writer.close().items()}
    offsets_U1 = np.concatenate([[0], np.cumsum(done.count_U)])
    digests["offsets.npy"] = write_array(job.folder / "offsets.npy", offsets_U1)
    digests |= {file: digest.result() for file, digest in values.items()}
    return Written(columns, int(offsets_U1[-1]), done.unknown, digests)


def _write_values(job: Job, plan: Arrangement) -> dict[str, Future[str]]:
    """Write the users and the dictionaries, while events are sorted; return digests to come."""
    tables = {"users.parquet": pa.table({USER_ID: plan.users.final.values})}
    for name, values in _dictionaries(plan).items():
        tables[f"dictionaries/{name}.parquet"] = pa.table({"value": values})
    return {
        file: job.pool.submit(write_table, job.folder / file, table, distinct=True)
        for file, table in tables.items()
    }


class Sorted(NamedTuple):
    """A bucket's events in their order."""

    block: Block
    """All channels and the time."""
    user_L: Rows
    repeated: Future[Mask]
    """Which events, before any was left out, equal an earlier one."""
    repeated_rows: Rows | None
    """Numbers of the rows left out since they equal an earlier one; None where none is."""


def sort_bucket(block: Block, pool: Executor, *, drop_repeats: bool) -> Sorted:
    """Return a bucket by user, time and arrival, without repeats if wanted; it is used up.

    Where repeats stay they need only be counted, which may take as long as writing does.
    """
    row_L = cast("Rows | None", block.pop(ROW, None))
    ordered = order_events(cast(Codes, block.pop(USER)), cast(Rows, block.pop(TIME)))
    found = take_all(block, ordered.place_L, pool)
    repeated = pool.submit(repeats_of, dict(found), ordered)
    found[TIME] = ordered.time_L
    if not drop_repeats or not (repeated_L := repeated.result()).any():
        return Sorted(found, ordered.user_L, repeated, None)
    assert row_L is not None
    rows = np.take(row_L, ordered.place_L[repeated_L])
    kept = take_all(found, np.flatnonzero(~repeated_L), pool)
    return Sorted(kept, ordered.user_L[~repeated_L], repeated, rows)


def _attribute(series: pl.Series, *, dense: bool) -> Attribute:
    if dense:
        numbers = parse_numbers(series.name, series)[0]
        return Attribute(np.concatenate([[np.nan], numbers]).astype(np.float32), None)
    met = Dictionary()
    code_I = met.codes(series)
    met.use(code_I)
    final = met.finish()
    # Code 0 of an unknown item, and 0 of an item without the attribute, are both missing.
    codes = np.take(final.code_V1, code_I)
    return Attribute(np.concatenate([np.zeros(1, codes.dtype), codes]), final.values)


def _write_bucket(
    job: Job, plan: Arrangement, block: Block, writers: Mapping[str, ColumnWriter]
) -> int:
    """Append a bucket to all channels; return how many events have an unknown item."""
    # The largest first: one that is left for the end is written while the other threads idle.
    largest_first = sorted(block, key=lambda name: -block[name].nbytes)
    list(job.pool.map(lambda name: writers[name].append(block[name]), largest_first))
    for name in plan.mapping.constants:
        writers[name].append(np.ones(len(block[TIME]), np.uint8))
    if plan.known_I1 is None:
        return 0
    items_L = cast("npt.NDArray[np.unsignedinteger]", block[ITEM_ID])
    for name, attribute in plan.attributes.items():
        writers[name].append(np.take(attribute.value_I1, items_L))
    return int((~np.take(plan.known_I1, items_L)).sum())


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
