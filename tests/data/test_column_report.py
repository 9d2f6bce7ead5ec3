import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.column_report import ColumnReport, report_columns
from habitus.errors import DataError


def report(values: Any, **options: Any) -> ColumnReport:
    """Return the report of one column."""
    frame = pl.DataFrame({"x": pl.Series(values, **options)}, strict=False)
    num_rows, (column,) = report_columns(frame.lazy(), "a frame")
    assert num_rows == frame.height
    assert column.name == "x"
    return column


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ([1, 2, 3], "whole numbers"),
        ([1.0, 2.0], "whole numbers"),
        ([1.5, 2.0], "numbers"),
        (["1", "2"], "whole numbers"),
        (["1.5", " 2 "], "numbers"),
        (["a", "b"], "text"),
        ([True, False], "yes or no"),
        ([dt.date(2020, 1, 1)], "dates"),
        ([dt.datetime(2020, 1, 1, 5)], "dates"),
        ([[1, 2], [3]], "lists"),
        ([None, None], "nothing"),
        (["", " "], "nothing"),
        ([b"ab"], "lists"),
    ],
)
def test_what_a_column_holds(values: list[Any], holds: str) -> None:
    assert report(values).holds == holds


def test_a_category_type_is_text() -> None:
    column = report(["a", "b", "a", None], dtype=pl.Categorical)
    assert (column.holds, column.distinct, column.missing) == ("text", 2, 0.25)


def test_missing_is_null_nan_or_empty() -> None:
    assert report([1.0, float("nan"), None, 4.0]).missing == 0.5
    assert report(["a", "", "  ", None]).missing == 0.75
    assert report(["1", "nan", "3", "4"]).missing == 0.25
    assert report([1, None, 3]).missing == pytest.approx(1 / 3)


def test_smallest_and_largest_are_of_finite_numbers() -> None:
    column = report([3.0, float("inf"), -2.0, float("nan"), float("-inf")])
    assert (column.low, column.high, column.infinite) == (-2.0, 3.0, 2)
    written = report(["3", "inf", "-2", "4"])
    assert (written.low, written.high, written.infinite) == (-2.0, 4.0, 1)


def test_text_has_no_smallest_value() -> None:
    # a report may be passed on, and a value may be a name
    column = report(["anna", "bert"])
    assert (column.low, column.high) == (None, None)
    assert "anna" not in repr(column)


def test_text_among_numbers_is_a_misfit() -> None:
    column = report(["1"] * 19 + ["n/a"])
    assert (column.holds, column.misfits) == ("whole numbers", 1)


def test_half_numbers_is_text() -> None:
    column = report(["1", "2", "x", "y"])
    assert (column.holds, column.misfits, column.low) == ("text", 0, None)


def test_a_constant_is_one_value_or_none() -> None:
    assert report([5, 5, 5]).constant
    assert report([5, None]).constant
    assert report([None], dtype=pl.String).constant
    assert not report([5, 6]).constant


def test_lengths_and_spaces_of_text() -> None:
    # (3 + 5) / 2 characters, one of two with a space
    column = report(["abc", "ab cd"])
    assert (column.length, column.spaced) == (4.0, 0.5)


def test_a_table_without_rows() -> None:
    num_rows, columns = report_columns(
        pl.LazyFrame(schema={"a": pl.String, "b": pl.Float64, "c": pl.Int64}), "a frame"
    )
    assert num_rows == 0
    assert [(c.holds, c.missing) for c in columns] == [("nothing", 0.0)] * 3


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=40))
def test_text_is_told_as_the_numbers_that_it_writes(numbers: list[int | None]) -> None:
    direct = report(numbers, dtype=pl.Int64)
    written = report([None if n is None else str(n) for n in numbers], dtype=pl.String)
    for name in ("holds", "missing", "distinct", "low", "high"):
        assert getattr(written, name) == getattr(direct, name)
    present = {n for n in numbers if n is not None}
    assert direct.distinct == len(present)
    assert direct.missing == pytest.approx(numbers.count(None) / len(numbers))


def test_a_file_cut_off_is_an_error_of_data(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": list(range(50_000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:1000] + path.read_bytes()[-200:])
    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        report_columns(pl.scan_parquet(path), str(path))
