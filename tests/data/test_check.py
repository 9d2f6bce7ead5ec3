import datetime as dt
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.check import CheckReport, check
from habitus.data.ingest import ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.data.sources import Sql
from habitus.data.split import DAY
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_tables
from habitus.errors import DataError

EVENTS = pl.DataFrame(
    {
        "user_id": ["a", "a", "b", "c", "c", "c"],
        "time": [
            "2020-01-01 06:00",
            "2020-01-01 18:00",
            "2020-01-02 00:00",
            "2020-01-05 00:00",
            "2020-01-05 12:00",
            "2020-01-05 12:00",
        ],
        "item_id": ["x", "y", "x", "x", "z", "z"],
    }
)


def warnings_of(columns: dict[str, Any], **options: Any) -> str:
    return " | ".join(check(pl.DataFrame(columns, strict=False), **options).warnings)


def test_users_by_hand() -> None:
    users = check(EVENTS).users
    assert users is not None
    # 2, 1 and 3 events
    assert (users.num_users, users.one_event) == (3, 1)
    spread = users.events_per_user
    assert (spread["smallest"], spread["median"], spread["largest"]) == (1.0, 2.0, 3.0)


def test_rows_that_repeat_an_earlier_row_are_counted() -> None:
    assert check(EVENTS).duplicates == 1
    assert check(pl.concat([EVENTS, EVENTS])).duplicates == 7
    assert check(EVENTS.unique()).duplicates == 0


def test_every_source_gives_the_same_report(tmp_path: Path) -> None:
    EVENTS.write_csv(tmp_path / "e.csv")
    EVENTS.write_parquet(tmp_path / "e.parquet")
    EVENTS.write_ndjson(tmp_path / "e.jsonl")
    EVENTS.head(2).write_csv(tmp_path / "part-1.csv")
    EVENTS.tail(4).write_csv(tmp_path / "part-2.csv")
    files = ("e.csv", "e.parquet", "e.jsonl", "part-*.csv")
    sources: list[Any] = [
        *(tmp_path / f for f in files),
        [tmp_path / "part-1.csv", tmp_path / "part-2.csv"],
        EVENTS.lazy(),
        EVENTS.to_arrow(),
        pd.DataFrame(EVENTS.to_dict(as_series=False)),
        Sql(f"select * from '{tmp_path / 'e.parquet'}'"),
    ]
    expected = check(EVENTS)
    for source in sources:
        report = check(source)
        for part in ("num_rows", "times", "users", "duplicates", "mapping", "warnings"):
            assert getattr(report, part) == getattr(expected, part), (source, part)


def test_a_report_is_json_and_names_no_user() -> None:
    report = check(EVENTS.with_columns(user_id=pl.lit("secret-") + pl.col("user_id")))
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert "secret" not in text
    assert json.loads(text)["mapping"]["events"]["channels"]["item_id"]["kind"] == "id"


def test_ids_that_are_numbers_are_not_told_either() -> None:
    report = check(pl.DataFrame({"user_id": [4711, 9], "time": [1e9, 2e9], "price": [1.5, 2.5]}))
    low = {c.name: c.low for c in report.columns}
    assert low["user_id"] is None
    assert low["price"] == 1.5


def test_a_proposal_can_be_ingested(tmp_path: Path) -> None:
    tables = make_tables(SyntheticConfig(num_users=30))
    mapping = check(tables["events"]).mapping
    ingest({"events": tables["events"]}, mapping, tmp_path / "traces")
    assert {n: c.kind for n, c in mapping.events.channels.items()} == {
        "service": "category",
        "kind": "category",
        "item_id": "id",
        "category": "category",
        "price": "dense",
    }


def test_a_given_mapping_is_used_and_kept() -> None:
    mapping = TracesMapping(
        events=EventsMapping(user_id="who", time="at", channels={"n": ChannelMapping(kind="dense")})
    )
    frame = pl.DataFrame({"who": [1, 1], "at": [DAY, 3 * DAY], "n": [1, 2], "user_id": [5, 6]})
    report = check(frame, mapping=mapping)
    assert (report.mapping, report.proposed) == (mapping, False)
    assert report.users is not None
    assert report.users.num_users == 1
    assert report.times is not None
    assert report.times.largest_gap_days == 2.0


def test_a_mapping_that_names_no_column_is_refused() -> None:
    mapping = TracesMapping(events=EventsMapping(user_id="user_ids"))
    with pytest.raises(DataError, match=r"no column 'user_ids'.*did you mean 'user_id'"):
        check(EVENTS, mapping=mapping)
    with pytest.raises(DataError, match="no column 'asin', which the mapping names for item_id"):
        check(EVENTS, "items", TracesMapping(items=TableMapping(columns={"item_id": "asin"})))


def test_future_times_are_counted_and_left_out_of_the_range() -> None:
    report = check(EVENTS, latest_time="2020-01-03")
    assert report.times is not None
    assert (report.times.future, report.times.last) == (3, "2020-01-02")
    assert any("3 times in 'time' are in the future" in w for w in report.warnings)


