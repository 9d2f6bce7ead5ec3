from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from habitus.data.columns import TableName
from habitus.data.events import ROW
from habitus.data.mapping import TableMapping
from habitus.data.quarantine import Quarantine
from habitus.data.side_tables import (
    Clean,
    TablePlan,
    clean_chunk,
    only_first,
    only_known,
    to_arrow,
)
from habitus.data.sources import parts
from habitus.data.times import TimeFormat
from habitus.errors import DataError


def plan(table: TableName, *opt_out: str, **kwargs: Any) -> TablePlan:
    given: dict[str, Any] = {"mapping": TableMapping(), "time_format": TimeFormat(), **kwargs}
    ids = pl.Series(opt_out, dtype=pl.String)
    return TablePlan(table, latest=100, opt_out=ids, **given)


def clean(frame: pl.DataFrame, of: TablePlan) -> Clean:
    (part,) = parts(frame)
    return clean_chunk(frame, of, of.columns(part), np.arange(frame.height), bad_utf8=False)


def told(found: Clean) -> list[tuple[str, list[int], str]]:
    return [(p.column, p.places.tolist(), p.reason) for p in found.problems]


def rows(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.rows()


def quarantine(folder: Path) -> Quarantine:
    made = Quarantine(folder, "t")
    made.start_file("t.csv", 0)
    return made


def test_items_keep_their_attributes_as_they_came() -> None:
    frame = pl.DataFrame({"item_id": [1, None, 3], "brand": ["x", "y", None], "size": [1.5, 2, 3]})
    found = clean(frame, plan("items"))
    assert rows(found.frame) == [("1", "x", 1.5, 0), ("3", None, 3.0, 2)]
    assert told(found) == [("item_id", [1], "missing")]


def test_only_mapped_columns_are_kept_when_there_is_a_mapping() -> None:
    frame = pl.DataFrame({"asin": ["a"], "title": ["t"], "secret": ["s"]})
    mapping = TableMapping(columns={"item_id": "asin", "text": "title"})
    assert clean(frame, plan("items", mapping=mapping)).frame.columns == ["item_id", "text", ROW]


def test_numbers_that_events_use_are_checked() -> None:
    frame = pl.DataFrame({"item_id": ["a", "b"], "size": ["1", "large"], "brand": ["x", "y"]})
    found = clean(frame, plan("items", attributes={"size": "dense", "brand": "category"}))
    assert told(found) == [("size", [1], "not a number")]
    (part,) = parts(frame.drop("brand"))
    with pytest.raises(DataError, match="no column 'brand'"):
        plan("items", attributes={"brand": "category"}).columns(part)


@pytest.mark.parametrize("tags", [["a|b", "", None, " c |"], [["a", "b"], [], None, [" c ", ""]]])
def test_tags_are_lists_or_text(tags: list[Any]) -> None:
    frame = pl.DataFrame({"user_id": list("wxyz"), "tags": tags})
    found = clean(frame, plan("profiles"))
    assert found.frame["tags"].to_list() == [["a", "b"], [], [], ["c"]]


def test_labels_need_a_task_a_time_and_a_finite_value() -> None:
    frame = pl.DataFrame(
        {
            "task": ["t", "t", "", None, "t", "t", "t"],
            "user_id": list("abcdefg"),
            "time": ["5", "101", "5", "5", "x", None, "1970-01-01"],
            "value": ["1", "1", "1", "1", "1", "1", None],
        }
    )
    found = clean(frame, plan("labels"))
    assert rows(found.frame) == [("t", "a", 5, 1.0, 0)]
    assert sorted(told(found)) == [
        ("task", [2, 3], "empty text"),
        ("time", [1], "in the future"),
        ("time", [4], "not a time"),
        ("time", [5], "missing"),
        ("value", [6], "missing"),
    ]
    infinite = frame[:2].with_columns(time=1, value=pl.Series(["inf", "x"]))
    assert sorted(told(clean(infinite, plan("labels")))) == [
        ("value", [0], "infinite or too large"),
        ("value", [1], "not a number"),
    ]


@pytest.mark.parametrize("table", ["labels", "follows"])
def test_times_before_the_earliest_are_bad_here_too(table: TableName) -> None:
    frame = pl.DataFrame(
        {"task": ["t"] * 3, "user_id": list("abc"), "follows_id": list("bca"), "value": [1, 1, 1]}
    ).with_columns(time=pl.Series(["4", "5", "6"]))
    found = clean(frame, plan(table, earliest=5))
    assert told(found) == [("time", [0], "before the earliest time")]
    assert found.frame["user_id"].to_list() == ["b", "c"]


def test_follows_may_be_undated() -> None:
    frame = pl.DataFrame({"user_id": ["a", "b"], "follows_id": ["b", "c"]})
    assert clean(frame, plan("follows")).frame.height == 2
    dated = frame.with_columns(time=pl.Series([None, "never"]))
    found = clean(dated, plan("follows"))
    assert rows(found.frame) == [("a", "b", None, 0)]
    assert told(found) == [("time", [1], "not a time")]


def test_who_opted_out_is_dropped_from_either_side_of_a_follow() -> None:
    frame = pl.DataFrame({"user_id": ["a", "b", "c"], "follows_id": ["b", "c", "a"]})
    found = clean(frame, plan("follows", "a"))
    assert rows(found.frame) == [("b", "c", 1)]
    assert (found.opted_out, found.problems) == (2, [])


def test_an_ill_written_id_of_who_opted_out_is_told_nowhere() -> None:
    frame = pl.DataFrame({"user_id": ["7.0", "8.0", "x"], "follows_id": ["x", "x", "7.0"]})
    found = clean(frame, plan("follows", "7"))
    assert [p.values.to_list() for p in found.problems] == [["8.0"]]


def test_items_of_the_name_of_somebody_who_opted_out_stay() -> None:
    frame = pl.DataFrame({"item_id": ["a", "b"]})
    assert clean(frame, plan("items", "a")).frame.height == 2


@pytest.mark.parametrize(
    ("table", "frame", "message"),
    [
        ("items", pl.DataFrame({"id": ["a"]}), "no column 'item_id'"),
        ("profiles", pl.DataFrame({"user_id": [1.0]}), "ids must be text or integers"),
        ("profiles", pl.DataFrame({"user_id": ["a"], "x": [{"y": 1}]}), "split it into columns"),
        ("follows", pl.DataFrame({"user_id": ["a"]}), "no column 'follows_id'"),
        ("labels", pl.DataFrame({"task": ["t"], "user_id": ["a"], "value": [1]}), "column 'time'"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    table: TableName, frame: pl.DataFrame, message: str
) -> None:
    (part,) = parts(frame)
    with pytest.raises(DataError, match=message):
        plan(table).columns(part)


def test_the_first_row_of_an_id_is_kept(tmp_path: Path) -> None:
    frame = pl.DataFrame({"item_id": ["a", "b", "a"], "n": [1, 2, 3], ROW: [4, 5, 6]})
    into = quarantine(tmp_path)
    assert only_first(frame, "item_id", into)["n"].to_list() == [1, 2]
    assert into.reasons == {"id stands in an earlier row": 1}
    assert into.path.read_text().splitlines()[1] == "7,item_id,a,id stands in an earlier row,t.csv"
    assert into.bad == 1


def test_only_known_users_and_nobody_who_follows_himself(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"user_id": ["a", "x", "b", "a"], "follows_id": ["b", "a", "b", "x"], ROW: [0, 1, 2, 3]}
    )
    into = quarantine(tmp_path)
    assert rows(only_known(frame, pl.Series(["a", "b"]), into)) == [("a", "b", 0)]
    assert into.reasons == {"a user without events or profile": 2, "follows itself": 1}
    # Not the fault of the source.
    assert into.bad == 0


def test_tables_are_stored_in_one_order_whatever_the_order_of_arrival() -> None:
    frame = pl.DataFrame(
        {
            "zip": ["1", "2", "3"],
            "user_id": ["b", "a", "c"],
            "tags": [["x"], [], None],
            ROW: [0, 1, 2],
        }
    )
    stored = to_arrow(frame, "profiles")
    assert stored.column_names == ["user_id", "tags", "zip"]
    assert stored["user_id"].to_pylist() == ["a", "b", "c"]
    assert stored.schema.types == [pa.string(), pa.list_(pa.string()), pa.string()]
    assert to_arrow(frame[::-1], "profiles").equals(stored)


def test_undated_follows_stand_last() -> None:
    frame = pl.DataFrame(
        {"user_id": ["a"] * 3, "follows_id": ["b"] * 3, "time": [None, 5, 1], ROW: [0, 1, 2]}
    )
    assert to_arrow(frame, "follows")["time"].to_pylist() == [1, 5, None]
