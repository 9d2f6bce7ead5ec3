"""A proposal of what the columns of a table mean, from their names and what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import polars as pl

from habitus.data.column_report import MOSTLY, ColumnReport
from habitus.data.columns import (
    FOLLOWS_ID,
    ITEM_ID,
    KIND,
    REQUIRED,
    SERVICE,
    TAGS,
    TASK,
    TEXT,
    TIME,
    USER_ID,
    VALUE,
    ChannelKind,
    TableName,
)
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.data.snapshot import parse_time
from habitus.data.times import TimeFormat, parse_times

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    USER_ID: (
        *("userid", "user", "uid", "customerid", "customer", "clientid", "client", "memberid"),
        *("member", "accountid", "account", "householdid", "household", "personid", "person"),
        *("visitorid", "visitor", "playerid", "player", "subscriberid", "reviewerid", "authorid"),
        *("author", "username", "login", "cardid", "deviceid", "sessionid"),
        *("followerid", "follower", "who"),
    ),
    TIME: (
        *("time", "timestamp", "datetime", "eventtime", "ts", "transactiontimestamp", "createdat"),
        *("transactiontime", "transactiondate", "invoicedate", "orderdate", "purchasedate"),
        *("reviewtime", "unixreviewtime", "date", "day", "when", "created", "createdutc", "at"),
    ),
    ITEM_ID: (
        *("itemid", "item", "productid", "product", "sku", "stockcode", "articleid", "article"),
        *("asin", "movieid", "movie", "filmid", "songid", "trackid", "videoid", "adid", "isbn"),
        *("contentid", "pageid", "url"),
    ),
    SERVICE: ("service", "domain", "app", "application", "platform", "site"),
    KIND: ("kind", "eventtype", "eventname", "event", "action", "activity", "behavior", "type"),
    TEXT: ("text", "body", "content", "message", "post", "comment", "reviewtext", "description"),
    FOLLOWS_ID: ("followsid", "follows", "followeeid", "followee", "otherid", "target", "targetid"),
    TAGS: ("tags", "tag", "labels", "groups"),
    TASK: ("task", "label", "question"),
    VALUE: ("value", "y", "target", "answer"),
}
"""Our name → names that others use, likeliest first; small letters and digits only."""

ITEM_TEXTS: Final = ("title", "name", "productname", "itemname", "producttitle")
"""What the text of items may be called besides; of an event such a column may be a category."""

POSITIONS: Final = ("position", "order", "rank", "sequence", "seq", "step", "index")
SINCE, UNTIL = parse_time("1990-01-01"), parse_time("2100-01-01")
"""Whole numbers between are likelier times than anything else, where no column is called so."""
ID_ENDINGS: Final = ("id", "code", "key", "no", "number", "zip", "sku")
FORMATS: Final = (
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"),
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y"),
    *("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
)
FEW_NUMBERS: Final = 50
"""Whole numbers with at most so many values are a category; with more they are counted with."""
FEW_TEXTS: Final = 1000
"""Texts with at most so many values are a category; with more, an ID or text."""
LONG_TEXT: Final = 30
"""Mean characters from which text with spaces is text to be read."""


def guess_mapping(
    table: TableName, columns: Sequence[ColumnReport], sample: pl.DataFrame, num_rows: int
) -> TracesMapping:
    """Return a mapping of one table; a column that cannot be found keeps our name.

    Args:
        table: which of the five tables it is.
        columns: what the columns hold.
        sample: some rows, to tell how times are written.
        num_rows: rows of the whole table.
    """
    if table == "events":
        return TracesMapping(events=_guess_events(columns, sample, num_rows))
    known = {*REQUIRED[table], *((TIME,) if table == "follows" else ())}
    known |= {"items": {TEXT}, "profiles": {TAGS}}.get(table, set())
    names = {ours: find_column(ours, columns) for ours in sorted(known)}
    if table == "items" and names[TEXT] is None:
        names[TEXT] = _first_named(ITEM_TEXTS, columns)
    ours_of = {name: ours for ours, name in names.items() if name is not None}
    if all(ours == name for name, ours in ours_of.items()):
        return TracesMapping.from_dict({table: TableMapping()})
    everything = {ours_of.get(c.name, c.name): c.name for c in columns}
    return TracesMapping.from_dict({table: TableMapping(columns=everything)})


def find_column(ours: str, columns: Iterable[ColumnReport]) -> str | None:
    """Return the column that looks most like one of our names, or None.

    >>> wanted = ColumnReport(
    ...     name="Customer ID", stored_as="Int64", holds="whole numbers", missing=0.0, distinct=9
    ... )
    >>> find_column("user_id", [wanted])
    'Customer ID'
    """
    return _first_named((_plain(ours), *NAMES[ours]), columns, lists=ours == TAGS)


def _first_named(
    names: Iterable[str], columns: Iterable[ColumnReport], *, lists: bool = False
) -> str | None:
    unfit = ("nothing",) if lists else ("nothing", "lists")
    plain = {_plain(c.name): c.name for c in columns if c.holds not in unfit}
    return next((plain[name] for name in names if name in plain), None)


def guess_time_format(series: pl.Series) -> str | None:
    """Return how text times are written, or None where they need no telling."""
    texts = series.drop_nulls()
    if texts.dtype != pl.String or not len(texts):
        return None
    if _share_read(texts, None) >= MOSTLY:
        return None
    shares = {pattern: _share_read(texts, pattern) for pattern in FORMATS}
    best = max(FORMATS, key=lambda pattern: shares[pattern])
    return best if shares[best] >= MOSTLY else None


def _guess_events(
    columns: Sequence[ColumnReport], sample: pl.DataFrame, num_rows: int
) -> EventsMapping:
    user = find_column(USER_ID, columns)
    rest = [c for c in columns if c.name != user]
    dated = [c.name for c in rest if _is_dated(c, sample[c.name])]
    time, is_order = _find_time(rest, dated)
    rest = [c for c in rest if c.name != time and c.name not in dated]
    named = {ours: find_column(ours, rest) for ours in (ITEM_ID, SERVICE, KIND, TEXT)}
    channels: dict[str, ChannelMapping] = {}
    for column in rest:
        ours = next((o for o, name in named.items() if name == column.name), None)
        kind = guess_kind(column, num_rows, ours)
        if kind is not None:
            name = ours or _channel_name(column.name, taken=channels)
            source = None if name == column.name else column.name
            channels[name] = ChannelMapping(kind=kind, column=source)
    return EventsMapping(
        user_id=user or USER_ID,
        time=time or TIME,
        time_unit="order" if is_order else "second",
        time_format=guess_time_format(sample[time]) if time and not is_order else None,
        channels=channels,
    )


def guess_kind(column: ColumnReport, num_rows: int, ours: str | None = None) -> ChannelKind | None:
    """Return what kind of channel a column is, or None for one that says nothing.

    Constants, dates beside the time, and numbers that merely number the rows say nothing.
    """
    if column.holds in ("nothing", "lists", "dates"):
        return None
    if ours == ITEM_ID:
        return "id"
    if ours == TEXT and column.holds == "text":
        return "text"
    if ours in (SERVICE, KIND):
        return "category" if column.distinct <= FEW_TEXTS else "id"
    if column.constant or _numbers_rows(column, num_rows):
        return None
    if column.holds == "yes or no":
        return "category"
    if column.holds == "text":
        if column.length >= LONG_TEXT and column.spaced > 0.5:
            return "text"
        return "category" if column.distinct <= FEW_TEXTS else "id"
    if column.holds == "whole numbers" and column.infinite == 0:
        if _plain(column.name).endswith(ID_ENDINGS):
            return "category" if column.distinct <= FEW_TEXTS else "id"
        return "category" if column.distinct <= FEW_NUMBERS else "dense"
    return "dense"


def _numbers_rows(column: ColumnReport, num_rows: int) -> bool:
    every = column.distinct == num_rows > FEW_NUMBERS
    return every and column.holds == "whole numbers"


def _is_dated(column: ColumnReport, sample: pl.Series) -> bool:
    """Return whether a column holds dates, be it as text."""
    if column.holds == "text" and sample.dtype == pl.String and sample.drop_nulls().len():
        return _share_read(sample.drop_nulls(), guess_time_format(sample)) >= MOSTLY
    return column.holds == "dates"


def _find_time(columns: Sequence[ColumnReport], dated: Sequence[str]) -> tuple[str | None, bool]:
    """Return the column of times, and whether it is a position."""
    found = find_column(TIME, columns)
    ends = [c.name for c in columns if _plain(c.name).endswith(("time", "date", "timestamp"))]
    if name := found or next(iter([*dated, *ends]), None):
        return name, False
    if name := next((c.name for c in columns if _counts_seconds(c)), None):
        return name, False
    plain = {_plain(c.name): c.name for c in columns if c.holds == "whole numbers"}
    position = next((plain[p] for p in POSITIONS if p in plain), None)
    return position, position is not None


def _counts_seconds(column: ColumnReport) -> bool:
    """Return whether whole numbers are seconds from 1990 to 2100, or a thousandth, … of them."""
    if column.holds != "whole numbers" or _plain(column.name).endswith(ID_ENDINGS):
        return False
    low, high = column.low or 0, column.high or 0
    return not column.constant and any(
        SINCE * scale <= low and high < UNTIL * scale for scale in (1, 10**3, 10**6, 10**9)
    )


def _share_read(texts: pl.Series, pattern: str | None) -> float:
    read = parse_times(texts, TimeFormat(pattern=pattern))
    return 1.0 - read.null_count() / len(texts)


def _channel_name(column: str, taken: Iterable[str]) -> str:
    """Return a name that a channel may have."""
    name = "".join(c if c.isalnum() or c in "_-" else "_" for c in column.strip()) or "channel"
    while name in taken or name in (USER_ID, TIME):
        name += "_"
    return name


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
