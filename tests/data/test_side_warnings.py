"""Empty texts and self-follows are counted; tags under another name are pointed at."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from habitus.data.check import check
from habitus.data.guess import find_column
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping


def warnings_of(table: Any, columns: dict[str, Any], mapping: TracesMapping | None = None) -> str:
    return " | ".join(check(pl.DataFrame(columns, strict=False), table, mapping).warnings)


def test_rows_without_text_are_counted_by_hand() -> None:
    channel = ChannelMapping(kind="text", column="body")
    mapping = TracesMapping(events=EventsMapping(channels={"text": channel}))
    # Empty, only spaces, and missing: 3 of 8.
    texts = ["one two", "", "  ", None, "three", "four five", "six", "seven"]
    columns = {"user_id": list("aabbccdd"), "time": list(range(8)), "body": texts}
    found = warnings_of("events", columns, mapping)
    assert "3 rows (38%) have no text in 'body': they are no posts" in found
    columns["body"] = ["x"] * 8
    assert "no text" not in warnings_of("events", columns, mapping)


def test_items_without_text_are_counted_too() -> None:
    columns = {"item_id": ["x", "y", "z"], "title": ["a b", None, "c"]}
    found = warnings_of("items", columns)
    assert "1 rows (33%) have no text in 'title': nothing can be read of them" in found


@pytest.mark.parametrize(
    ("followers", "followees", "itself"),
    [
        (["a", "b", "c"], ["b", "b", "c"], 2),
        ([1, 2, 3], ["1", " 2 ", "4"], 2),
        (["a", None], [None, "b"], 0),
        (["a", "b"], ["b", "a"], 0),
    ],
)
def test_who_follows_themselves_is_counted(followers: Any, followees: Any, itself: int) -> None:
    found = warnings_of("follows", {"user_id": followers, "follows_id": followees})
    told = f"{itself} rows follow themselves: ingest leaves them out"
    assert (told in found) == (itself > 0)
    assert ("themselves" in found) == (itself > 0)


def test_follows_without_a_followee_are_counted() -> None:
    found = warnings_of("follows", {"user_id": ["a", "b"], "follows_id": ["b", None]})
    assert "1 rows have no follows_id" in found


@pytest.mark.parametrize(
    "interests",
    [["games|sports", "games", None, "art"], [["games", "sports"], ["games"], [], ["art"]]],
)
def test_tags_under_another_name_are_pointed_at(interests: list[Any]) -> None:
    columns = {"user_id": list("abcd"), "interests": interests, "city": ["x", "y", "x", "y"]}
    told = "'interests' looks like them: write 'tags: interests' below profiles, columns"
    found = warnings_of("profiles", columns)
    assert told in found
    # A list is no channel, but a profile may hold it.
    assert "which no channel can be" not in found
    names = {"user_id": "user_id", "tags": "interests"}
    mapped = TracesMapping(profiles=TableMapping(columns=names))
    assert "looks like them" not in warnings_of("profiles", columns, mapped)
    without = TracesMapping(profiles=TableMapping(columns={"user_id": "user_id"}))
    assert told in warnings_of("profiles", columns, without)
    # A mapping takes what it names and nothing else, though a column be called tags.
    columns["tags"] = columns.pop("interests")
    assert "'tags' looks like them" in warnings_of("profiles", columns, without)


def test_where_tags_are_or_nothing_looks_like_them_nothing_is_told() -> None:
    plain = {"user_id": list("abcd"), "city": ["x", "y", "x", "y"]}
    assert "tags" not in warnings_of("profiles", plain)
    assert "tags" not in warnings_of("profiles", {**plain, "tags": ["a|b", "a", "b", ""]})
    # Of twenty texts one holds a bar: no tags.
    rare = {"user_id": list(range(20)), "city": ["x|y", *["x"] * 19]}
    assert "tags" not in warnings_of("profiles", rare)
    assert "tags" not in warnings_of("profiles", {"user_id": [], "interests": []})


def test_a_list_may_be_taken_for_tags_and_for_nothing_else() -> None:
    frame = pl.DataFrame({"Tags": [["a"]], "Text": [["b"]], "uid": ["c"]})
    report = check(frame, "profiles")
    assert find_column("tags", report.columns) == "Tags"
    assert find_column("text", report.columns) is None
    assert report.mapping.table("profiles").column_of("tags") == "Tags"
