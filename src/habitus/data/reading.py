"""All that the first step of ingest has read, kept on disk: a killed run need not read it again.

Only what does not fit in memory is kept: the rest is read again in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

import polars as pl

from habitus.data.columns import TABLES, TableName
from habitus.data.dictionary import Dictionary
from habitus.data.event_store import EventStore
from habitus.data.events import USER
from habitus.data.ingest_state import Torn, check_sizes, sizes_of
from habitus.data.read_tables import EVENTS, RELEASED, Job, read_events, read_table
from habitus.data.sources import Source, parts


class Reading(NamedTuple):
    """Every table, read and checked."""

    files: dict[TableName, list[str]]
    """Names of the files of each source."""
    frames: dict[TableName, pl.DataFrame]
    """Side tables."""
    store: EventStore
    dictionaries: dict[str, Dictionary]


def read_all(job: Job, tables: Mapping[TableName, Source]) -> Reading:
    """Return what an earlier run has read, or else read everything, and keep it if it is large.

    Raises:
        DataError: a source that cannot be read or mapped, or no clean event.
        GuardError: too many bad rows.
        Torn: what an earlier run has read is no longer whole.
    """
    if job.state.values:
        return _restored(job)
    sources = {name: parts(tables[name]) for name in TABLES if name in tables}
    # Events come last: whatever is wrong with a small table is found before a large one is read.
    side: list[TableName] = [name for name in sources if name != "events"]
    frames = {name: read_table(job, name, sources[name]) for name in side}
    store, dictionaries = read_events(job, sources["events"])
    files = {n: [Path(p.name).name for p in found] for n, found in sources.items()}
    reading = Reading(files, frames, store, dictionaries)
    if store.spill is not None and job.state.is_kept:
        _keep(job, reading)
    return reading


def _keep(job: Job, reading: Reading) -> None:
    tables = {_frame_file(name): frame for name, frame in reading.frames.items()}
    for name, dictionary in reading.dictionaries.items():
        tables[_values_file(name)] = dictionary.values().rename("value").to_frame()
    for file, table in tables.items():
        table.write_ipc(job.scratch / file)
    job.state.save(
        files=reading.files,
        frames=list(reading.frames),
        dictionaries=list(reading.dictionaries),
        store=reading.store.state(),
        store_sizes=sizes_of(job.scratch / EVENTS),
        table_sizes=sizes_of(job.scratch, [job.scratch / file for file in tables]),
        notices=list(job.notices),
        counted=job.counted(),
    )


def _restored(job: Job) -> Reading:
    state = job.state.values
    released = state.get(RELEASED, [])
    gone = tuple(f"{group}/" for group in released)
    sizes = {name: n for name, n in state["store_sizes"].items() if not name.startswith(gone)}
    check_sizes(job.scratch / EVENTS, sizes)
    check_sizes(job.scratch, state["table_sizes"])
    try:
        frames = {n: _read(job.scratch / _frame_file(n)) for n in state["frames"]}
        values = {n: _read(job.scratch / _values_file(n)) for n in state["dictionaries"]}
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Torn(str(error)) from error
    job.notices = dict.fromkeys(state["notices"])
    job.recount(state["counted"])
    dictionaries = {name: Dictionary.of(table["value"]) for name, table in values.items()}
    return Reading(
        state["files"],
        cast("dict[TableName, pl.DataFrame]", frames),
        EventStore.restored(
            job.scratch / EVENTS, state["store"], released, dictionaries[USER], job.pool
        ),
        dictionaries,
    )


def _frame_file(table: str) -> str:
    return f"{table}.table.arrow"


def _values_file(channel: str) -> str:
    return f"{channel}.values.arrow"


def _read(path: Path) -> pl.DataFrame:
    # Read whole: a mapped file would be gone under the frame when the scratch folder is.
    return pl.read_ipc(path.read_bytes())
