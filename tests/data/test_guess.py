from typing import Any

import polars as pl
import pytest

from habitus.data.column_report import report_columns
from habitus.data.columns import TableName
from habitus.data.guess import find_column, guess_kind, guess_mapping, guess_time_format
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping


def guess(columns: dict[str, Any], table: TableName = "events") -> TracesMapping:
    frame = pl.DataFrame(columns, strict=False)
    num_rows, reports = report_columns(frame.lazy(), "a frame")
    return guess_mapping(table, reports, frame, num_rows)


def events(**columns: Any) -> EventsMapping:
    """Return the guess for a table with two users and these columns besides."""
    length = len(next(iter(columns.values()))) if columns else 2
    base = {"user": ["a", "b"] * (length // 2), "when": ["2020-01-01 10:00"] * length}
    return guess({**base, **columns}).events


def kind(name: str, values: list[Any]) -> str | None:
    frame = pl.DataFrame({name: values}, strict=False)
    num_rows, (column,) = report_columns(frame.lazy(), "a frame")
    return guess_kind(column, num_rows)


def test_our_own_names_are_found_as_they_are() -> None:
    mapping = guess(
        {
            "user_id": ["a", "b"],
            "time": [10, 20],
            "item_id": ["x", "y"],
            "service": ["s", "t"],
            "kind": ["view", "buy"],
        }
    )
    assert mapping.events == EventsMapping(
        channels={
            "item_id": ChannelMapping(kind="id"),
            "service": ChannelMapping(kind="category"),
            "kind": ChannelMapping(kind="category"),
        }
    )


def test_names_of_others_are_found_too() -> None:
    mapping = guess(
        {
            "Customer ID": [1, 2],
            "InvoiceDate": ["2011-01-02 09:30", "2011-01-03 09:30"],
            "StockCode": ["a1", "b2"],
            "Event-Type": ["buy", "return"],
        }
    ).events
    assert (mapping.user_id, mapping.time) == ("Customer ID", "InvoiceDate")
    assert mapping.channels == {
        "item_id": ChannelMapping(kind="id", column="StockCode"),
        "kind": ChannelMapping(kind="category", column="Event-Type"),
    }


def test_the_likeliest_name_wins() -> None:
    frame = pl.DataFrame({"date": ["2020-01-01"], "timestamp": [5]})
    _, columns = report_columns(frame.lazy(), "a frame")
    assert find_column("time", columns) == "timestamp"
    assert find_column("item_id", columns) is None


def test_a_column_of_dates_is_the_time_whatever_its_name() -> None:
    found = events(when=["2020-01-01 10:00", "2020-01-02 10:00"])
    assert found.time == "when"
    # a second column of dates says nothing as a channel
    assert "born" not in events(born=["1990-01-01", "1991-01-01"]).channels


@pytest.mark.parametrize("name", ["when", "When", "created_utc", "at"])
def test_numbers_are_times_where_the_name_says_so(name: str) -> None:
    assert guess({"who": ["a", "b"], name: [10, 20]}).events.time == name
    assert guess({"who": ["a", "b"], name: [10, 20]}).events.user_id == "who"


SECONDS = 1_577_836_800
"""2020-01-01; 631,152,000 is the start of 1990 and 4,102,444,800 that of 2100."""


@pytest.mark.parametrize(
    ("values", "is_time"),
    [
        ([SECONDS, SECONDS + 5], True),
        ([SECONDS * 1000, SECONDS * 1000 + 5], True),
        ([str(SECONDS * 10**6), str(SECONDS * 10**6 + 5)], True),
        ([SECONDS * 10**9, SECONDS * 10**9 + 10**6], True),
        ([631_152_000, 4_102_444_799], True),
        ([631_151_999, SECONDS], False),
        ([SECONDS, 4_102_444_800], False),
        # Seconds and milliseconds at once are rather something else.
        ([SECONDS, SECONDS * 1000], False),
        ([SECONDS, SECONDS], False),
        ([1, 2], False),
        ([float(SECONDS), SECONDS + 0.5], False),
    ],
)
def test_whole_numbers_that_can_hardly_be_anything_else_are_times(
    values: list[Any], is_time: bool
) -> None:
    found = guess({"user_id": ["a", "b"], "moment": values}).events
    assert found.time == ("moment" if is_time else "time")
    # A number of an order is none, and a column that is called so is likelier.
    assert guess({"user_id": ["a", "b"], "order_no": values}).events.time == "time"
    assert guess({"user_id": ["a", "b"], "moment": values, "date": [1, 2]}).events.time == "date"


def test_a_position_is_an_order() -> None:
    found = guess({"user_id": [1, 1], "position": [0, 1], "item_id": [5, 6]}).events
    assert (found.time, found.time_unit) == ("position", "order")


def test_nothing_that_looks_like_it_keeps_our_name() -> None:
    found = guess({"a": [1.5, 2.5], "b": ["x", "y"]}).events
    assert (found.user_id, found.time) == ("user_id", "time")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("price", [1.5, 2.5, 3.0], "dense"),
        ("amount", list(range(60)) * 2, "dense"),
        ("stars", [1, 2, 3, 4, 5] * 3, "category"),
        ("zip", [10_000 + n % 60 for n in range(120)], "category"),
        ("basket_id", [n // 2 for n in range(4000)], "id"),
        ("colour", ["red", "blue"], "category"),
        ("page", [f"p{n}" for n in range(3000)], "id"),
        ("note", [f"a rather long text about the number {n} and more" for n in range(9)], "text"),
        ("member", [True, False], "category"),
        ("row", list(range(3000)), None),
        ("same", [7, 7, 7], None),
        ("nothing", [None, None], None),
        ("parts", [[1], [2]], None),
    ],
)
def test_what_kind_of_channel_a_column_is(
    name: str, values: list[Any], expected: str | None
) -> None:
    assert kind(name, values) == expected


def test_a_constant_service_is_still_told() -> None:
    assert events(service=["shop", "shop"]).channels["service"].kind == "category"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2020-01-31", "2020-02-01"], None),
        (["2020-01-31T10:00:00Z"], None),
        (["1577836800"], None),
        (["31.01.2020 10:00"], "%d.%m.%Y %H:%M"),
        (["31/01/2020"], "%d/%m/%Y"),
        (["01/31/2020 10:00:05"], "%m/%d/%Y %H:%M:%S"),
        (["2020/01/31 10:00"], "%Y/%m/%d %H:%M"),
        (["yesterday"], None),
        ([], None),
    ],
)
def test_how_times_are_written(texts: list[str], expected: str | None) -> None:
    assert guess_time_format(pl.Series(texts, dtype=pl.String)) == expected


