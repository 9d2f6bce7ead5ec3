import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.dictionary import Dictionary
from habitus.data.validate import (
    OPTED_OUT,
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


def reasons(series: pl.Series, *, required: bool = True) -> dict[int, list[str]]:
    """Return what is wrong with each bad row of ids."""
    found: dict[int, list[str]] = {}
    met = Dictionary(id_properties(required=required))
    # What an earlier chunk had wrong is no fault of this one.
    met.codes(pl.Series(["8.5", "nan", ""]))
    for p in id_problems("user", series, met.codes(series), met, required=required):
        for place in p.places.tolist():
            found.setdefault(place, []).append(p.reason)
    return found


def test_ids_of_the_wrong_kind_are_told_apart() -> None:
    ids = pl.Series(["a", None, "", " ", "12", "12.0", "-3.", "NaN", "none", "N/A", "1.x", "007"])
    assert reasons(ids) == {
        1: ["missing"],
        2: ["empty text"],
        3: ["empty text"],
        5: ["an id written as a decimal number"],
        6: ["an id written as a decimal number"],
        7: ["a word for a missing value"],
        8: ["a word for a missing value"],
        9: ["a word for a missing value"],
    }


def test_ids_that_may_be_missing_may_also_be_empty() -> None:
    assert reasons(pl.Series(["a", None, "", "12.0"]), required=False) == {
        3: ["an id written as a decimal number"]
    }


def test_integers_are_ids_whatever_they_are() -> None:
    assert reasons(pl.Series([1, -2, None])) == {2: ["missing"]}


@pytest.mark.parametrize("dtype", [pl.Float64(), pl.Date(), pl.Boolean(), pl.List(pl.Int64)])
def test_a_type_that_cannot_hold_ids_is_refused(dtype: pl.DataType) -> None:
    with pytest.raises(DataError, match=r"a\.parquet: column 'user' holds .* must be text"):
        check_id_type(dtype, "user", "a.parquet")


def test_floats_for_ids_say_where_they_come_from() -> None:
    with pytest.raises(DataError, match=r"astype\('Int64'\)"):
        check_id_type(pl.Float64(), "user", "x")
    check_id_type(pl.UInt8(), "user", "x")
    check_id_type(pl.Enum(["a"]), "user", "x")


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Struct({"a": pl.Int64}), pl.Binary()])
def test_a_channel_needs_single_values(dtype: pl.DataType) -> None:
    with pytest.raises(DataError, match="needs one text, number or date"):
        check_value_type(dtype, "x", "a.parquet")


def test_numbers_from_text() -> None:
    texts = pl.Series(["1.5", " 2 ", "", None, "nan", "1,5", "x", "inf", "1e39", "-1e-3"])
    numbers, found = parse_numbers("price", texts)
    expected = [1.5, 2, math.nan, math.nan, math.nan, math.nan, math.nan, math.inf, math.inf, -1e-3]
    np.testing.assert_array_equal(numbers, np.array(expected, np.float32))
    told = [(p.places.tolist(), p.values.to_list(), p.reason) for p in found]
    assert told == [
        ([5, 6], ["1,5", "x"], "not a number"),
        ([7, 8], ["inf", "1e39"], "infinite or too large"),
    ]


@given(st.lists(st.one_of(st.none(), st.floats(width=64), st.integers(-(2**62), 2**62))))
def test_a_number_is_the_same_from_text_and_from_any_type(values: list[float | int | None]) -> None:
    wide = pl.Series([None if v is None else float(v) for v in values], dtype=pl.Float64)
    text = pl.Series([None if v is None else repr(float(v)) for v in values], dtype=pl.String)
    with np.errstate(over="ignore"):
        expected = np.array([math.nan if v is None else float(v) for v in values], np.float32)
    for series in (wide, text):
        np.testing.assert_array_equal(parse_numbers("x", series)[0], expected)
    if whole := [v for v in values if isinstance(v, int)]:
        np.testing.assert_array_equal(
            parse_numbers("x", pl.Series(whole))[0], np.array([float(v) for v in whole], np.float32)
        )


def test_yes_and_no_are_one_and_zero() -> None:
    assert parse_numbers("x", pl.Series([True, False]))[0].tolist() == [1, 0]


def test_values_too_large_for_float32_fit_float64() -> None:
    assert parse_numbers("x", pl.Series([1e39]), np.float64) == (np.array([1e39]), [])


def test_times_that_are_missing_unreadable_or_too_late() -> None:
    raw = pl.Series(["5", "x", "", None, "11"])
    time = pl.Series([5, None, None, None, 11])
    found = time_problems("when", raw, time, unit="second", latest=10)
    told = [(p.places.tolist(), p.reason) for p in found]
    assert told == [([2, 3], "missing"), ([1], "not a time"), ([4], "in the future")]
    kept = time_problems("when", raw, time, unit="order", latest=10, required=False)
    assert [(p.places.tolist(), p.reason) for p in kept] == [([1], "not a time")]


def test_times_before_the_earliest_are_bad_and_the_earliest_itself_is_not() -> None:
    raw = pl.Series(["4", "5", None, "12"])
    time = pl.Series([4, 5, None, 12])
    found = time_problems("when", raw, time, unit="second", latest=10, earliest=5)
    told = [(p.places.tolist(), p.values.to_list(), p.reason) for p in found]
    assert told == [
        ([2], [None], "missing"),
        ([3], ["12"], "in the future"),
        ([0], ["4"], "before the earliest time"),
    ]
    assert (
        time_problems("when", time, time, unit="order", latest=0, earliest=5, required=False) == []
    )


def test_the_latest_time_itself_is_allowed() -> None:
    time = pl.Series([10])
    assert time_problems("when", time, time, unit="second", latest=10) == []


def test_replaced_bytes_are_found_in_every_text_column() -> None:
    frame = pl.DataFrame({"a": ["x", "y\ufffd", None], "n": [1, 2, 3], "b": ["\ufffd", "", "z"]})
    told = [(p.column, p.places.tolist(), p.reason) for p in utf8_problems(frame)]
    assert told == [("a", [1], "bytes that are not UTF-8"), ("b", [0], "bytes that are not UTF-8")]


def test_long_values_are_cut() -> None:
    found = problem("text", pl.Series(["x" * 1000]), np.array([True]), "why")
    assert found.values.to_list() == ["x" * 200]


@pytest.mark.parametrize("ids", [["12", "a", None, "12"], [12, 3, None, 12]])
def test_who_opted_out_is_found_in_texts_and_in_numbers(ids: list[str | int | None]) -> None:
    met = Dictionary(id_properties(required=True, opt_out=pl.Series(["12", "x"])))
    hit_L = met.hits(OPTED_OUT, met.codes(pl.Series(ids)))
    assert hit_L is not None
    assert hit_L.tolist() == [True, False, False, True]
    nobody = Dictionary(id_properties(required=True, opt_out=pl.Series([], dtype=pl.String)))
    assert nobody.hits(OPTED_OUT, nobody.codes(pl.Series(ids))) is None


def test_numbers_are_written_where_it_is_asked_for() -> None:
    out_L = np.zeros(3, np.float32)
    series = pl.concat([pl.Series([1.5]), pl.Series([None, 2.5], dtype=pl.Float64)], rechunk=False)
    found_L, problems = parse_numbers("x", series, out_L=out_L)
    assert found_L is out_L
    np.testing.assert_array_equal(out_L, [1.5, np.nan, 2.5])
    assert problems == []
