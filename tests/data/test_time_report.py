import numpy as np
import polars as pl
import pytest

from habitus.data.believed import Believed
from habitus.data.snapshot import parse_time
from habitus.data.split import DAY
from habitus.data.time_report import BINS, bars, report_times, time_warnings
from habitus.data.times import TimeFormat

LATEST = parse_time("2021-01-01")
UP_TO = Believed(None, LATEST)
TIMES = pl.Series(
    "time",
    [
        "2020-01-01 06:00",
        "2020-01-01 18:00",
        "2020-01-02 00:00",
        "2020-01-05 00:00",
        "2020-01-05 12:00",
        "2020-01-05 12:00",
    ],
)
USERS = pl.Series("user_id", ["a", "a", "b", "c", "c", "c"])


def test_time_by_hand() -> None:
    times = report_times(TIMES, USERS, TimeFormat(), UP_TO)
    assert times is not None
    assert (times.first, times.last) == ("2020-01-01T06:00:00", "2020-01-05T12:00:00")
    # 1 to 5 January; nothing on the 3rd and 4th; from the 2nd to the 5th at midnight
    assert (times.days, times.empty_days, times.largest_gap_days) == (5, 2, 3.0)
    assert (times.gap_from, times.gap_to) == ("2020-01-02", "2020-01-05")
    # 2, 1, 0, 0, 3 events and 1, 1, 0, 0, 1 users
    events, users = times.events_per_day, times.users_per_day
    assert users is not None
    assert (events.first, events.median, events.last) == (2.0, 1.0, 3.0)
    assert (users.first, users.median, users.last) == (1.0, 1.0, 1.0)
    assert events.bars == "▆▃▁▁█"


def test_the_order_of_rows_does_not_matter() -> None:
    backwards = report_times(TIMES.reverse(), USERS.reverse(), TimeFormat(), UP_TO)
    assert backwards == report_times(TIMES, USERS, TimeFormat(), UP_TO)


def test_one_event_has_no_gap() -> None:
    times = report_times(TIMES.head(1), USERS.head(1), TimeFormat(), UP_TO)
    assert times is not None
    assert (times.days, times.empty_days, times.largest_gap_days) == (1, 0, 0.0)
    assert list(time_warnings(times)) == []


def test_unreadable_and_late_times_are_counted_apart() -> None:
    raw = pl.Series("at", ["2020-01-01", "soon", "", None, "2022-01-01"])
    times = report_times(raw, None, TimeFormat(), UP_TO)
    assert times is not None
    assert (times.unreadable, times.future, times.first) == (1, 1, "2020-01-01")
    assert times.users_per_day is None
    said = " | ".join(time_warnings(times))
    assert "1 times in 'at' cannot be read" in said
    assert "1 times in 'at' are in the future" in said


def test_times_before_the_earliest_are_counted_and_left_out() -> None:
    raw = pl.Series("at", ["1970-01-01", "2019-12-31", "2020-01-01", None, "2022-01-01"])
    times = report_times(raw, None, TimeFormat(), Believed(parse_time("2020-01-01"), LATEST))
    assert times is not None
    assert (times.early, times.future, times.first, times.last) == (
        2,
        1,
        "2020-01-01",
        "2020-01-01",
    )
    assert "2 times in 'at' are before the earliest time" in list(time_warnings(times))
    # The first second of 1970 is an earliest time like any other.
    from_1970 = report_times(pl.Series([-1, 0, 5]), None, TimeFormat(), Believed(0, LATEST))
    assert from_1970 is not None
    assert from_1970.early == 1


def test_events_that_lie_far_from_the_rest_are_told() -> None:
    raw = pl.Series("at", [0, *range(LATEST - 40 * DAY, LATEST, DAY)])
    times = report_times(raw, None, TimeFormat(), UP_TO)
    assert times is not None
    (told,) = times.far
    assert told in list(time_warnings(times))
    assert told.startswith("1 event of 1970-01-01, far before nearly all others")


def test_times_in_the_wrong_unit_look_too_early() -> None:
    times = report_times(pl.Series("at", [18_262, 18_263]), None, TimeFormat(), UP_TO)
    assert times is not None
    assert "is that the unit of 'at'?" in " ".join(time_warnings(times))


def test_days_are_utc() -> None:
    # the last second of one day and the first of the next
    times = report_times(pl.Series([DAY * 9 - 1, DAY * 9]), None, TimeFormat(), UP_TO)
    assert times is not None
    assert times.days == 2


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (TIMES.head(0), TimeFormat()),
        (pl.Series([0, 1]), TimeFormat(unit="order")),
        (pl.Series([[0], [1]]), TimeFormat()),
        (pl.Series(["soon"]), TimeFormat()),
        (pl.Series([LATEST + 1]), TimeFormat()),
    ],
    ids=["no rows", "an order", "lists", "unreadable", "all late"],
)
def test_without_a_known_time_there_is_no_report(raw: pl.Series, form: TimeFormat) -> None:
    assert report_times(raw, None, form, UP_TO) is None


def test_bars_are_never_more_than_fit_on_a_line() -> None:
    assert len(bars(np.arange(1000.0))) == BINS
    assert bars(np.ones(3)) == "▁▁▁"
    assert bars(np.zeros(0)) == ""