def test_the_format_of_times_reaches_the_mapping() -> None:
    found = guess({"user": [1, 2], "day": ["31.01.2020", "01.02.2020"]}).events
    assert (found.time, found.time_format) == ("day", "%d.%m.%Y")


def test_channels_get_names_that_they_may_have() -> None:
    found = events(**{"unit price (€)": [1.5, 2.5]}).channels
    assert found == {"unit_price____": ChannelMapping(kind="dense", column="unit price (€)")}
    # "time" is no channel, and two names must not become one
    both = events(**{"a b": [1.5, 2.5], "a_b": [1.5, 2.5]}).channels
    assert set(both) == {"a_b", "a_b_"}


def test_a_side_table_keeps_all_its_columns() -> None:
    mapping = guess({"asin": ["x", "y"], "title": ["a", "b"], "text": ["c", "d"]}, "items")
    assert mapping.items is not None
    assert mapping.items.columns == {"item_id": "asin", "title": "title", "text": "text"}
    assert guess({"item_id": ["x"], "text": ["a"]}, "items").items == type(mapping.items)()


def test_follows_have_two_users() -> None:
    mapping = guess({"user_id": [1, 2], "followee": [2, 1]}, "follows")
    assert mapping.follows is not None
    assert mapping.follows.columns == {"user_id": "user_id", "follows_id": "followee"}


def test_a_proposal_survives_a_round_trip_through_a_file(tmp_path: Any) -> None:
    mapping = guess({"Customer": [1, 2], "day": ["31.01.2020", "01.02.2020"], "x y": [1.5, 2]})
    (tmp_path / "m.yaml").write_text(mapping.to_yaml())
    assert TracesMapping.from_yaml(tmp_path / "m.yaml") == mapping


def test_the_text_of_items_may_be_a_title() -> None:
    items = guess({"asin": ["x", "y"], "title": ["pen", "ink"]}, "items").items
    assert items is not None
    assert items.columns == {"item_id": "asin", "text": "title"}
    both = guess({"asin": ["x", "y"], "title": ["pen", "ink"], "text": ["a", "b"]}, "items").items
    assert both is not None
    assert both.columns == {"item_id": "asin", "title": "title", "text": "text"}
    # of an event a title may be that of a person
    assert events(title=["Ms", "Dr"]).channels["title"].kind == "category"


def test_who_follows_is_a_user() -> None:
    follows = guess({"follower": ["a"], "followee": ["b"]}, "follows").follows
    assert follows is not None
    assert follows.columns == {"user_id": "follower", "follows_id": "followee"}
