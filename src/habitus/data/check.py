"""Look at a table before it is ingested: what it holds, what is odd, and what it seems to mean."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from habitus.data.believed import believed_times
from habitus.data.column_report import ColumnReport, report_columns
from habitus.data.columns import (
    FOLLOWS_ID,
    ITEM_ID,
    REQUIRED,
    TASK,
    TIME,
    USER_ID,
    VALUE,
    TableName,
)
from habitus.data.guess import guess_mapping
from habitus.data.mapping import TracesMapping
from habitus.data.set_aside import id_warnings, utf8_warnings, wide_labels
from habitus.data.side_warnings import follow_warnings, tag_warnings, text_warnings
from habitus.data.sources import Source, joined, parts, reading
from habitus.data.time_report import TimeReport, report_times, time_warnings
from habitus.data.times import TimeFormat
from habitus.errors import DataError
from habitus.registry import did_you_mean

SAMPLE_ROWS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class UserReport:
    """How events are spread over users."""

    column: str
    num_users: int
    events_per_user: dict[str, float]
    """Smallest, quartiles, 95 % and largest."""
    one_event: int
    """Users with a single event."""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What a table holds, what is odd in it, and a mapping."""

    table: TableName
    source: str
    num_rows: int
    columns: tuple[ColumnReport, ...]
    duplicates: int
    """Rows that are the same as an earlier row in every column."""
    times: TimeReport | None
    """None where the table has no dated events."""
    users: UserReport | None
    warnings: tuple[str, ...]
    """What a reader should look at, a sentence each."""
    mapping: TracesMapping
    """The mapping that was given, or a proposal."""
    proposed: bool
    """True where the mapping is a guess."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values only: what JSON can hold."""
        values = dataclasses.asdict(dataclasses.replace(self, mapping=TracesMapping()))
        return {**values, "mapping": self.mapping.to_dict()}


def check(
    source: Source,
    table: TableName = "events",
    mapping: TracesMapping | None = None,
    *,
    earliest_time: str | None = None,
    latest_time: str | None = None,
) -> CheckReport:
    """Return a report of one table.

    Args:
        source: files, a frame or a query.
        table: which of the five tables it is.
        mapping: what its columns mean; None to guess.
        earliest_time: times before it are not believed; None for what the mapping says, or all.
        latest_time: times after it are in the future; None for what the mapping says, or now.

    Raises:
        DataError: the source is missing, cut off or damaged, has a column name twice, or lacks a
            column that ``mapping`` names.
    """
    name = _name(source)
    files = parts(source)
    rows = joined(files)
    num_rows, columns = report_columns(rows, name)
    with reading(name):
        sample = rows.head(SAMPLE_ROWS).collect()
    if mapping is None:
        used = guess_mapping(table, columns, sample, num_rows)
    else:
        used = mapping
        _require(used, table, columns, name)
    used = _with_times(used, earliest_time, latest_time)
    believed = believed_times(used.events, int(dt.datetime.now(dt.UTC).timestamp()))
    key_columns = _key_columns(used, table, columns)
    with reading(name):
        keys = rows.select(sorted(set(key_columns.values()))).collect(engine="streaming")
        duplicates = _count_duplicates(rows, num_rows)
    form = TimeFormat(used.events.time_unit, used.events.time_format if table == "events" else None)
    users_L = keys[key_columns[USER_ID]] if USER_ID in key_columns else None
    times = None
    if TIME in key_columns:
        times = report_times(keys[key_columns[TIME]], users_L, form, believed)
    users = _report_users(keys, key_columns) if table == "events" else None
    report = CheckReport(
        table=table,
        source=name,
        num_rows=num_rows,
        columns=_without_ids(columns, used, table),
        duplicates=duplicates,
        times=times,
        users=users,
        warnings=(),
        mapping=used,
        proposed=mapping is None,
    )
    warnings = [*_warnings(report, keys, key_columns), *utf8_warnings(files, rows, name)]
    warnings += id_warnings(rows, _ids_of(used, table), name)
    warnings += tag_warnings(report, sample) if table == "profiles" and num_rows else ()
    return dataclasses.replace(report, warnings=tuple(warnings))


def _with_times(mapping: TracesMapping, earliest: str | None, latest: str | None) -> TracesMapping:
    """Return a mapping that says which times are believed, where that is given."""
    events = mapping.events
    events = dataclasses.replace(
        events,
        earliest_time=earliest or events.earliest_time,
        latest_time=latest or events.latest_time,
    )
    return dataclasses.replace(mapping, events=events)


def _name(source: Source) -> str:
    if isinstance(source, (str, Path)):
        return str(source)
    if isinstance(source, Sequence):
        return ", ".join(map(str, source))
    return type(source).__name__


def _require(
    mapping: TracesMapping, table: TableName, columns: Sequence[ColumnReport], source: str
) -> None:
    there = [c.name for c in columns]
    for ours, column in _columns_of(mapping, table).items():
        if column not in there:
            raise DataError(
                f"{source} has no column {column!r}, which the mapping names for {ours}; "
                f"{did_you_mean(column, there)}"
            )


