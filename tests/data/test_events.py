import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitus.data.blocks import Array
from habitus.data.events import ROW, USER, Chunk, EventPlan, encode_chunk, without_rows
from habitus.data.mapping import ChannelMapping, EventsMapping
from habitus.data.sources import parts
from habitus.data.validate import Problem
from habitus.errors import DataError

MAPPING = EventsMapping(
    user_id="who",
    time="when",
    channels={
        "kind": ChannelMapping(kind="category"),
        "item_id": ChannelMapping(kind="id", column="item"),
        "price": ChannelMapping(kind="dense"),
        "text": ChannelMapping(kind="text"),
    },
)
FRAME = pl.DataFrame(
    {
        "who": ["b", "out", "a", None],
        "when": [3, 2, 1, 0],
        "kind": ["x", "secret", None, "y"],
        "item": ["i1", "i2", "i1", "i9"],
        "price": [1.5, 9.0, None, 0.0],
        "text": ["hello", "secret", None, "bye"],
    }
)


def plan(mapping: EventsMapping = MAPPING, *opt_out: str) -> EventPlan:
    return EventPlan(mapping, latest=100, opt_out=pl.Series(opt_out, dtype=pl.String))


def encode(frame: pl.DataFrame, of: EventPlan, **kwargs: Any) -> tuple[Chunk, dict[str, Any]]:
    dictionaries = of.dictionaries()
    with ThreadPoolExecutor(2) as pool:
        given = {"bad_utf8": False, "rows_L": None, **kwargs}
        chunk = encode_chunk(frame, of, dictionaries, pool, **given)
    return chunk, dictionaries


def as_list(array: Array) -> list[Any]:
    found: list[Any] = array.tolist() if isinstance(array, np.ndarray) else array.to_pylist()
    return found


def test_a_chunk_becomes_arrays_of_its_clean_rows() -> None:
    rows = np.arange(10, 14)
    chunk, dictionaries = encode(FRAME, plan(MAPPING, "out"), rows_L=rows)
    assert {name: as_list(array) for name, array in chunk.block.items() if name != "price"} == {
        # Who opted out had the second code.
        USER: [1, 3],
        ROW: [10, 12],
        "time": [3, 1],
        "kind": [1, 0],
        "item_id": [1, 1],
        "text": ["hello", ""],
    }
    np.testing.assert_array_equal(chunk.block["price"], [1.5, np.nan])
    assert chunk.opted_out == 1
    assert [(p.column, p.places.tolist(), p.reason) for p in chunk.problems] == [
        ("who", [3], "missing")
    ]
    # Nothing of who opted out, or of bad rows, comes out of a dictionary.
    assert dictionaries[USER].values().to_list() == ["b", None, "a"]
    assert dictionaries["kind"].values().to_list() == ["x", None, None]
    assert dictionaries["item_id"].values().to_list() == ["i1", None, None]


def test_a_value_of_a_bad_row_may_come_again_in_a_clean_one() -> None:
    of = plan(MAPPING, "out")
    dictionaries = of.dictionaries()
    with ThreadPoolExecutor(2) as pool:
        for frame in (FRAME, FRAME[:1], FRAME[:1].with_columns(kind=pl.lit("secret"))):
            encode_chunk(frame, of, dictionaries, pool, bad_utf8=False, rows_L=None)
    assert dictionaries["kind"].values().to_list() == ["x", "secret", None]


def test_columns_are_read_once_and_only_where_they_are_needed() -> None:
    channels = {"a": ChannelMapping(kind="id", column="who"), **MAPPING.channels}
    twice = EventsMapping(user_id="who", time="when", channels=channels)
    assert plan(twice).columns == ["who", "when", "kind", "item", "price", "text"]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("who", [1.0, 2.0], r"column 'who' holds Float64.*astype\('Int64'\)"),
        ("item", [1.0, 2.0], "column 'item' holds Float64"),
        ("when", [[1], [2]], "times must be"),
        ("kind", [["a"], ["b"]], "needs one text, number or date"),
        ("price", [None, "2020-01-01"], None),
    ],
)
def test_columns_of_the_wrong_type_are_refused_before_reading(
    column: str, values: list[Any], message: str | None
) -> None:
    frame = FRAME[:2].with_columns(pl.Series(column, values, strict=False))
    (part,) = parts(frame)
    if message is None:
        plan().check(part)
        return
    with pytest.raises(DataError, match=message):
        plan().check(part)


def test_a_date_is_no_number() -> None:
    (part,) = parts(FRAME.with_columns(price=pl.lit("2020-01-01").str.to_date()))
    with pytest.raises(DataError, match="'price' holds Date, which is no number"):
        plan().check(part)


def test_a_missing_column_says_what_it_is_for_and_what_is_near() -> None:
    (part,) = parts(FRAME.rename({"item": "itme"}))
    with pytest.raises(DataError, match=r"no column 'item' \(for item_id\); did you mean 'itme'"):
        plan().check(part)


def test_ids_are_checked_in_text_only() -> None:
    frame = FRAME.with_columns(item=pl.Series(["1.0", "2", "nan", "x"]))
    chunk, _ = encode(frame, plan())
    told = {(p.column, place, p.reason) for p in chunk.problems for place in p.places.tolist()}
    assert ("item", 0, "an id written as a decimal number") in told
    assert ("item", 2, "a word for a missing value") in told
    chunk, _ = encode(FRAME.with_columns(item=pl.Series([1, 2, 3, None])), plan())
    assert [p.column for p in chunk.problems] == ["who"]


def test_replaced_bytes_make_a_row_bad_only_where_they_are_looked_for() -> None:
    frame = FRAME.with_columns(text=pl.lit("caf\ufffd"))
    assert len(encode(frame, plan(), bad_utf8=True)[0].block["time"]) == 0
    assert len(encode(frame, plan())[0].block["time"]) == 3


def test_what_times_are_read_as_is_told() -> None:
    chunk, _ = encode(FRAME.with_columns(when=pl.lit(1_000_000_000_000)), plan())
    assert chunk.notices == ["numbers in 'when' are read as milliseconds since 1970"]
    assert encode(FRAME, plan())[0].notices == []
    order = EventsMapping(user_id="who", time="when", time_unit="order", channels={})
    chunk, _ = encode(FRAME.with_columns(when=pl.lit(10**13)), plan(order))
    assert chunk.notices == []
    assert as_list(chunk.block["time"]) == [10**13] * 3


def test_events_before_the_earliest_time_are_bad() -> None:
    frame = FRAME.with_columns(when=pl.Series([4, 5, 6, 6]))
    chunk, _ = encode(frame, dataclasses.replace(plan(), earliest=5))
    assert [(p.places.tolist(), p.reason) for p in chunk.problems] == [
        ([3], "missing"),
        ([0], "before the earliest time"),
    ]
    # Nobody opted out; the fourth row has no user.
    assert as_list(chunk.block["time"]) == [5, 6]


def test_problems_tell_nothing_of_who_opted_out() -> None:
    values = pl.Series(["x", "12.0", " 12 ", "13.0"])
    found = [Problem("who", np.array([0, 1, 2, 3]), values, "why")]
    dropped = np.array([True, False, False, False])
    (left,) = without_rows(found, dropped, pl.Series(["12"]), "who")
    assert (left.places.tolist(), left.values.to_list()) == ([3], ["13.0"])
    # In a column that is no user id the same text means something else.
    (left,) = without_rows(found, dropped, pl.Series(["12"]), "other")
    assert left.places.tolist() == [1, 2, 3]
    assert without_rows(found, np.ones(4, bool), pl.Series([], dtype=pl.String), "who") == []
