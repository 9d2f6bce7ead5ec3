"""The first step of ingest: every row of every table read once, checked, and counted.

Shapes: L rows of a chunk, B rows of a side table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from habitus.data.buckets import MIB, num_buckets
from habitus.data.columns import ITEM_ID, USER_ID, TableName
from habitus.data.dictionary import Dictionary
from habitus.data.event_store import EventStore
from habitus.data.events import USER, EventPlan, encode_chunk
from habitus.data.ingest_report import IngestConfig, Progress, TableCounts
from habitus.data.ingest_state import SCRATCH, IngestState
from habitus.data.mapping import TracesMapping
from habitus.data.quarantine import Quarantine
from habitus.data.side_tables import Clean, TablePlan, clean_chunk, only_first
from habitus.data.sources import Part, chunks
from habitus.data.times import TimeFormat
from habitus.data.traces import Rows
from habitus.data.validate import DUPLICATE
from habitus.errors import DataError

EVENTS = "events"
"""Folder of events that do not fit in memory."""
RELEASED = "released"
"""What the state calls groups of ranges whose files are removed."""
UNKNOWN_SHARE = 16
"""How many times what is held to expect, where nobody knows how many rows there will be."""


@dataclass
class Tally:
    """Growing counts of one table."""

    quarantine: Quarantine
    rows: int = 0
    kept: int = 0
    duplicates: int = 0
    opted_out: int = 0

    def state(self) -> dict[str, Any]:
        """Return all counts as plain values."""
        names = ("rows", "kept", "duplicates", "opted_out")
        return {n: getattr(self, n) for n in names} | {"quarantine": self.quarantine.state()}

    def counts(self) -> TableCounts:
        """Return what became of the rows."""
        return TableCounts(
            rows=self.rows,
            kept=self.kept,
            bad=self.quarantine.bad,
            duplicates=self.duplicates,
            opted_out=self.opted_out,
            reasons=dict(sorted(self.quarantine.reasons.items())),
        )


@dataclass
class Job:
    """One ingest under way."""

    mapping: TracesMapping
    config: IngestConfig
    opt_out: pl.Series
    latest: int
    folder: Path
    quarantine_folder: Path
    kept_at: Path
    """Where the quarantine will lie if the run stops."""
    pool: Executor
    progress: Progress
    tallies: dict[str, Tally] = field(default_factory=dict)
    notices: dict[str, None] = field(default_factory=dict)
    """Each once, in order."""
    state: IngestState = field(default_factory=IngestState)
    earliest: int | None = None

    @property
    def scratch(self) -> Path:
        """Where files go that are no part of the traces."""
        return self.folder / SCRATCH

    @property
    def memory(self) -> int:
        """Bytes to aim at."""
        return self.config.memory_mib * MIB

    def tally(self, table: TableName) -> Tally:
        """Return the counts of a table."""
        if table not in self.tallies:
            self.tallies[table] = Tally(Quarantine(self.quarantine_folder, table))
        return self.tallies[table]

    def counted(self) -> dict[str, Any]:
        """Return the counts of all tables as plain values."""
        return {name: tally.state() for name, tally in self.tallies.items()}

    def recount(self, counted: Mapping[TableName, dict[str, Any]]) -> None:
        """Take the counts and the quarantine of another run."""
        for name, stored in counted.items():
            values = dict(stored)
            self.tally(name).quarantine.restore(values.pop("quarantine"))
            self.tallies[name] = replace(self.tally(name), **values)

    def check_share(self, table: TableName, num_rows: int) -> None:
        """Stop the run where too many of ``num_rows`` are bad; see :class:`Quarantine`."""
        self.tally(table).quarantine.stop_above(self.config.max_bad_share, num_rows, self.kept_at)


class Piece(NamedTuple):
    """A chunk of a source and where it stands there."""

    part: Part
    frame: pl.DataFrame
    row_L: Rows
    """Number of each row through all files, from 0."""


def pieces(
    job: Job,
    table: TableName,
    parts: Sequence[Part],
    columns_of: Callable[[Part], Sequence[str]],
) -> Iterator[Piece]:
    """Yield all rows of a table in order; count them, and stop when too many are bad."""
    tally, stage = job.tally(table), f"read {table}"
    about = sum(part.about for part in parts)
    known = [part.num_rows for part in parts if part.num_rows is not None]
    job.progress(stage, 0, about)
    for part in parts:
        tally.quarantine.start_file(Path(part.name).name, tally.rows)
        for frame in chunks(part, columns_of(part), job.memory // 16):
            row_L = np.arange(tally.rows, tally.rows + frame.height, dtype=np.int64)
            tally.rows += frame.height
            yield Piece(part, frame, row_L)
            if len(known) == len(parts):
                job.check_share(table, sum(known))
            job.progress(stage, tally.rows, max(about, tally.rows))
    job.progress(stage, tally.rows, tally.rows)
    job.check_share(table, tally.rows)


def read_events(job: Job, parts: Sequence[Part]) -> tuple[EventStore, dict[str, Dictionary]]:
    """Return all clean events in provisional codes, and what the codes mean.

    Raises:
        DataError: a source that cannot be read or mapped, or no clean event.
        GuardError: too many bad rows.
    """
    plan = EventPlan(job.mapping.events, job.latest, job.opt_out, job.earliest)
    for part in parts:
        plan.check(part)
    tally, dictionaries = job.tally("events"), plan.dictionaries()
    store = _store(job, parts, dictionaries[USER])
    keep_rows = job.config.duplicates == "quarantine"
    for part, frame, row_L in pieces(job, "events", parts, lambda _: plan.columns):
        chunk = encode_chunk(
            frame,
            plan,
            dictionaries,
            job.pool,
            bad_utf8=part.bad_utf8,
            rows_L=row_L if keep_rows else None,
        )
        tally.quarantine.add(chunk.problems, row_L)
        tally.opted_out += chunk.opted_out
        job.notices.update(dict.fromkeys(chunk.notices))
        store.append(chunk.block)
    tally.kept = store.num_events
    if not store.num_events:
        raise DataError(
            f"no event is left of {tally.rows:,} rows ({tally.quarantine.bad:,} bad, "
            f"{tally.opted_out:,} of users who opted out): give a source with events"
        )
    return store, dictionaries


def _store(job: Job, parts: Sequence[Part], users: Dictionary) -> EventStore:
    tally, about = job.tally("events"), sum(part.about for part in parts)

    def num_ranges(num_bytes: int) -> int:
        if job.config.buckets is not None:
            return job.config.buckets
        share = about / max(1, tally.rows) if about else UNKNOWN_SHARE
        return num_buckets(int(num_bytes * max(1.0, share)), job.memory)

    limit = job.memory // 8 if job.config.buckets is None else 0
    return EventStore(job.scratch / EVENTS, limit, users, num_ranges, job.pool)


def table_plan(job: Job, table: TableName) -> TablePlan:
    """Return what the columns of a side table mean."""
    events = job.mapping.events
    attributes = {events.column_of(n): events.kind_of(n) for n in events.item_channels}
    return TablePlan(
        table,
        job.mapping.table(table),
        TimeFormat(events.time_unit, events.time_format),
        job.latest,
        job.opt_out,
        attributes if table == "items" else {},
        job.earliest,
    )


def read_table(job: Job, table: TableName, parts: Sequence[Part]) -> pl.DataFrame:
    """Return the clean rows of a side table.

    Raises:
        DataError: a source that cannot be read or mapped.
        GuardError: too many bad rows.
    """
    plan, tally = table_plan(job, table), job.tally(table)
    columns = {part.name: plan.columns(part) for part in parts}
    clean: list[Clean] = []
    wanted = {name: list(dict.fromkeys(ours.values())) for name, ours in columns.items()}
    for part, frame, row_L in pieces(job, table, parts, lambda part: wanted[part.name]):
        found = clean_chunk(frame, plan, columns[part.name], row_L, bad_utf8=part.bad_utf8)
        tally.quarantine.add(found.problems, row_L)
        tally.opted_out += found.opted_out
        clean.append(found)
    if not clean:
        raise DataError(f"{table}: {', '.join(columns)} holds no row: leave the table out")
    frame = pl.concat([c.frame for c in clean], how="diagonal_relaxed")
    if table in ("items", "profiles"):
        key = ITEM_ID if table == "items" else USER_ID
        frame = only_first(frame, key, tally.quarantine)
        job.check_share(table, tally.rows)
    return frame


def count_repeats(job: Job, rows: Rows | None, num_repeats: int) -> None:
    """Count events that equal an earlier one; with ``rows``, write them to the quarantine."""
    tally = job.tally("events")
    tally.duplicates += num_repeats
    if rows is not None and num_repeats:
        tally.kept -= num_repeats
        tally.quarantine.add_rows(rows, DUPLICATE)