def test_now_is_the_latest_time() -> None:
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    frame = pl.DataFrame({"user_id": ["a", "b"], "time": ["2020-01-01T00:00:00+00:00", tomorrow]})
    times = check(frame).times
    assert times is not None
    assert times.future == 1


@pytest.mark.parametrize(
    ("columns", "warning"),
    [
        ({"user_id": ["a", None, ""], "time": [1e9] * 3}, "2 rows have no user_id"),
        ({"user_id": [1.0, None], "time": [1e9] * 2}, "decimal numbers, but ids must be"),
        ({"x": [1.5, 2.5]}, "no column looks like user_id"),
        ({"x": [1.5, 2.5]}, "no column looks like time"),
        ({"user_id": ["a"], "time": [5000]}, "first event is of 1970-01-01T01:23:20"),
        ({"user_id": ["a", "b"], "time": ["2020-01-01", "soon"]}, "1 times in 'time' cannot be"),
        ({"user_id": ["a", "b"], "time": [1e9] * 2, "c": [3, 3]}, "'c' has one value only"),
        ({"user_id": ["a", "b"], "time": [1e9] * 2, "c": [None] * 2}, "'c' is empty"),
        ({"user_id": ["a", "b"], "time": [1e9] * 2, "c": [[1], [2]]}, "'c' holds lists"),
        (
            {"user_id": ["a", "b"], "time": [1e9] * 2, "c": [1.0, float("inf")]},
            "'c' is infinite in 1 rows",
        ),
        (
            {"user_id": ["a"] * 20, "time": [1e9] * 20, "c": ["1"] * 19 + ["?"]},
            "'c' holds numbers, but not in 1 rows",
        ),
        ({"user_id": ["a"] * 2, "time": [1e9] * 2}, "1 rows are the same as an earlier row"),
        ({"user_id": ["a", "b", "b"], "time": [1e9, 1e9, 2e9]}, "1 users (50%) have a single"),
        ({"user_id": ["a", "b"], "time": [1e9, 1e9 + 9 * DAY]}, "8 of 10 days have no event"),
    ],
)
def test_what_is_odd_is_said(columns: dict[str, Any], warning: str) -> None:
    assert warning in warnings_of(columns)


def test_a_good_table_has_nothing_odd() -> None:
    frame = pl.DataFrame(
        {"user_id": ["a", "b"] * 2, "time": [1e9, 1e9 + 5, 1e9 + 9, 1e9 + 11], "p": [1.5, 2, 3, 4]}
    )
    assert check(frame).warnings == ()


def test_items_that_stand_twice_are_counted() -> None:
    frame = pl.DataFrame({"item_id": ["x", "x", "y"], "text": ["a", "b", "c"]})
    report = check(frame, "items")
    assert (report.times, report.users) == (None, None)
    assert report.warnings == ("1 rows repeat a item_id that an earlier row has",)


def test_labels_have_times_but_no_spread_of_events() -> None:
    labels = make_tables(SyntheticConfig(num_users=30))["labels"]
    report = check(labels, "labels")
    assert report.times is not None
    assert report.users is None
    assert report.mapping.labels == TableMapping()


def test_a_table_without_rows_is_said_to_be_empty() -> None:
    assert check(EVENTS.clear()).warnings == ("the table has no rows",)


def test_an_order_has_no_days() -> None:
    frame = pl.DataFrame({"user_id": [1, 1], "position": [0, 1], "item_id": [5, 6]})
    report = check(frame)
    assert report.times is None
    assert report.users is not None


def test_a_damaged_file_is_an_error_of_data(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    EVENTS.write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"e\.parquet cannot be read"):
        check(path)
    (tmp_path / "e.csv").write_bytes(b"user_id,time\n\0\0\0")
    with pytest.raises(DataError, match="zero bytes"):
        check(tmp_path / "e.csv")


def test_doubled_column_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user_id,time,time\na,1,2\n")
    with pytest.raises(DataError, match="column 'time' twice"):
        check(tmp_path / "e.csv")
    with pytest.raises(DataError, match="column 'a' twice"):
        check(pa.table([[1], [2]], names=["a", "a"]))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 20 * DAY), st.integers(0, 2)),
        min_size=1,
        max_size=60,
    )
)
def test_counts_agree_with_counting_one_by_one(rows: list[tuple[int, int, int]]) -> None:
    start = 1_000_000_000
    report = check(
        pl.DataFrame(
            {
                "user_id": [r[0] for r in rows],
                "time": [start + r[1] for r in rows],
                "x": [r[2] for r in rows],
            }
        )
    )
    assert report.duplicates == len(rows) - len(set(rows))
    assert report.users is not None
    assert report.users.num_users == len({r[0] for r in rows})
    seconds = sorted(start + r[1] for r in rows)
    days = {s // DAY for s in seconds}
    assert report.times is not None
    assert report.times.days == max(days) - min(days) + 1
    assert report.times.empty_days == report.times.days - len(days)
    gaps = [b - a for a, b in pairwise(seconds)]
    assert report.times.largest_gap_days == max(gaps, default=0) / DAY


def test_reports_compare() -> None:
    assert isinstance(check(EVENTS), CheckReport)
    assert check(EVENTS) == check(EVENTS)
