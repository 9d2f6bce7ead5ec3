import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.times import TimeFormat, check_time_type, parse_times, scale_notice
from habitus.errors import DataError, UsageError

SECOND = TimeFormat()
ORDER = TimeFormat(unit="order")


def read(*values: object, form: TimeFormat = SECOND, dtype: object = None) -> list[int | None]:
    series = pl.Series(values, dtype=dtype, strict=False)  # type: ignore[arg-type]
    return parse_times(series, form).to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-02 00:00:01", 86_401),
        ("1970-01-02T00:01", 86_460),
        ("1970-01-02T00:00:01Z", 86_401),
        ("1970-01-02t00:00:01z", 86_401),
        # One hour east of Greenwich is one hour earlier in UTC.
        ("1970-01-02T00:00:00+01:00", 82_800),
        ("1970-01-02 00:00-0130", 86_400 + 5_400),
        ("1970-01-02T00:00:00.999999", 86_400),
        # Half a second before 1970 is in the second before it.
        ("1969-12-31T23:59:59.5", -1),
        (" 1970-01-02 ", 86_400),
        ("86400", 86_400),
        (" 86400", 86_400),
        ("86400.9", 86_400),
        ("-0.5", -1),
        ("1500000000123", 1_500_000_000),
        ("-1500000000123", -1_500_000_001),
        ("1500000000123456", 1_500_000_000),
        ("1500000000123456789", 1_500_000_000),
    ],
)
def test_text_is_read_one_value_at_a_time(text: str, expected: int) -> None:
    assert read(text) == [expected]
    # The same beside others of every other kind.
    others = ["1970-01-01", "1970-01-01T00:00", "0", "0.5", "no", "", None]
    assert read(*others, text)[-1] == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2020-13-01", "2020-02-30", "2020-01-01T25:00", "2020-01-01Z", "inf", "nan"],
)
def test_what_is_no_time_is_null(text: str) -> None:
    assert read("1970-01-02", text) == [86_400, None]


ODD = (
    *("2020-1-5", "2020-01-01 1:2:3", "+2020-01-01", "2020-01-01T1:02:03Z", "2020- 1-01"),
    *("2020-01-01  01:02:03", "2020-01-01T01:02:03\u221202:00", "202-01-01", "20200-01-01"),
)


@pytest.mark.parametrize("odd", ODD)
def test_what_is_nearly_iso_is_no_time_whoever_its_neighbours_are(odd: str) -> None:
    usual = ["2020-01-01", "2020-01-01 00:00:00", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z"]
    for neighbours in ([], *([text] * 200 for text in usual), usual):
        assert read(*neighbours, odd)[-1] is None
        assert read(odd, *neighbours)[0] is None


def test_a_way_of_writing_that_comes_late_is_read() -> None:
    late = ["2020-01-01T00:00:00", "1577836800", "2020-01-01 00:00", "2020-01-01T00:00:00Z"]
    for first in ("2020-01-01", *late):
        assert read(*[first] * 150, *late) == [1_577_836_800] * 154


def test_a_second_needs_a_minute() -> None:
    assert read("2020-01-01:30") == [None]


@given(
    st.datetimes(min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2100, 1, 1)),
    st.one_of(st.none(), st.integers(-840, 840)),
    st.sampled_from(["T", " "]),
    st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds"]),
)
def test_iso_text_is_what_the_standard_library_reads(
    moment: dt.datetime, offset: int | None, separator: str, precision: str
) -> None:
    if offset is not None:
        moment = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    text = moment.isoformat(separator, precision)
    again = dt.datetime.fromisoformat(text)
    again = again if again.tzinfo else again.replace(tzinfo=dt.UTC)
    assert read(text) == [
        math.floor((again - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds())
    ]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_dated_columns_of_any_precision(unit: str) -> None:
    moments = pl.Series([dt.datetime(1970, 1, 2, 0, 0, 1, 999_000), None]).cast(
        pl.Datetime(unit)  # type: ignore[arg-type]
    )
    assert parse_times(moments, SECOND).to_list() == [86_401, None]
    assert parse_times(moments.dt.date(), SECOND).to_list() == [86_400, None]


def test_a_time_zone_is_taken_into_account() -> None:
    here = pl.Series([dt.datetime(1970, 1, 2)]).dt.replace_time_zone("Asia/Tokyo")
    # Tokyo is nine hours ahead.
    assert parse_times(here, SECOND).to_list() == [86_400 - 9 * 3_600]


def test_numbers_are_read_by_their_size() -> None:
    assert read(99_999_999_999, 100_000_000_000) == [99_999_999_999, 100_000_000]
    assert read(1.5, math.nan, math.inf, -1.5) == [1, None, None, -2]


def test_positions_are_whole_numbers_of_any_size() -> None:
    assert read("3", "3.0", "3.5", "x", "", form=ORDER) == [3, 3, None, None, None]
    assert read(3.0, 3.5, math.inf, form=ORDER) == [3, None, None]
    assert read(10**12, -1, form=ORDER) == [10**12, -1]
    assert read("2020-01-01", form=ORDER) == [None]


def test_a_pattern_of_ones_own() -> None:
    form = TimeFormat(pattern="%d.%m.%Y %H:%M")
    assert read("02.01.1970 00:01", "1970-01-02", None, form=form) == [86_460, None, None]
    assert read("02/01/70", form=TimeFormat(pattern="%d/%m/%y")) == [86_400]
    zoned = TimeFormat(pattern="%Y-%m-%d %H:%M %z")
    assert read("1970-01-02 01:00 +0100", form=zoned) == [86_400]


@pytest.mark.parametrize("pattern", ["%Q", "%H:%M", "when"])
def test_a_pattern_that_gives_no_time_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match=f"time_format '{pattern}'.*as strftime does"):
        check_time_type(pl.String(), TimeFormat(pattern=pattern), "when", "a.csv")


@pytest.mark.parametrize("pattern", ["%d.%m.%Y %H:%M", "%d/%m/%y", "%Y%m%dT%H%M%S%z", "%s"])
def test_a_pattern_that_gives_a_time_is_allowed(pattern: str) -> None:
    check_time_type(pl.String(), TimeFormat(pattern=pattern), "when", "a.csv")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1_500_000_000], None),
        ([1_500_000_000_000], "milliseconds"),
        ([1, 1_500_000_000_000_000], "microseconds"),
        (["1500000000000000000"], "nanoseconds"),
        (["2020-01-01"], None),
        ([None], None),
    ],
)
def test_what_large_numbers_are_read_as_is_told(values: list[object], expected: str | None) -> None:
    assert scale_notice(pl.Series(values)) == expected


@pytest.mark.parametrize(
    ("dtype", "form", "allowed"),
    [
        (pl.Date(), SECOND, True),
        (pl.Datetime("us"), SECOND, True),
        (pl.Int32(), SECOND, True),
        (pl.Float64(), SECOND, True),
        (pl.String(), ORDER, True),
        (pl.Date(), ORDER, False),
        (pl.Time(), SECOND, False),
        (pl.Duration("us"), SECOND, False),
        (pl.Boolean(), SECOND, False),
        (pl.List(pl.Int64), SECOND, False),
    ],
)
def test_only_some_types_can_hold_times(
    dtype: pl.DataType, form: TimeFormat, allowed: bool
) -> None:
    if allowed:
        check_time_type(dtype, form, "when", "a.parquet")
        return
    with pytest.raises(DataError, match=r"a\.parquet: column 'when' holds .* but times must be"):
        check_time_type(dtype, form, "when", "a.parquet")
