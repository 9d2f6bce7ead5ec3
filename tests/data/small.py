"""Small tables for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from habitus.data.columns import ChannelKind, TableName
from habitus.data.ingest import IngestConfig, ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.sources import Source
from habitus.data.traces import Traces

ROWS = (
    ("b", "2020-01-02", "i1", 2.5),
    ("a", "2020-01-01", "i2", 1.0),
    ("b", "2020-01-01", "i1", None),
    ("a", "2020-01-01", "i10", -3.0),
    ("c", "2020-03-01", None, 0.0),
)


def events(rows: tuple[tuple[Any, ...], ...] = ROWS) -> pl.DataFrame:
    """Return events of three users: a has 2, b has 2, c has 1."""
    names = ("user_id", "time", "item_id", "price")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return pl.DataFrame(columns, schema_overrides={"price": pl.Float64})


def mapping(**channels: ChannelKind) -> TracesMapping:
    """Return a mapping of channels whose columns have their names."""
    kinds: dict[str, ChannelKind] = {"item_id": "id", "price": "dense", **channels}
    found = {name: ChannelMapping(kind=kind) for name, kind in kinds.items()}
    return TracesMapping(events=EventsMapping(channels=found))


def make(
    folder: Path, source: Source | None = None, tables: dict[TableName, Source] | None = None
) -> Traces:
    """Return traces of the events above, or of others, and of any side tables."""
    every: dict[TableName, Source] = {"events": events() if source is None else source}
    ingest(every | (tables or {}), mapping(), folder, config=IngestConfig())
    return Traces(folder)


def of_times(folder: Path, times: dict[str, list[int]]) -> Traces:
    """Return traces whose users have events at the given seconds, and nothing else."""
    rows = [(user, t) for user, found in times.items() for t in found]
    frame = pl.DataFrame(rows, schema={"user_id": pl.String, "time": pl.Int64}, orient="row")
    ingest({"events": frame}, TracesMapping(), folder)
    return Traces(folder)
