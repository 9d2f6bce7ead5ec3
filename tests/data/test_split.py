import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data.columns import TableName
from habitus.data.ingest import ingest
from habitus.data.mapping import EventsMapping, TracesMapping
from habitus.data.snapshot import Snapshot, format_time, parse_time
from habitus.data.sources import Source
from habitus.data.split import DAY, Cutoffs, Future, UserSplit, parts_by_profile
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError, UsageError

from .small import make, of_times


def ids(number: int) -> pa.StringArray:
    return pa.array([f"u{i}" for i in range(number)])


@given(st.lists(st.text(min_size=1), unique=True, max_size=20), st.text(min_size=1))
def test_a_new_user_moves_nobody(users: list[str], new: str) -> None:
    split = UserSplit()
    before = dict(zip(users, split.part_of(pa.array(users, pa.string())), strict=True))
    every = [new, *users]
    after = dict(zip(every, split.part_of(pa.array(every, pa.string())), strict=True))
    assert {u: after[u] for u in users} == before


def test_the_shares_are_about_what_was_asked() -> None:
    parts = UserSplit(train=0.6, valid=0.15, test=0.25).part_of(ids(20_000))
    shares = np.bincount(parts, minlength=3) / 20_000
    # Standard error of a share of 20,000 is at most 0.0035; four of them.
    np.testing.assert_allclose(shares, [0.6, 0.15, 0.25], atol=0.014)


def test_another_seed_is_another_split() -> None:
    one, other = UserSplit(seed=0).part_of(ids(500)), UserSplit(seed=1).part_of(ids(500))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, UserSplit(seed=0).part_of(ids(500)))


def test_a_split_stays_what_it_was() -> None:
    # A change here would move people between parts of every earlier run.
    assert UserSplit().part_of(ids(12)).tolist() == [1, 0, 1, 0, 2, 0, 2, 2, 2, 0, 0, 0]


def test_shares_of_nothing_and_everything() -> None:
    assert set(UserSplit(train=1, valid=0, test=0).part_of(ids(100)).tolist()) == {0}
    assert set(UserSplit(train=0, valid=0, test=1).part_of(ids(100)).tolist()) == {2}
    assert set(UserSplit(train=0, valid=1, test=0).part_of(ids(100)).tolist()) == {1}


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.5, 0.2, 0.2), r"train \+ valid \+ test must be 1, got 0.9"),
        ((0.6, 0.6, 0.6), r"train \+ valid \+ test must be 1, got 1.8"),
        ((1.2, -0.2, 0.0), "must be 0 or more, got -0.2"),
    ],
)
def test_shares_that_are_no_whole_are_refused(
    shares: tuple[float, float, float], message: str
) -> None:
    train, valid, test = shares
    with pytest.raises(UsageError, match=message):
        UserSplit(train=train, valid=valid, test=test)


def test_the_parts_are_all_users_and_share_none(tmp_path: Path) -> None:
    traces = of_times(tmp_path / "out", {f"u{i}": [1] for i in range(40)})
    found = [UserSplit().rows(traces, part) for part in ("train", "valid", "test")]
    assert sorted(np.concatenate(found).tolist()) == list(range(40))


def test_training_cutoffs_end_their_windows_by_the_test_cutoff() -> None:
    cutoffs = Cutoffs(first="2017-04-15", test="2017-10-01", horizon_days=90)
    # 3 July is the last day whose 90 days end by 1 October; 1 July is the last first of a month.
    assert [format_time(t) for t in cutoffs.train_times()] == [
        "2017-05-01",
        "2017-06-01",
        "2017-07-01",
    ]
    assert all(t + cutoffs.horizon <= cutoffs.test_time for t in cutoffs.train_times())


def test_a_window_that_ends_on_the_test_cutoff_counts() -> None:
    # June has 30 days.
    cutoffs = Cutoffs(first="2017-06-01", test="2017-07-01", horizon_days=30)
    assert [format_time(t) for t in cutoffs.train_times()] == ["2017-06-01"]
    assert cutoffs.horizon == 30 * DAY


def test_cutoffs_without_one_for_training_are_refused() -> None:
    with pytest.raises(UsageError, match="start earlier or shorten the window"):
        Cutoffs(first="2017-06-02", test="2017-07-01", horizon_days=30).train_times()


DAYS = {"a": [0, 10, 20, 30], "b": [5, 10, 19], "c": [29]}


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    rows = [(u, day * DAY, f"i{day % 3}") for u, days in DAYS.items() for day in days]
    frame = pl.DataFrame(rows, schema=["user_id", "time", "item_id"], orient="row")
    return make(tmp_path / "out", frame.with_columns(price=pl.col("time") / DAY))


def test_the_future_is_the_window_and_nothing_else(traces: Traces) -> None:
    users = np.array([2, 0, 1])
    future = Future(traces, 10 * DAY, 10 * DAY, users)
    assert future.num_users == 3
    # Days 10 … 19: of c none, of a day 10 (20 is out), of b days 10 and 19.
    assert future.num_events_U.tolist() == [0, 1, 2]
    assert (future.values("time") / DAY).tolist() == [10, 10, 19]
    assert future.values("price").tolist() == [10, 10, 19]
    assert future.user_L.tolist() == [1, 2, 2]


