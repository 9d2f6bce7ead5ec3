"""Items, follows, profiles and labels: checked, in our names, in one order; held in memory.

Shapes: B rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.data.columns import (
    FOLLOWS_ID,
    ITEM_ID,
    REQUIRED,
    TAGS,
    TASK,
    TIME,
    USER_ID,
    VALUE,
    ChannelKind,
    TableName,
)
from habitus.data.dictionary import Dictionary
from habitus.data.events import ROW, require_column, without_rows
from habitus.data.mapping import TableMapping
from habitus.data.quarantine import Quarantine, bad_rows
from habitus.data.set_aside import wide_labels
from habitus.data.sources import Part
from habitus.data.times import TimeFormat, check_time_type, parse_times
from habitus.data.traces import Rows
from habitus.data.validate import (
    DOUBLED,
    EMPTY,
    MISSING,
    OPTED_OUT,
    SELF_FOLLOW,
    UNKNOWN_USER,
    Problem,
    check_id_type,
    check_value_type,
    id_problems,
    id_properties,
    parse_numbers,
    problem,
    time_problems,
    utf8_problems,
)
from habitus.errors import DataError

USER_COLUMNS: Final = (USER_ID, FOLLOWS_ID)
"""Columns that name users; who opted out is dropped by any of them."""
ORDER: Final[Mapping[TableName, tuple[str, ...]]] = {
    "items": (ITEM_ID,),
    "profiles": (USER_ID,),
    "follows": (USER_ID, FOLLOWS_ID, TIME),
    "labels": (TASK, USER_ID, TIME),
}
"""What each table is sorted by; ties keep their order of arrival."""


@dataclass(frozen=True)
class TablePlan:
    """What the columns of a side table mean."""

    table: TableName
    mapping: TableMapping
    time_format: TimeFormat
    latest: int
    opt_out: pl.Series
    attributes: Mapping[str, ChannelKind] = field(default_factory=dict)
    """Columns that events use as channels, and as what."""
    earliest: int | None = None
    """Times before this second are bad; None for none."""

    def columns(self, part: Part) -> dict[str, str]:
        """Return our name → column of the source, for one file.

        Raises:
            DataError: a column is missing or of a type that cannot be what it should.
        """
        schema = part.schema()
        columns = dict(self.mapping.columns) or {name: name for name in schema}
        if self.table == "labels" and (told := wide_labels([*schema], self.mapping.column_of)):
            raise DataError(f"{part.name}: {told}")
        for name in (*REQUIRED[self.table], *self.attributes):
            columns.setdefault(name, name)
        for name, column in columns.items():
            require_column(schema, column, name, part.name)
            self._check_type(name, column, schema[column], part.name)
        return columns

    def _check_type(self, name: str, column: str, dtype: pl.DataType, source: str) -> None:
        if name in (*USER_COLUMNS, ITEM_ID):
            check_id_type(dtype, column, source)
        elif name == TIME and self.table in ("follows", "labels"):
            check_time_type(dtype, self.time_format, column, source)
        elif name in self.attributes:
            check_value_type(dtype, column, source)
        elif dtype.is_nested() and not isinstance(dtype, pl.List):
            raise DataError(f"{source}: column {column!r} holds {dtype}; split it into columns")


class Clean(NamedTuple):
    """What a chunk of a side table became."""

    frame: pl.DataFrame
    """Clean rows in our names, with their numbers as :data:`ROW`."""
    problems: list[Problem]
    opted_out: int


def clean_chunk(
    frame: pl.DataFrame, plan: TablePlan, columns: Mapping[str, str], row_B: Rows, *, bad_utf8: bool
) -> Clean:
    """Return the clean rows of a chunk of a side table."""
    problems = utf8_problems(frame) if bad_utf8 else []
    ours = {name: frame[column] for name, column in columns.items()}
    opted_B = np.zeros(frame.height, np.bool_)
    for name in (USER_ID, FOLLOWS_ID, ITEM_ID):
        if name in ours and (name == ITEM_ID) == (plan.table == "items"):
            met = Dictionary(id_properties(required=True, opt_out=plan.opt_out))
            code_B = met.codes(ours[name])
            hit_B = met.hits(OPTED_OUT, code_B) if name in USER_COLUMNS else None
            opted_B = opted_B if hit_B is None else opted_B | hit_B
            problems += id_problems(columns[name], ours[name], code_B, met, required=True)
            ours[name] = ours[name].cast(pl.String)
    problems += _typed(plan, columns, ours)
    ids = [columns[name] for name in USER_COLUMNS if name in columns]
    problems = without_rows(problems, opted_B, plan.opt_out, *ids)
    keep = pl.Series(~(bad_rows(problems, frame.height) | opted_B))
    clean = pl.DataFrame({**ours, ROW: row_B}).filter(keep)
    return Clean(clean, problems, int(opted_B.sum()))


def only_first(frame: pl.DataFrame, key: str, quarantine: Quarantine) -> pl.DataFrame:
    """Return the first row of each key; later ones go to the quarantine."""
    return _drop(frame, (~frame[key].is_first_distinct()).to_numpy(), key, DOUBLED, quarantine)


def only_known(frame: pl.DataFrame, users: pl.Series, quarantine: Quarantine) -> pl.DataFrame:
    """Return the rows whose users all have a row in the traces, and who do not follow themselves.

    The others go to the quarantine; they say nothing against the source.
    """
    for name in USER_COLUMNS:
        if name in frame.columns:
            unknown_B = (~frame[name].is_in(users.implode())).to_numpy()
            frame = _drop(frame, unknown_B, name, UNKNOWN_USER, quarantine)
    if FOLLOWS_ID in frame.columns:
        itself_B = (frame[USER_ID] == frame[FOLLOWS_ID]).to_numpy()
        frame = _drop(frame, itself_B, FOLLOWS_ID, SELF_FOLLOW, quarantine)
    return frame


def to_arrow(frame: pl.DataFrame, table: TableName) -> pa.Table:
    """Return the table to store: in its order, without row numbers, columns sorted by name."""
    order = [name for name in ORDER[table] if name in frame.columns]
    frame = frame.sort(order, maintain_order=True, nulls_last=True).drop(ROW)
    first = [name for name in REQUIRED[table] if name in frame.columns]
    rest = sorted(set(frame.columns) - set(first))
    stored = frame.select(*first, *rest).to_arrow()
    fields = [pa.field(f.name, _small(f.type)) for f in stored.schema]
    return stored.cast(pa.schema(fields))


def _typed(
    plan: TablePlan, columns: Mapping[str, str], ours: dict[str, pl.Series]
) -> list[Problem]:
    """Turn times, values and tags into their types, in place; return what is wrong with them."""
    found: list[Problem] = []
    if TIME in ours and plan.table in ("follows", "labels"):
        raw, column = ours[TIME], columns[TIME]
        ours[TIME] = parse_times(raw, plan.time_format)
        found += time_problems(
            column,
            raw,
            ours[TIME],
            unit=plan.time_format.unit,
            latest=plan.latest,
            earliest=plan.earliest,
            required=plan.table == "labels",
        )
    if plan.table == "labels":
        found += _typed_label(columns, ours)
    if plan.table == "profiles" and TAGS in ours:
        ours[TAGS] = _tags(ours[TAGS])
    for name, kind in plan.attributes.items():
        # Stored as they came; only checked here.
        if kind == "dense":
            found += parse_numbers(columns[name], ours[name])[1]
    return found


def _typed_label(columns: Mapping[str, str], ours: dict[str, pl.Series]) -> list[Problem]:
    raw = ours[VALUE]
    values, found = parse_numbers(columns[VALUE], raw, np.float64)
    ours[VALUE] = pl.Series(values)
    missing_B = np.isnan(values)
    for p in found:
        missing_B[p.places] = False
    if missing_B.any():
        found.append(problem(columns[VALUE], raw, missing_B, MISSING))
    ours[TASK] = ours[TASK].cast(pl.String)
    empty_B = (ours[TASK].fill_null("") == "").to_numpy()
    if empty_B.any():
        found.append(problem(columns[TASK], ours[TASK], empty_B, EMPTY))
    return found


def _tags(series: pl.Series) -> pl.Series:
    """Return lists of tags from lists, or from text such as ``"a|b"``; no tag is an empty list."""
    if not isinstance(series.dtype, pl.List):
        series = series.cast(pl.String).str.split("|")
    texts = series.cast(pl.List(pl.String)).fill_null([])
    tags = texts.list.eval(pl.element().str.strip_chars())
    return tags.list.eval(pl.element().filter(pl.element() != ""))


def _drop(
    frame: pl.DataFrame,
    drop_B: npt.NDArray[np.bool_],
    column: str,
    reason: str,
    quarantine: Quarantine,
) -> pl.DataFrame:
    if not drop_B.any():
        return frame
    quarantine.add([problem(column, frame[column], drop_B, reason)], frame[ROW].to_numpy())
    return frame.filter(pl.Series(~drop_B))


def _small(dtype: pa.DataType) -> pa.DataType:
    """Return the type that stores what polars calls by a wider one."""
    if dtype == pa.large_string() or pa.types.is_dictionary(dtype):
        return pa.string()
    if pa.types.is_large_list(dtype):
        return pa.list_(_small(dtype.value_type))
    return dtype
