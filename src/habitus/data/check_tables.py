"""Look at several tables before they are ingested together: one mapping, and whether ids meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from habitus.data.check import CheckReport, check
from habitus.data.columns import FOLLOWS_ID, ITEM_ID, TABLES, TEXT, USER_ID, TableName
from habitus.data.guess import guess_kind
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.sources import Source, reading, scan
from habitus.errors import UsageError
from habitus.registry import did_you_mean

MEETING: Final[tuple[tuple[TableName, str, str], ...]] = (
    ("items", ITEM_ID, ITEM_ID),
    ("follows", USER_ID, USER_ID),
    ("follows", FOLLOWS_ID, USER_ID),
    ("profiles", USER_ID, USER_ID),
    ("labels", USER_ID, USER_ID),
)
"""Side table, its id, and the id of the events that it should be found among."""


@dataclass(frozen=True, kw_only=True)
class TablesReport:
    """What several tables hold, and one mapping of all."""

    reports: dict[TableName, CheckReport]
    mapping: TracesMapping
    """The mapping that was given, or all proposals in one."""
    warnings: tuple[str, ...]
    """What is odd between the tables, a sentence each."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values only: what JSON can hold."""
        tables = {name: report.to_dict() for name, report in self.reports.items()}
        return {
            "tables": tables,
            "mapping": self.mapping.to_dict(),
            "warnings": list(self.warnings),
        }


def check_tables(
    sources: Mapping[TableName, Source],
    mapping: TracesMapping | None = None,
    *,
    earliest_time: str | None = None,
    latest_time: str | None = None,
) -> TablesReport:
    """Return a report of each table, and one mapping of all.

    Args:
        sources: the tables, events among them.
        mapping: what their columns mean; None to guess.
        earliest_time: times before it are not believed; None for what the mapping says, or all.
        latest_time: times after it are in the future; None for what the mapping says, or now.

    Raises:
        UsageError: an unknown table, or no events.
        DataError: see :func:`habitus.data.check.check`.
    """
    for name in sources:
        if name not in TABLES:
            raise UsageError(f"no table is called {name!r}; {did_you_mean(name, TABLES)}")
    if "events" not in sources:
        raise UsageError("several tables are checked with the events; give them too")
    reports = {
        name: check(
            sources[name], name, mapping, earliest_time=earliest_time, latest_time=latest_time
        )
        for name in TABLES
        if name in sources
    }
    used = mapping if mapping is not None else merged(reports)
    return TablesReport(
        reports=reports, mapping=used, warnings=tuple(_strangers(sources, used, reports))
    )


def merged(reports: Mapping[TableName, CheckReport]) -> TracesMapping:
    """Return the proposals of several tables in one mapping.

    The attributes of items that are a category or a number become channels of the events, where
    these name items.
    """
    side = {n: r.mapping.table(n) for n, r in reports.items() if n != "events"}
    mapping = TracesMapping(events=reports["events"].mapping.events, **side)
    if "items" in reports:
        events = _with_item_channels(mapping, reports["items"])
        mapping = dataclasses.replace(mapping, events=events)
    return mapping


def _with_item_channels(mapping: TracesMapping, items: CheckReport) -> EventsMapping:
    events = mapping.events
    if ITEM_ID not in events.channels:
        return events
    columns = mapping.table("items").columns
    ours_of = {column: ours for ours, column in columns.items()} or {
        c.name: c.name for c in items.columns
    }
    found: dict[str, ChannelMapping] = {}
    for column in items.columns:
        name = ours_of.get(column.name, column.name)
        plain = name.isidentifier() and name not in (*events.channels, ITEM_ID, TEXT)
        kind = guess_kind(column, items.num_rows) if plain else None
        if kind in ("category", "dense"):
            found[name] = ChannelMapping(kind=kind)
    return dataclasses.replace(
        events, channels={**events.channels, **found}, item_channels=tuple(found)
    )


def _strangers(
    sources: Mapping[TableName, Source],
    mapping: TracesMapping,
    reports: Mapping[TableName, CheckReport],
) -> Iterator[str]:
    """Yield a sentence for each side table whose ids do not all stand in the events."""
    events = mapping.events
    columns = {USER_ID: events.user_id}
    if ITEM_ID in events.channels:
        columns[ITEM_ID] = events.column_of(ITEM_ID)
    known: dict[str, pl.Series] = {}
    for table, ours, in_events in MEETING:
        if table not in sources or in_events not in columns:
            continue
        column = mapping.table(table).column_of(ours)
        if not {c.name for c in reports[table].columns} >= {column}:
            continue
        if in_events not in known:
            known[in_events] = _ids(sources["events"], columns[in_events], "events")
        ids = _ids(sources[table], column, table)
        missing = len(ids) - int(ids.is_in(known[in_events].implode()).sum())
        if missing:
            yield _sentence(table, column, missing, len(ids))
        if table == "items":
            met = known[ITEM_ID]
            unknown = len(met) - int(met.is_in(ids.implode()).sum())
            # Where no id meets, that was said.
            if unknown and missing < len(ids):
                share = unknown / len(met)
                yield (
                    f"{unknown:,} of the {len(met):,} items of the events ({share:.0%}) have no "
                    f"row in items: nothing is known of them"
                )


def _sentence(table: str, column: str, missing: int, number: int) -> str:
    if missing == number:
        return (
            f"none of the {number:,} ids in {column!r} of {table} stands in the events: are they "
            f"written in the same way there?"
        )
    share = missing / number
    return f"{missing:,} of the {number:,} ids in {column!r} of {table} ({share:.0%}) have no event"


def _ids(source: Source, column: str, name: str) -> pl.Series:
    with reading(name):
        values = scan(source).select(pl.col(column).cast(pl.String).str.strip_chars())
        return values.drop_nulls().unique().collect(engine="streaming").to_series()
