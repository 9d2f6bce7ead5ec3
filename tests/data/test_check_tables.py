"""Several tables are looked at together, and one mapping of all goes into ingest."""

import json
from pathlib import Path
from typing import cast

import polars as pl
import pytest

from habitus.data.check import check
from habitus.data.check_tables import TablesReport, check_tables
from habitus.data.columns import TableName
from habitus.data.ingest import ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.data.sources import Source
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError

EVENTS = pl.DataFrame(
    {
        "Customer": ["a", "a", "b", "c"],
        "timestamp": [1_000_000_000, 1_100_000_000, 1_000_000_500, 1_000_000_900],
        "asin": ["x", "y", "x", "z"],
        "brand": ["p", "q", "p", "p"],
    }
)
ITEMS = pl.DataFrame(
    {
        "asin": ["x", "y", "z"],
        "title": ["pen", "ink", "cap"],
        "brand": ["1", "2", "1"],
        "colour": ["red", "blue", "red"],
        "price": [1.5, 2.5, 1.5],
    }
)
PROFILES = pl.DataFrame({"Customer": ["a", "b"], "age": ["old", "young"]})
FOLLOWS = pl.DataFrame({"follower": ["a", "b"], "followee": ["b", "d"]})


def look(**tables: Source) -> TablesReport:
    """Return the report of tables by name."""
    return check_tables(cast("dict[TableName, Source]", {"events": EVENTS, **tables}))


def test_the_proposals_of_all_tables_are_one_mapping() -> None:
    mapping = look(profiles=PROFILES, follows=FOLLOWS).mapping
    assert mapping.events == check(EVENTS).mapping.events
    assert mapping.profiles == check(PROFILES, "profiles").mapping.profiles
    assert mapping.table("profiles").column_of("user_id") == "Customer"
    assert mapping.follows == TableMapping(
        columns={"user_id": "follower", "follows_id": "followee"}
    )
    assert mapping.items is None


def test_the_mapping_goes_all_the_way(tmp_path: Path) -> None:
    mapping = look(items=ITEMS, profiles=PROFILES, follows=FOLLOWS).mapping
    (tmp_path / "m.yaml").write_text(mapping.to_yaml())
    again = TracesMapping.from_yaml(tmp_path / "m.yaml")
    assert again == mapping
    sources: dict[TableName, Source] = {"events": EVENTS, "items": ITEMS}
    sources |= {"profiles": PROFILES, "follows": FOLLOWS}
    ingest(sources, again, tmp_path / "out")
    traces = Traces(tmp_path / "out")
    assert sorted(traces.columns) == ["brand", "colour", "item_id", "price"]
    # x, y of a, then x of b, then z of c: 1 blue, 2 red, 0 missing.
    assert traces.column("colour").tolist() == [2, 1, 2, 2]
    assert traces.column("price").tolist() == [1.5, 2.5, 1.5, 1.5]
    profiles = traces.table("profiles")
    assert profiles is not None
    assert profiles["age"].to_pylist() == ["old", "young"]


def test_attributes_of_items_become_channels_unless_the_events_have_them() -> None:
    events = look(items=ITEMS).mapping.events
    # The brand of the events stays theirs; a title is text to be read, not a channel.
    assert events.item_channels == ("colour", "price")
    assert events.channels["colour"] == ChannelMapping(kind="category")
    assert events.channels["price"] == ChannelMapping(kind="dense")
    assert events.channels["brand"] == check(EVENTS).mapping.events.channels["brand"]


def test_items_that_no_event_names_give_no_channel() -> None:
    bare = EVENTS.select("Customer", "timestamp", "brand")
    mapping = check_tables({"events": bare, "items": ITEMS}).mapping
    assert mapping.events.item_channels == ()


def test_ids_without_events_are_counted() -> None:
    found = look(items=ITEMS.head(2), profiles=PROFILES, follows=FOLLOWS)
    # followees are b, who has an event, and d, who has none; of x, y, z two have a row
    assert found.warnings == (
        "1 of the 3 items of the events (33%) have no row in items: nothing is known of them",
        "1 of the 2 ids in 'followee' of follows (50%) have no event",
    )


def test_where_every_id_meets_nothing_is_told() -> None:
    assert look(items=ITEMS, profiles=PROFILES).warnings == ()


def test_ids_that_are_written_in_another_way_are_noticed() -> None:
    strange = PROFILES.with_columns(Customer="user " + pl.col("Customer"))
    [warning] = look(profiles=strange).warnings
    assert warning == (
        "none of the 2 ids in 'Customer' of profiles stands in the events: are they written in "
        "the same way there?"
    )


def test_numbers_and_text_may_be_the_same_id() -> None:
    events = pl.DataFrame({"user_id": [1, 2], "time": [10**9, 10**9 + 1]})
    profiles = pl.DataFrame({"user_id": ["1", " 2"], "age": ["old", "young"]})
    assert check_tables({"events": events, "profiles": profiles}).warnings == ()


def test_a_mapping_that_is_given_is_used_for_all() -> None:
    mapping = TracesMapping(
        events=EventsMapping(user_id="Customer", time="timestamp"),
        profiles=TableMapping(columns={"user_id": "Customer"}),
    )
    found = check_tables({"events": EVENTS, "profiles": PROFILES}, mapping)
    assert found.mapping == mapping
    assert not found.reports["profiles"].proposed
    with pytest.raises(DataError, match="no column 'user_id'"):
        check_tables({"events": EVENTS, "follows": FOLLOWS}, mapping)


def test_a_column_that_is_not_there_meets_nothing() -> None:
    # Nobody's id: check says so itself.
    found = look(profiles=pl.DataFrame({"height": [1.5]}))
    assert found.warnings == ()
    assert any("no column looks like user_id" in w for w in found.reports["profiles"].warnings)


def test_tables_without_events_or_of_another_name_are_refused() -> None:
    with pytest.raises(UsageError, match="give them too"):
        check_tables({"profiles": PROFILES})
    with pytest.raises(UsageError, match="did you mean 'profiles'"):
        look(profile=PROFILES)


def test_it_is_plain_values_without_ids() -> None:
    text = json.dumps(look(items=ITEMS, profiles=PROFILES).to_dict(), allow_nan=False)
    assert list(json.loads(text)) == ["tables", "mapping", "warnings"]
    assert list(json.loads(text)["tables"]) == ["events", "items", "profiles"]
    assert '"Customer"' in text
    assert '"a"' not in text