def _columns_of(mapping: TracesMapping, table: TableName) -> dict[str, str]:
    if table != "events":
        return {ours: mapping.table(table).column_of(ours) for ours in REQUIRED[table]}
    events = mapping.events
    channels = {name: events.column_of(name) for name in events.event_channels}
    return {USER_ID: events.user_id, TIME: events.time, **channels}


def _key_columns(
    mapping: TracesMapping, table: TableName, columns: Sequence[ColumnReport]
) -> dict[str, str]:
    """Return those of the user, time and item columns that are there."""
    there = {c.name for c in columns}
    wanted = _columns_of(mapping, table)
    keys = (USER_ID, TIME) if table == "events" else (USER_ID, FOLLOWS_ID, TIME, ITEM_ID)
    return {ours: wanted[ours] for ours in keys if wanted.get(ours) in there}


def _without_ids(
    columns: Sequence[ColumnReport], mapping: TracesMapping, table: TableName
) -> tuple[ColumnReport, ...]:
    """Return reports in which no smallest or largest id stands."""
    ids = _ids_of(mapping, table)
    return tuple(
        dataclasses.replace(c, low=None, high=None) if c.name in ids else c for c in columns
    )


def _ids_of(mapping: TracesMapping, table: TableName) -> list[str]:
    """Return the columns of ids."""
    found = {c: None for ours, c in _columns_of(mapping, table).items() if ours.endswith("_id")}
    events = mapping.events
    if table == "events":
        kinds = {n: c.kind for n, c in events.channels.items()}
        found |= {events.column_of(n): None for n in events.event_channels if kinds[n] == "id"}
    return list(found)


def _count_duplicates(rows: pl.LazyFrame, num_rows: int) -> int:
    # 64 bits: among 10⁸ rows the chance of one false duplicate is 3 in 10,000.
    distinct = rows.select(pl.struct(pl.all()).hash().n_unique()).collect(engine="streaming")
    return num_rows - int(distinct.item()) if num_rows else 0


def _report_users(keys: pl.DataFrame, columns: dict[str, str]) -> UserReport | None:
    if USER_ID not in columns or keys.is_empty():
        return None
    count_U = keys[columns[USER_ID]].drop_nulls().value_counts()["count"].to_numpy()
    if not len(count_U):
        return None
    marks = {"smallest": 0, "25 %": 25, "median": 50, "75 %": 75, "95 %": 95, "largest": 100}
    return UserReport(
        column=columns[USER_ID],
        num_users=len(count_U),
        events_per_user={name: float(np.percentile(count_U, p)) for name, p in marks.items()},
        one_event=int((count_U == 1).sum()),
    )


def _warnings(report: CheckReport, keys: pl.DataFrame, columns: dict[str, str]) -> Iterator[str]:
    if report.num_rows == 0:
        yield "the table has no rows"
        return
    yield from _key_warnings(report, keys, columns)
    yield from time_warnings(report.times) if report.times is not None else ()
    yield from text_warnings(report)
    yield from follow_warnings(keys, columns)
    for column in report.columns:
        # An attribute of a profile may be a list, such as tags.
        if report.table != "profiles" or column.holds != "lists":
            yield from _column_warnings(column)
    if report.duplicates:
        yield f"{report.duplicates:,} rows are the same as an earlier row"
    if report.users is not None and report.users.one_event:
        share = report.users.one_event / report.users.num_users
        yield f"{report.users.one_event:,} users ({share:.0%}) have a single event"


def _key_warnings(
    report: CheckReport, keys: pl.DataFrame, columns: dict[str, str]
) -> Iterator[str]:
    by_name = {c.name: c for c in report.columns}
    labels = report.mapping.table("labels")
    told = wide_labels([*by_name], labels.column_of) if report.table == "labels" else None
    if told is not None:
        yield told
    for ours, wanted in _columns_of(report.mapping, report.table).items():
        said = told is not None and ours in (TASK, VALUE)
        if ours in REQUIRED[report.table] and wanted not in by_name and not said:
            yield f"no column looks like {ours}: name it in the mapping"
    for ours, name in columns.items():
        found = by_name[name]
        if found.missing:
            yield f"{round(found.missing * report.num_rows):,} rows have no {ours} ({name!r})"
        if ours != TIME and found.stored_as.startswith("Float"):
            yield f"{name!r} holds decimal numbers, but ids must be text or whole numbers"
    key = {"items": ITEM_ID, "profiles": USER_ID}.get(report.table)
    if key in columns:
        doubled = len(keys) - keys[columns[key]].n_unique()
        if doubled:
            yield f"{doubled:,} rows repeat a {key} that an earlier row has"


def _column_warnings(column: ColumnReport) -> Iterator[str]:
    if column.holds == "nothing":
        yield f"{column.name!r} is empty"
    elif column.holds == "lists":
        yield f"{column.name!r} holds lists or bytes, which no channel can be"
    elif column.constant:
        yield f"{column.name!r} has one value only"
    if column.infinite:
        yield f"{column.name!r} is infinite in {column.infinite:,} rows"
    if column.misfits:
        yield f"{column.name!r} holds numbers, but not in {column.misfits:,} rows"
