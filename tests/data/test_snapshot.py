import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.columns import TableName
from habitus.data.ingest import ingest
from habitus.data.mapping import EventsMapping, TracesMapping
from habitus.data.snapshot import (
    END_OF_TIME,
    Snapshot,
    first_at_or_after,
    format_time,
    parse_time,
    ranges,
)
from habitus.data.sources import Source
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError

from .small import make, of_times

TIMES = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1
)


@given(TIMES, st.integers(1, 11), st.one_of(st.none(), st.integers(0, 4)))
@settings(max_examples=40)
def test_a_snapshot_is_what_a_loop_over_all_events_finds(
    times: dict[str, list[int]], as_of: int, max_events: int | None
) -> None:
    # An event long ago keeps every cutoff after the first event.
    times = {**times, "z": [-1]}
    with tempfile.TemporaryDirectory() as folder:
        traces = of_times(Path(folder) / "out", times)
        snapshot = Snapshot(traces, as_of)
        rows, offsets = snapshot.latest(max_events)
        found = {
            user: snapshot.values("time", rows[offsets[i] : offsets[i + 1]]).tolist()
            for i, user in enumerate(snapshot.user_ids.to_pylist())
        }
    before = {u: sorted(t for t in ts if t < as_of) for u, ts in times.items()}
    size = 100 if max_events is None else max_events
    assert found == {u: ts[max(0, len(ts) - size) :] for u, ts in before.items()}
    assert snapshot.lengths_U.tolist() == [len(before[u]) for u in sorted(before)]


@given(TIMES, TIMES, st.integers(1, 11))
@settings(max_examples=40)
def test_events_at_or_after_the_cutoff_change_nothing(
    times: dict[str, list[int]], later: dict[str, list[int]], as_of: int
) -> None:
    known = {u: [-1, *times.get(u, [])] for u in "abcd"}
    more = {u: [*ts, *(as_of + t for t in later.get(u, []))] for u, ts in known.items()}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, every in (("known", known), ("more", more)):
            snapshot = Snapshot(of_times(Path(folder) / name, every), as_of)
            rows, offsets = snapshot.latest()
            found.append((offsets.tolist(), snapshot.values("time", rows).tolist()))
    assert found[0] == found[1]


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=6).map(sorted), min_size=1, max_size=5),
    st.integers(-1, 7),
)
def test_the_binary_search_is_what_a_loop_finds(users: list[list[int]], instant: int) -> None:
    time_L = np.array([t for ts in users for t in ts], np.int64)
    stop_U = np.cumsum([len(ts) for ts in users])
    start_U = stop_U - [len(ts) for ts in users]
    expected = [
        start + sum(t < instant for t in ts) for start, ts in zip(start_U, users, strict=True)
    ]
    assert first_at_or_after(time_L, start_U, stop_U, instant).tolist() == expected
    each = np.full(len(users), instant)
    assert first_at_or_after(time_L, start_U, stop_U, each).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_ranges_are_the_ranges_one_after_another(pairs: list[tuple[int, int]]) -> None:
    start = np.array([s for s, _ in pairs], np.int64)
    length = np.array([n for _, n in pairs], np.int64)
    rows, offsets = ranges(start, length)
    assert rows.tolist() == [i for s, n in pairs for i in range(s, s + n)]
    assert offsets.tolist() == [sum(n for _, n in pairs[:k]) for k in range(len(pairs) + 1)]


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return make(tmp_path / "out")


def test_users_come_in_the_order_they_are_asked_for(traces: Traces) -> None:
    snapshot = Snapshot(traces, "2020-01-02", np.array([2, 0]))
    assert snapshot.user_ids.to_pylist() == ["c", "a"]
    # Before 2 January a has two events; the only one of c is of March.
    assert snapshot.lengths_U.tolist() == [0, 2]
    rows, offsets = snapshot.latest(1)
    assert offsets.tolist() == [0, 0, 1]
    assert snapshot.values("price", rows).tolist() == [-3.0]
    assert "2 users" in repr(snapshot)


def test_without_a_cutoff_everything_is_known(traces: Traces) -> None:
    snapshot = Snapshot(traces)
    assert snapshot.as_of == END_OF_TIME
    assert snapshot.lengths_U.sum() == traces.num_events
    assert snapshot.num_users == 3


