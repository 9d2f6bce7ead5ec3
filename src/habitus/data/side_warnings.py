"""What is odd in texts, follows and tags before they are ingested, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import polars as pl

from habitus.data.columns import FOLLOWS_ID, TAGS, TEXT, USER_ID

if TYPE_CHECKING:
    from habitus.data.check import CheckReport

MANY: Final = 0.1
"""Texts of which this share holds a ``|`` look like tags."""


def text_warnings(report: CheckReport) -> Iterator[str]:
    """Count the rows whose text is missing or empty, in events and in items."""
    mapping, by_name = report.mapping, {c.name: c for c in report.columns}
    if report.table == "events":
        channels = mapping.events.channels
        texts = [mapping.events.column_of(n) for n, c in channels.items() if c.kind == "text"]
        lack = "they are no posts"
    elif report.table == "items":
        texts, lack = [mapping.table("items").column_of(TEXT)], "nothing can be read of them"
    else:
        return
    for column in (by_name[name] for name in texts if name in by_name):
        if column.missing:
            rows = round(column.missing * report.num_rows)
            yield f"{rows:,} rows ({column.missing:.0%}) have no text in {column.name!r}: {lack}"


def follow_warnings(keys: pl.DataFrame, columns: dict[str, str]) -> Iterator[str]:
    """Count the users who follow themselves.

    Args:
        keys: the columns of ids.
        columns: our name → column; without both users nothing is told.
    """
    if not {USER_ID, FOLLOWS_ID} <= columns.keys():
        return
    one, other = (
        keys[columns[name]].cast(pl.String).str.strip_chars() for name in (USER_ID, FOLLOWS_ID)
    )
    itself = int((one == other).sum())
    if itself:
        yield f"{itself:,} rows follow themselves: ingest leaves them out"


def tag_warnings(report: CheckReport, sample: pl.DataFrame) -> Iterator[str]:
    """Say where tags might be, where no column of the profiles is mapped on them.

    Args:
        report: of the profiles.
        sample: some rows.
    """
    used = report.mapping.table("profiles").columns
    names = [column.name for column in report.columns]
    if used.get(TAGS, "" if used else TAGS) in names:
        return
    alike = [name for name in names if _looks_like_tags(sample[name])]
    if alike:
        yield (
            f"no column is mapped on tags, of which communities are made; {alike[0]!r} looks like "
            f"them: write 'tags: {alike[0]}' below profiles, columns in the mapping, and there "
            f"each other column that is to be kept: where columns are named, only these are read"
        )


def _looks_like_tags(column: pl.Series) -> bool:
    if isinstance(column.dtype, pl.List):
        return True
    if column.dtype != pl.String or not len(column):
        return False
    return float(column.str.contains("|", literal=True).fill_null(False).mean() or 0) >= MANY  # type: ignore[arg-type]
