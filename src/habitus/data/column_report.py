"""What the columns of a table hold: types, missing values, distinct values, odd ones.

Text that is numbers (all of a CSV file is text at first) is told as numbers. No value of a column
of ids or text is kept: a report can be passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from habitus.data.sources import reading

Holds = Literal["nothing", "yes or no", "whole numbers", "numbers", "dates", "text", "lists"]
"""What the values of a column are, whatever the file stores them as."""

MOSTLY: Final = 0.9
"""Text of which this share is numbers is numbers with some bad values, not text."""


@dataclass(frozen=True, kw_only=True)
class ColumnReport:
    """What one column holds."""

    name: str
    stored_as: str
    """The type in the source, such as ``Int64``; ``String`` for all of a CSV file."""
    holds: Holds
    missing: float
    """Share of rows without a value: null, NaN or empty text."""
    distinct: int
    """How many values differ, as 64-bit hashes count them."""
    low: float | None = None
    """The smallest number; None where it holds no numbers."""
    high: float | None = None
    infinite: int = 0
    """Rows that are infinite."""
    misfits: int = 0
    """Rows that are not what the others are: text among numbers."""
    length: float = 0.0
    """Mean characters of text."""
    spaced: float = 0.0
    """Share of text with a space in it."""

    @property
    def constant(self) -> bool:
        """True where every row holds the same value, or none."""
        return self.distinct <= 1


def report_columns(table: pl.LazyFrame, source: str) -> tuple[int, tuple[ColumnReport, ...]]:
    """Return the number of rows, and a report of each column, in one pass.

    Raises:
        DataError: the source is cut off or damaged.
    """
    with reading(source):
        schema = table.collect_schema()
        asked = [pl.len().alias("rows")]
        for place, (name, dtype) in enumerate(schema.items()):
            asked += [e.alias(f"{place}.{k}") for k, e in _questions(name, dtype).items()]
        answers = table.select(asked).collect(engine="streaming").row(0, named=True)
    reports = tuple(
        _report(name, dtype, answers["rows"], _part(answers, place))
        for place, (name, dtype) in enumerate(schema.items())
    )
    return int(answers["rows"]), reports


def _questions(name: str, dtype: pl.DataType) -> dict[str, pl.Expr]:
    column = pl.col(name)
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
        return {"missing": column.null_count()}
    asked = {"missing": column.null_count(), "distinct": _count_distinct(column)}
    if dtype == pl.String:
        return {**asked, **_text_questions(column)}
    if dtype.is_float():
        finite = column.is_finite()
        asked["missing"] = column.null_count() + column.is_nan().sum()
        asked["infinite"] = column.is_infinite().sum()
        # NaN means missing here, and would count as a value of its own.
        asked["distinct"] = _count_distinct(column.filter(column.is_not_nan()))
        asked["whole"] = (column.filter(finite) == column.filter(finite).floor()).all()
        column = column.filter(finite)
    if dtype.is_numeric():
        asked |= {"low": column.min().cast(pl.Float64), "high": column.max().cast(pl.Float64)}
    return asked


def _count_distinct(column: pl.Expr) -> pl.Expr:
    # Hashes of long texts are small, and polars' own estimate takes -3 and 5 for one value.
    return column.drop_nulls().hash().n_unique()


def _text_questions(column: pl.Expr) -> dict[str, pl.Expr]:
    bare = column.str.strip_chars()
    number = bare.cast(pl.Float64, strict=False)
    finite = number.filter(number.is_finite())
    empty = bare == ""
    return {
        "missing": column.null_count() + empty.sum() + number.is_nan().sum(),
        "distinct": _count_distinct(column.filter(~empty)),
        "numbers": number.is_not_nan().sum(),
        "infinite": number.is_infinite().sum(),
        "whole": (finite == finite.floor()).all(),
        "low": finite.min(),
        "high": finite.max(),
        "length": bare.str.len_chars().mean(),
        "spaced": bare.str.contains(" ", literal=True).mean(),
    }


def _part(answers: dict[str, Any], place: int) -> dict[str, Any]:
    head = f"{place}."
    return {k.removeprefix(head): v for k, v in answers.items() if k.startswith(head)}


def _report(name: str, dtype: pl.DataType, num_rows: int, found: dict[str, Any]) -> ColumnReport:
    present = num_rows - found["missing"]
    numbers = found.get("numbers", 0)
    is_text = dtype == pl.String and numbers < MOSTLY * present
    numeric = not is_text and found.get("low") is not None
    return ColumnReport(
        name=name,
        stored_as=str(dtype),
        holds=_holds(dtype, is_text=is_text, present=present, whole=found.get("whole", True)),
        missing=found["missing"] / num_rows if num_rows else 0.0,
        distinct=min(found.get("distinct", present), present),
        low=found["low"] if numeric else None,
        high=found["high"] if numeric else None,
        infinite=0 if is_text else found.get("infinite", 0),
        misfits=present - numbers if dtype == pl.String and not is_text else 0,
        length=found.get("length") or 0.0,
        spaced=found.get("spaced") or 0.0,
    )


def _holds(dtype: pl.DataType, *, is_text: bool, present: int, whole: bool) -> Holds:
    if present == 0:
        return "nothing"
    if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
        return "lists"
    if dtype == pl.Boolean:
        return "yes or no"
    if dtype.is_temporal():
        return "dates"
    if dtype.is_numeric() or (dtype == pl.String and not is_text):
        return "whole numbers" if whole else "numbers"
    return "text"