def test_the_cutoff_itself_is_not_known(traces: Traces) -> None:
    day = parse_time("2020-01-02")
    assert Snapshot(traces, day).lengths_U.tolist() == [2, 1, 0]
    assert Snapshot(traces, day + 1).lengths_U.tolist() == [2, 2, 0]


@pytest.mark.parametrize("as_of", ["2020-01-01", "1999-01-01", 0])
def test_a_cutoff_before_the_first_event_is_refused(traces: Traces, as_of: Any) -> None:
    with pytest.raises(DataError, match="is not after the first event, 2020-01-01"):
        Snapshot(traces, as_of)


@pytest.mark.parametrize(
    ("users", "message"),
    [([3], r"must be in \[0, 3\)"), ([-1], "must be in"), ([1, 1], "a user row stands twice")],
)
def test_users_that_cannot_be_are_refused(traces: Traces, users: list[int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Snapshot(traces, users=np.array(users))


def test_nobody_at_all_is_allowed(traces: Traces) -> None:
    snapshot = Snapshot(traces, "2020-01-02", np.array([], np.int64))
    assert snapshot.latest()[1].tolist() == [0]


def test_side_tables_are_cut_by_user_and_time(tmp_path: Path) -> None:
    tables: dict[TableName, Source] = {
        "labels": pl.DataFrame(
            {
                "task": "t",
                "user_id": ["a", "a", "b"],
                "time": ["2020-01-01", "2020-01-03", "2020-01-01"],
                "value": [1, 2, 3],
            }
        ),
        "follows": pl.DataFrame(
            {"user_id": ["a"] * 3, "follows_id": ["b", "c", "c"], "time": [None, 0, 10**10]}
        ).with_columns(
            time=pl.when(pl.col("time") == 10**10).then(1_578_009_600).otherwise("time")
        ),
        "profiles": pl.DataFrame({"user_id": ["a", "b"], "tags": ["x", "y"]}),
        "items": pl.DataFrame({"item_id": ["i1"]}),
    }
    traces = make(tmp_path / "out", tables=tables)
    snapshot = Snapshot(traces, "2020-01-03", np.array([0]))

    def values(name: TableName, column: str) -> list[Any]:
        table = snapshot.table(name)
        assert table is not None
        found: list[Any] = table[column].to_pylist()
        return found

    # 1578009600 is 2020-01-03, the cutoff itself; an undated follow is kept.
    assert values("labels", "value") == [1.0]
    assert sorted(values("follows", "follows_id")) == ["b", "c"]
    assert values("profiles", "user_id") == ["a"]
    assert values("items", "item_id") == ["i1"]
    assert Snapshot(make(tmp_path / "bare"), "2020-01-03").table("labels") is None


def test_with_positions_a_cutoff_leaves_out_the_last_events(tmp_path: Path) -> None:
    of = TracesMapping(events=EventsMapping(time="n", time_unit="order"))
    source = pl.DataFrame({"user_id": ["a"] * 3 + ["b"], "n": [3, 1, 2, 7]})
    ingest({"events": source}, of, tmp_path / "out")
    traces = Traces(tmp_path / "out")
    assert Snapshot(traces).lengths_U.tolist() == [3, 1]
    last = Snapshot(traces, 2)
    # a keeps its first event, b (who has one) none.
    assert last.lengths_U.tolist() == [1, 0]
    assert last.values("time", last.latest()[0]).tolist() == [1]
    bad: list[Any] = ["2020-01-01", -1]
    for as_of in bad:
        with pytest.raises(UsageError, match="number of last events to leave out"):
            Snapshot(traces, as_of)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-02T00:00:01", 86_401),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.5", -1),
    ],
)
def test_times_in_words(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds


def test_a_time_that_cannot_be_read_says_how_to_write_one() -> None:
    with pytest.raises(UsageError, match="'1 May' is no date: write 2017-10-01"):
        parse_time("1 May")


@given(st.integers(-(10**10), 10**11))
def test_a_time_written_is_read_back(seconds: int) -> None:
    assert parse_time(format_time(seconds)) == seconds


def test_the_end_of_time_has_a_name() -> None:
    assert format_time(END_OF_TIME) == "the end"