@given(st.integers(0, 20), st.integers(1, 10))
@settings(max_examples=40)
def test_past_and_future_together_are_the_history_and_share_nothing(
    cutoff_day: int, horizon_days: int
) -> None:
    times = {u: [-DAY, *(d * DAY for d in days)] for u, days in DAYS.items()}
    with tempfile.TemporaryDirectory() as folder:
        traces = of_times(Path(folder) / "out", times)
        cutoff, horizon = cutoff_day * DAY, horizon_days * DAY
        past = Snapshot(traces, cutoff)
        future = Future(traces, cutoff, horizon, past.users_U)
        both = past.lengths_U + future.num_events_U
        end = Snapshot(traces, cutoff + horizon).lengths_U
    assert both.tolist() == end.tolist()


def test_who_has_a_value_in_the_window(traces: Traces) -> None:
    future = Future(traces, 10 * DAY, 10 * DAY, np.arange(3))
    # Day 10 and day 19 hold i1 (10 = 9 + 1, 19 = 18 + 1).
    assert future.has_any("item_id", ("i1",)).tolist() == [True, True, False]
    assert future.has_any("item_id", ("i0", "i2", "never")).tolist() == [False] * 3


def test_a_window_past_the_end_of_the_data_is_refused(traces: Traces) -> None:
    # The last event is of day 30: day 30 itself may be the last of the window.
    Future(traces, 21 * DAY, 10 * DAY, np.arange(3))
    with pytest.raises(GuardError, match="choose an earlier cutoff or a shorter window"):
        Future(traces, 21 * DAY, 10 * DAY + 1, np.arange(3))


def test_an_order_has_no_window_in_days(tmp_path: Path) -> None:
    of = TracesMapping(events=EventsMapping(time_unit="order"))
    ingest({"events": pl.DataFrame({"user_id": ["a"], "time": [1]})}, of, tmp_path / "out")
    with pytest.raises(DataError, match="this data has only an order"):
        Future(Traces(tmp_path / "out"), 0, 1, np.arange(1))


def test_labels_and_profiles_of_the_users_asked_about(tmp_path: Path, traces: Traces) -> None:
    tables: dict[TableName, Source] = {
        "labels": pl.DataFrame(
            {
                "task": ["t", "t", "other", "t", "t"],
                "user_id": ["a", "b", "b", "a", "c"],
                "time": [10 * DAY, 19 * DAY, 11 * DAY, 20 * DAY, 12 * DAY],
                "value": [1, 2, 3, 4, 5],
            }
        ),
        "profiles": pl.DataFrame({"user_id": ["b", "a"], "age": ["old", "young"]}),
    }
    frame = pl.DataFrame(
        [(u, d * DAY) for u, days in DAYS.items() for d in days],
        schema=["user_id", "time"],
        orient="row",
    )
    ingest({"events": frame, **tables}, TracesMapping(), tmp_path / "labelled")
    future = Future(Traces(tmp_path / "labelled"), 10 * DAY, 10 * DAY, np.array([1, 0]))
    found = sorted(future.labels("t").to_pylist(), key=lambda row: row["place"])
    # b stands at place 0, a at 1; the label of a on day 20 is past the window, c is not asked.
    assert found == [{"place": 0, "value": 2.0}, {"place": 1, "value": 1.0}]
    assert future.profile("age").to_pylist() == ["old", "young"]
    with pytest.raises(DataError, match="no attribute 'aeg'; did you mean 'age'"):
        future.profile("aeg")
    bare = Future(traces, 10 * DAY, 10 * DAY, np.arange(3))
    for ask in (bare.labels, bare.profile):
        with pytest.raises(DataError, match="this data has none"):
            ask("age")


def test_a_user_without_a_profile_has_no_attribute(tmp_path: Path) -> None:
    profiles: Any = pl.DataFrame({"user_id": ["b"], "age": ["old"]})
    traces = make(tmp_path / "out", tables={"profiles": profiles})
    cutoff = parse_time("2020-01-02")
    assert Future(traces, cutoff, DAY, np.arange(3)).profile("age").to_pylist() == [
        None,
        "old",
        None,
    ]


def test_the_source_may_have_split_its_users(tmp_path: Path) -> None:
    users = ["a", "b", "c", "d", "e"]
    values = ["train", "valid", "test", "other"]
    tables: dict[TableName, Source] = {
        "events": pl.DataFrame({"user_id": users, "time": [1] * 5}),
        "profiles": pl.DataFrame({"user_id": users[:4], "part": values}),
    }
    ingest(tables, TracesMapping(events=EventsMapping()), tmp_path / "t")
    traces = Traces(tmp_path / "t")
    # "other", and e without a profile, are of no held-out part.
    assert parts_by_profile(traces, "part").tolist() == [0, 1, 2, 0, 0]
