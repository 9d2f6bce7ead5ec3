"""Which times are believed, and which are told to lie far from the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.believed import FEWEST, SAMPLE, Believed, believed_times, far_times
from habitus.data.mapping import EventsMapping
from habitus.data.snapshot import parse_time
from habitus.data.split import DAY
from habitus.errors import UsageError

BEGIN = parse_time("2020-01-01")
PLAIN = EventsMapping()
BOUND = EventsMapping(earliest_time="2019-01-01", latest_time="2020-01-01T12:00")


def days(*numbers: float) -> np.ndarray:
    """Return times, in days from the start of 2020."""
    return np.array([BEGIN + round(n * DAY) for n in numbers], np.int64)


def test_what_is_given_is_believed_before_what_the_mapping_says() -> None:
    assert believed_times(PLAIN, 7) == Believed(None, 7)
    noon = BEGIN + DAY // 2
    assert believed_times(BOUND, 7) == Believed(parse_time("2019-01-01"), noon)
    assert believed_times(BOUND, 7, earliest="1970-01-02") == Believed(DAY, noon)
    assert believed_times(PLAIN, 7, latest="1970-01-02") == Believed(None, DAY)
    assert believed_times(PLAIN, DAY, earliest="1970-01-02") == Believed(DAY, DAY)


@pytest.mark.parametrize(
    ("mapping", "given", "told"),
    [
        (PLAIN, {"earliest": "2O15-01-01"}, "'2O15-01-01' is no date: write 2017-10-01"),
        (PLAIN, {"latest": "soon"}, "'soon' is no date"),
        (PLAIN, {"earliest": "2020-01-02"}, "2020-01-02 lies after the latest, 2020-01-01: no"),
        (BOUND, {"latest": "2018-01-01"}, "2019-01-01 lies after the latest, 2018-01-01"),
        (
            EventsMapping(time_unit="order"),
            {"earliest": "2020-01-01"},
            "is an order, of which '2020-01-01' is no part",
        ),
    ],
)
def test_a_range_that_means_nothing_is_refused(
    mapping: EventsMapping, given: dict[str, str], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        believed_times(mapping, BEGIN, **given)


def test_one_event_of_1970_is_told_with_what_sets_it_aside() -> None:
    # 40 days: nearly all others are those from the second to the last but one.
    (told,) = far_times(np.append(days(*range(40)), 0))
    assert told == (
        "1 event of 1970-01-01, far before nearly all others, of 2020-01-01 to 2020-02-08: months "
        "are asked about from the first event to the last; if that is a mistake, --earliest-time "
        "2020-01-01 sets such rows aside"
    )


def test_a_side_has_a_sentence_of_its_own() -> None:
    early, late = far_times(days(-100, *range(40), 100.5))
    assert early.startswith("1 event of 2019-09-23, far before")
    assert "--earliest-time 2020-01-01 sets" in early
    # Day 100 of 2020, counted from 0: 31 + 29 + 31 days to the start of April, 9 more.
    assert late.startswith("1 event of 2020-04-10, far after nearly all others")
    # The last that is not far is the 40th day, the 9th of February; it stays.
    assert "--latest-time 2020-02-10 sets" in late


def test_far_is_further_than_the_rest_is_long_and_than_thirty_days() -> None:
    # The rest is 0 to 100, without one time on either side; 100 days from it are not far yet.
    long = [*range(102)]
    assert far_times(days(-100, *long)) == ()
    assert len(far_times(days(-100.1, *long))) == 1
    # The rest lasts a day at most.
    short = [n / 50 for n in range(50)]
    assert far_times(days(-30, *short)) == ()
    assert len(far_times(days(-30.1, *short))) == 1


def test_more_than_one_in_a_thousand_is_no_mistake() -> None:
    rest = [n / 100 for n in range(4000)]
    (told,) = far_times(days(-999, -1000, -1000, -1000, *rest))
    # 4 of 4,004; a fifth is the 0.1 % quantile itself, and belongs to the rest.
    assert told.startswith("4 events of 2017-04-06 to 2017-04-07, far before")
    assert far_times(days(-998, -999, -1000, -1000, -1000, *rest)) == ()


def test_of_few_events_nothing_is_told() -> None:
    few = days(-5000, *range(FEWEST - 2))
    assert far_times(few) == ()
    assert len(far_times(np.append(few, few[-1:]))) == 1
    assert far_times(np.zeros(0, np.int64)) == ()
    assert far_times(np.zeros(50, np.int64)) == ()


def test_of_many_events_a_sample_tells_the_rest_and_all_are_counted() -> None:
    # Each user's first event is of day 0, so that every 10th would say that the rest is one day.
    many = np.tile(days(*range(0, 400, 40)), SAMPLE // 5)
    assert far_times(many) == ()
    (told,) = far_times(np.concatenate([many, days(*[-5000] * 17)]))
    assert told.startswith("17 events of 2006-04-24, far before")


@given(st.lists(st.integers(-(10**5), 10**5), max_size=60))
def test_a_plain_twin_finds_the_same_sides(hours: list[int]) -> None:
    times = sorted(BEGIN + 3600 * hour for hour in hours)
    expected = []
    if len(times) >= FEWEST:
        rest = times[1:-1]
        reach = max(rest[-1] - rest[0], 30 * DAY)
        expected += ["before"] * any(rest[0] - t > reach for t in times)
        expected += ["after"] * any(t - rest[-1] > reach for t in times)
    told = far_times(np.array(hours, np.int64) * 3600 + BEGIN)
    assert [sentence.split(" far ")[1].split()[0] for sentence in told] == expected
