"""Event rows into arrays: one chunk in, its clean rows encoded, its bad ones told; pure.

Shapes: L rows of a chunk or of its clean part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from habitus.data.blocks import Array, Block
from habitus.data.columns import TIME, ChannelKind
from habitus.data.dictionary import Dictionary
from habitus.data.hash_table import Codes
from habitus.data.mapping import EventsMapping
from habitus.data.quarantine import bad_rows
from habitus.data.sources import Part
from habitus.data.times import TimeFormat, check_time_type, parse_times, scale_notice
from habitus.data.traces import Rows
from habitus.data.validate import (
    OPTED_OUT,
    Problem,
    check_id_type,
    check_value_type,
    id_problems,
    id_properties,
    parse_numbers,
    time_problems,
    utf8_problems,
)
from habitus.errors import DataError
from habitus.registry import did_you_mean

USER = ".user"
ROW = ".row"
"""Columns of our own; no channel may have a dot in its name."""


@dataclass(frozen=True)
class EventPlan:
    """Which columns of the source become which arrays."""

    mapping: EventsMapping
    latest: int
    """Events after this second are bad."""
    opt_out: pl.Series
    """Ids of users who are dropped."""
    earliest: int | None = None
    """Events before this second are bad; None for none."""

    @property
    def time_format(self) -> TimeFormat:
        """How times are written."""
        return TimeFormat(self.mapping.time_unit, self.mapping.time_format)

    @property
    def columns(self) -> list[str]:
        """Columns to read, each once."""
        m = self.mapping
        channels = [m.column_of(name) for name in m.event_channels]
        return list(dict.fromkeys([m.user_id, m.time, *channels]))

    def dictionaries(self) -> dict[str, Dictionary]:
        """Return an empty dictionary for the users and for each category and ID channel."""
        users = {USER: Dictionary(id_properties(required=True, opt_out=self.opt_out))}
        ids = {name: Dictionary(id_properties(required=False)) for name in self.names("id")}
        return users | ids | {name: Dictionary() for name in self.names("category")}

    def names(self, *kinds: ChannelKind) -> list[str]:
        """Return the channels of the given kinds that stand in the source of events."""
        return [n for n in self.mapping.event_channels if self.mapping.kind_of(n) in kinds]

    def check(self, part: Part) -> None:
        """Compare a source with the mapping before its rows are read.

        Raises:
            DataError: a column is missing or of a type that cannot be what it is mapped to.
        """
        schema = part.schema()
        m = self.mapping
        wanted = {"user_id": m.user_id, "time": m.time}
        wanted |= {name: m.column_of(name) for name in m.event_channels}
        for ours, column in wanted.items():
            require_column(schema, column, ours, part.name)
        check_id_type(schema[m.user_id], m.user_id, part.name)
        check_time_type(schema[m.time], self.time_format, m.time, part.name)
        for name in m.event_channels:
            column = m.column_of(name)
            check_value_type(schema[column], column, part.name)
            if m.kind_of(name) == "id":
                check_id_type(schema[column], column, part.name)
            if m.kind_of(name) == "dense":
                _check_number_type(schema[column], column, part.name)


class Chunk(NamedTuple):
    """What a chunk became."""

    block: Block
    """Arrays of the clean rows, in order of arrival."""
    problems: list[Problem]
    opted_out: int
    notices: list[str]


def encode_chunk(
    frame: pl.DataFrame,
    plan: EventPlan,
    dictionaries: Mapping[str, Dictionary],
    pool: Executor,
    *,
    bad_utf8: bool,
    rows_L: Rows | None,
) -> Chunk:
    """Return the clean rows of a chunk as arrays.

    Args:
        frame: the columns of ``plan``.
        plan: what they mean.
        dictionaries: values met so far of :data:`USER` and each coded channel; they grow.
        pool: encodes columns side by side.
        bad_utf8: look for replaced bytes.
        rows_L: number of each row, to be kept as :data:`ROW`; None to keep none.
    """
    m, num_rows = plan.mapping, frame.height
    was_used = all(dictionary.is_all_used() for dictionary in dictionaries.values())
    parsed = pool.submit(parse_times, frame[m.time], plan.time_format)
    code, number, unread = _encode_columns(frame, plan, dictionaries, pool)
    time = parsed.result()
    opted_L = dictionaries[USER].hits(OPTED_OUT, code[USER])
    if opted_L is None:
        opted_L = np.zeros(num_rows, np.bool_)
    problems = utf8_problems(frame) if bad_utf8 else []
    problems += _id_problems(frame, plan, code, dictionaries)
    problems += time_problems(
        m.time,
        frame[m.time],
        time,
        unit=m.time_unit,
        latest=plan.latest,
        earliest=plan.earliest,
    )
    problems = without_rows(problems + unread, opted_L, plan.opt_out, m.user_id)
    keep_L = ~(bad_rows(problems, num_rows) | opted_L)

    arrays: Block = {TIME: time.fill_null(0).to_numpy(), **number}
    if rows_L is not None:
        arrays[ROW] = rows_L
    arrays |= {n: _texts(frame[m.column_of(n)]) for n in plan.names("text")}
    arrays |= code
    is_whole = bool(keep_L.all())
    if not is_whole:
        arrays = {n: _filter(a, keep_L) for n, a in arrays.items()}
    for name, dictionary in dictionaries.items():
        if is_whole and was_used:
            dictionary.use_all()
        else:
            dictionary.use(cast(Codes, arrays[name]))
    return Chunk(arrays, problems, int(opted_L.sum()), _notices(frame, plan))


def _encode_columns(
    frame: pl.DataFrame, plan: EventPlan, dictionaries: Mapping[str, Dictionary], pool: Executor
) -> tuple[dict[str, Codes], dict[str, npt.NDArray[np.float32]], list[Problem]]:
    """Return codes, numbers and what is no number, columns side by side.

    Memory is taken here and not in the threads of the pool: there the same pages would be taken
    from the system and given back for every column.
    """
    m, num_rows = plan.mapping, frame.height
    code = {name: np.empty(num_rows, np.uint32) for name in dictionaries}
    number = {name: np.empty(num_rows, np.float32) for name in plan.names("dense")}

    def encode(name: str) -> list[Problem]:
        column = m.user_id if name == USER else m.column_of(name)
        if name in number:
            return parse_numbers(column, frame[column], out_L=number[name])[1]
        dictionaries[name].codes(frame[column], code[name])
        return []

    unread = [p for found in pool.map(encode, (*code, *number)) for p in found]
    return code, number, unread


def without_rows(
    problems: Sequence[Problem],
    dropped_L: npt.NDArray[np.bool_],
    opt_out: pl.Series,
    *id_columns: str,
) -> list[Problem]:
    """Return problems that tell nothing of users who opted out.

    Rows of such users are dropped, and so are their ids where these are ill-written
    (``"12.0"`` for 12): a quarantine file must not hold them either.
    """
    left = []
    for p in problems:
        keep = pl.Series(~dropped_L[p.places])
        if p.column in id_columns and len(opt_out):
            plain = p.values.str.strip_chars().str.replace(r"\.0*$", "")
            keep &= ~plain.is_in(opt_out.implode()).fill_null(False)
        if keep.all():
            left.append(p)
        elif keep.any():
            places = p.places[keep.to_numpy()]
            left.append(p._replace(places=places, values=p.values.filter(keep)))
    return left


def require_column(schema: Mapping[str, pl.DataType], column: str, ours: str, source: str) -> None:
    """Refuse a source without a column.

    Raises:
        DataError: the column, what it is for, and the nearest name that is there.
    """
    if column not in schema:
        purpose = "" if column == ours else f" (for {ours})"
        raise DataError(
            f"{source} has no column {column!r}{purpose}; {did_you_mean(column, schema)}; "
            f"name it in the mapping, which 'habitus check' can propose"
        )


def _id_problems(
    frame: pl.DataFrame,
    plan: EventPlan,
    code: Mapping[str, Codes],
    dictionaries: Mapping[str, Dictionary],
) -> list[Problem]:
    found = []
    for name in (USER, *plan.names("id")):
        column = plan.mapping.user_id if name == USER else plan.mapping.column_of(name)
        found += id_problems(
            column, frame[column], code[name], dictionaries[name], required=name == USER
        )
    return found


def _filter(array: Array, keep_L: npt.NDArray[np.bool_]) -> Array:
    return array[keep_L] if isinstance(array, np.ndarray) else array.filter(pa.array(keep_L))


def _notices(frame: pl.DataFrame, plan: EventPlan) -> list[str]:
    column = plan.mapping.time
    scale = scale_notice(frame[column]) if plan.mapping.time_unit == "second" else None
    return [f"numbers in {column!r} are read as {scale} since 1970"] if scale else []


def _texts(series: pl.Series) -> pa.LargeStringArray:
    texts = series.cast(pl.String).fill_null("").to_arrow()
    return cast("pa.LargeStringArray", texts.cast(pa.large_string()))


def _check_number_type(dtype: pl.DataType, column: str, source: str) -> None:
    if dtype.is_temporal():
        raise DataError(
            f"{source}: column {column!r} holds {dtype}, which is no number; map it as a category "
            f"or turn it into a number first"
        )
