"""Files, tables and queries into traces: validate, quarantine, report.

Three steps: read the source once, chunk by chunk, into provisional codes; learn from all values the
final codes and the order of users; sort the events of each range of users and write them. Where
everything fits in memory there is one range, otherwise there are many, and the files are the same.
Where it does not fit, an interrupted run leaves what it has read and every finished range beside
``out``, and the next run with the same mapping, config and sources goes on there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from habitus.data.believed import believed_times, far_times
from habitus.data.columns import TABLES, TIME, TableName
from habitus.data.ingest_key import IngestKey
from habitus.data.ingest_report import IngestConfig, IngestReport, Progress, TableCounts
from habitus.data.ingest_state import SCRATCH, IngestState, Torn
from habitus.data.mapping import TracesMapping
from habitus.data.read_tables import Job
from habitus.data.reading import Reading, read_all
from habitus.data.side_tables import only_known, to_arrow
from habitus.data.sources import Source
from habitus.data.traces import FORMAT, Manifest
from habitus.data.workspace import QUARANTINE, clear, quarantine_beside, workspace
from habitus.data.write_events import Written, arrange, write_events
from habitus.data.writer import digest_of_files, digest_of_text, write_table
from habitus.errors import UsageError
from habitus.registry import did_you_mean

__all__ = ["IngestConfig", "IngestReport", "Progress", "TableCounts", "ingest"]


def ingest(
    tables: Mapping[TableName, Source],
    mapping: TracesMapping,
    out: str | Path,
    *,
    config: IngestConfig | None = None,
    opt_out: Iterable[str] = (),
    progress: Progress | None = None,
    overwrite: bool = False,
) -> IngestReport:
    """Read tables into a traces directory.

    Args:
        tables: the sources; all but events may be left out.
        mapping: what their columns mean.
        out: the directory to make. It comes into being whole, at the end, or not at all.
        config: how strict to be, and how much memory to use.
        opt_out: ids of users who are dropped at the door: nothing of them is written anywhere.
        progress: called with stage, rows done and rows in all.
        overwrite: allow traces that stand at ``out`` to be replaced.

    Raises:
        UsageError: ``out`` is taken, or the mapping contradicts itself.
        DataError: a source that cannot be read or mapped, no clean event, no space left.
        GuardError: too many bad rows; they are kept at ``<out>.quarantine``.
    """
    began = time.perf_counter()
    config, place = config or IngestConfig(), Path(out).absolute()
    _check_tables(tables, mapping)
    believed = believed_times(
        mapping.events,
        int(time.time()),
        earliest=config.earliest_time,
        latest=config.latest_time,
    )
    with (
        workspace(place, overwrite=overwrite) as folder,
        ThreadPoolExecutor(pl.thread_pool_size()) as pool,
    ):
        dropped = pl.Series([str(u).strip() for u in opt_out], dtype=pl.String).unique()
        key = IngestKey(tables, mapping, config, dropped)
        job = Job(
            mapping=mapping,
            config=config,
            opt_out=dropped,
            latest=believed.latest,
            earliest=believed.earliest,
            folder=folder,
            quarantine_folder=folder / QUARANTINE,
            kept_at=quarantine_beside(place),
            pool=pool,
            progress=progress or (lambda *_: None),
            state=IngestState(folder / SCRATCH, lambda: key.digest),
        )
        job, manifest, unknown_items = _resume_or_run(job, tables)
        quarantined = job.quarantine_folder.is_dir()
    return _report(place, job, manifest, unknown_items, quarantined=quarantined, began=began)


def _check_tables(tables: Mapping[TableName, Source], mapping: TracesMapping) -> None:
    for name in tables:
        if name not in TABLES:
            raise UsageError(f"no table is called {name!r}; {did_you_mean(name, TABLES)}")
    if "events" not in tables:
        raise UsageError("ingest needs the table 'events'; the other tables may be left out")
    if mapping.events.item_channels and "items" not in tables:
        names = ", ".join(mapping.events.item_channels)
        raise UsageError(f"the item channels {names} need the table 'items'")


def _resume_or_run(job: Job, tables: Mapping[TableName, Source]) -> tuple[Job, Manifest, int]:
    """Go on where a run of the same key was stopped; without one, or if it is torn, start over."""
    if job.state.load():
        try:
            # A copy, so that nothing of a torn state stays.
            resumed = replace(job, tallies={}, notices={})
            return resumed, *_run(resumed, tables)
        except Torn:
            job.state.values = {}
    clear(job.folder)
    return job, *_run(job, tables)


def _report(
    place: Path,
    job: Job,
    manifest: Manifest,
    unknown_items: int,
    *,
    quarantined: bool,
    began: float,
) -> IngestReport:
    return IngestReport(
        path=place,
        digest=manifest.digest,
        num_users=manifest.num_users,
        num_events=manifest.num_events,
        tables={name: tally.counts() for name, tally in job.tallies.items()},
        unknown_items=unknown_items,
        notices=tuple(job.notices),
        quarantine=place / QUARANTINE if quarantined else None,
        seconds=time.perf_counter() - began,
    )


def _run(job: Job, tables: Mapping[TableName, Source]) -> tuple[Manifest, int]:
    """Write everything, the manifest last."""
    reading = read_all(job, tables)
    store, dictionaries, frames = reading.store, reading.dictionaries, reading.frames
    plan = arrange(
        job.mapping.events,
        store,
        dictionaries,
        frames.get("profiles"),
        frames.get("items"),
        job.pool,
    )
    written = write_events(job, store, plan)
    if job.mapping.events.time_unit == "second":
        time_L = np.load(job.folder / f"events/{TIME}.npy", mmap_mode="r")
        job.notices.update(dict.fromkeys(far_times(time_L)))
    users = pl.Series(plan.users.final.values, dtype=pl.String)
    digests = dict(written.digests)
    for name, frame in frames.items():
        if name in ("follows", "labels"):
            frame = only_known(frame, users, job.tally(name).quarantine)
        job.tally(name).kept = frame.height
        file = f"tables/{name}.parquet"
        digests[file] = write_table(job.folder / file, to_arrow(frame, name))
    manifest = _manifest(job, reading, written, digests, len(users))
    text = json.dumps(manifest.to_dict(), indent=1, ensure_ascii=False)
    (job.folder / "manifest.json").write_text(text, encoding="utf8")
    return manifest, written.unknown_items


def _manifest(
    job: Job,
    reading: Reading,
    written: Written,
    digests: dict[str, str],
    num_users: int,
) -> Manifest:
    mapping = job.mapping
    source: dict[str, Any] = {
        "files": reading.files,
        "mapping": mapping.to_dict(),
        "counts": {n: tally.counts().to_dict() for n, tally in job.tallies.items()},
        "unknown_items": written.unknown_items,
        "notices": list(job.notices),
    }
    unit = mapping.events.time_unit
    kinds = " ".join(f"{c.name}:{c.kind}" for c in written.columns)
    digests["manifest.json"] = digest_of_text(f"{FORMAT} {unit} {kinds}")
    return Manifest(
        time_unit=unit,
        num_users=num_users,
        num_events=written.num_events,
        columns=written.columns,
        tables=tuple(reading.frames),
        source=source,
        digest=digest_of_files(digests),
    )
