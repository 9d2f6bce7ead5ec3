import errno
import filecmp
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitus.data import read_tables, sources
from habitus.data.blocks import write_all
from habitus.data.columns import TableName
from habitus.data.ingest import IngestConfig, ingest
from habitus.data.mapping import ChannelMapping, EventsMapping, TableMapping, TracesMapping
from habitus.data.sources import Source, Sql, chunks
from habitus.data.traces import Traces
from habitus.errors import DataError, GuardError, UsageError

from .small import events, mapping

LENIENT = IngestConfig(max_bad_share=1)


def many(num_rows: int = 500, num_users: int = 23) -> pl.DataFrame:
    """Return events with ties in time, repeats and missing values."""
    rng = np.random.default_rng(0)
    words = pl.Series(["", "a", "bb", "ccc", "é"])
    return pl.DataFrame(
        {
            "user_id": pl.Series([f"u{i}" for i in rng.integers(0, num_users, num_rows)]),
            "time": rng.integers(0, 5, num_rows),
            "item_id": pl.Series([f"i{i}" if i else None for i in rng.integers(0, 3, num_rows)]),
            "price": pl.Series(rng.integers(0, 3, num_rows)).replace_strict(
                {0: None, 1: 0.25, 2: -1.0}, return_dtype=pl.Float64
            ),
            "text": words.gather(rng.integers(0, 5, num_rows)),
        }
    )


def same_files(one: Path, other: Path) -> bool:
    """Return whether two directories hold the same names and bytes."""
    names = [sorted(p.relative_to(d) for p in d.rglob("*") if p.is_file()) for d in (one, other)]
    if names[0] != names[1]:
        return False
    return all(filecmp.cmp(one / n, other / n, shallow=False) for n in names[0])


def rows(traces: Traces, name: TableName) -> list[dict[str, Any]]:
    table = traces.table(name)
    assert table is not None
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def fails(
    error: type[Exception],
    message: str,
    tables: dict[TableName, Source],
    out: Path,
    of: TracesMapping | None = None,
    **kwargs: Any,
) -> None:
    """Check that an ingest fails and leaves nothing."""
    with pytest.raises(error, match=message):
        ingest(tables, of or mapping(), out, **kwargs)
    assert not out.exists()
    assert [p for p in out.parent.iterdir() if p.name.startswith(".")] == []


def test_a_small_table_by_hand(tmp_path: Path) -> None:
    report = ingest({"events": events()}, mapping(), tmp_path / "out")
    traces = Traces(tmp_path / "out")
    assert traces.user_ids.to_pylist() == ["a", "b", "c"]
    assert traces.offsets_U1.tolist() == [0, 2, 4, 5]
    day = 86_400
    first = 50 * 365 * day + 12 * day  # 50 years with 12 leap days: 1972 … 2016
    assert traces.time_L.tolist() == [first, first, first, first + day, first + 60 * day]
    # Codes follow sorted text: i1, i10, i2.
    assert traces.dictionary("item_id").to_pylist() == ["i1", "i10", "i2"]
    assert traces.column("item_id").tolist() == [3, 2, 1, 1, 0]
    np.testing.assert_array_equal(traces.column("price"), [1, -3, np.nan, 2.5, 0])
    assert (report.num_users, report.num_events, report.digest) == (3, 5, traces.digest)
    assert report.events.to_dict() == {
        "rows": 5,
        "kept": 5,
        "bad": 0,
        "duplicates": 0,
        "opted_out": 0,
        "reasons": {},
    }
    assert report.quarantine is None
    assert not (tmp_path / "out/quarantine").exists()


@pytest.mark.parametrize(
    "kind",
    ["csv", "tsv", "csv.gz", "jsonl", "parquet", "files", "glob", "arrow", "pandas", "lazy", "sql"],
)
def test_every_kind_of_source_gives_the_same_traces(tmp_path: Path, kind: str) -> None:
    frame = events()
    expected = ingest({"events": frame}, mapping(), tmp_path / "expected").digest
    path = tmp_path / f"e.{kind}"
    source: Source = path
    if kind in ("csv", "tsv"):
        frame.write_csv(path, separator="\t" if kind == "tsv" else ",")
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind in ("parquet", "sql"):
        frame.write_parquet(path)
        source = path if kind == "parquet" else Sql(f"SELECT * FROM read_parquet('{path}')")
    elif kind in ("files", "glob"):
        for i, piece in enumerate((frame[:2], frame[2:])):
            piece.write_parquet(tmp_path / f"{i}.parquet")
        glob = str(tmp_path / "*.parquet")
        source = glob if kind == "glob" else [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    else:
        source = {"arrow": frame.to_arrow(), "pandas": frame.to_pandas(), "lazy": frame.lazy()}[
            kind
        ]
    assert ingest({"events": source}, mapping(), tmp_path / "out").digest == expected


@pytest.mark.parametrize("duplicates", ["keep", "quarantine"])
@pytest.mark.parametrize("buckets", [1, 4, 100])
def test_many_buckets_write_what_one_pass_writes_byte_for_byte(
    tmp_path: Path, duplicates: Any, buckets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, of = many(), mapping(text="text")
    whole = IngestConfig(duplicates=duplicates)
    ingest({"events": source}, of, tmp_path / "whole", config=whole)
    monkeypatch.setattr(sources, "STEP", 70)
    monkeypatch.setattr(read_tables, "chunks", lambda part, columns, _: chunks(part, columns, 1))
    cut = IngestConfig(duplicates=duplicates, buckets=buckets)
    report = ingest({"events": source}, of, tmp_path / "cut", config=cut)
    assert report.events.duplicates > 0
    assert same_files(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("order", ["any", "by user"])
def test_little_memory_writes_what_much_memory_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    source, of = many(), mapping(text="text")
    if order == "by user":
        # Ranges that are chosen by the first users hold too much in the end.
        source = source.sort("user_id", maintain_order=True)
    ingest({"events": source}, of, tmp_path / "much")
    monkeypatch.setattr(read_tables, "MIB", 100)
    monkeypatch.setattr(sources, "STEP", 70)
    report = ingest({"events": source}, of, tmp_path / "little", config=IngestConfig(memory_mib=16))
    assert report.num_events == 500
    assert same_files(tmp_path / "much", tmp_path / "little")


def test_the_order_of_rows_does_not_matter_where_no_times_tie(tmp_path: Path) -> None:
    source = many().unique(["user_id", "time"], maintain_order=True)
    shuffled = source.sample(fraction=1, shuffle=True, seed=1)
    one = ingest({"events": source}, mapping(text="text"), tmp_path / "one")
    other = ingest({"events": shuffled}, mapping(text="text"), tmp_path / "other")
    assert one.digest == other.digest


def test_events_of_one_time_keep_their_order_of_arrival(tmp_path: Path) -> None:
    rows = [("a", 5, f"i{i}") for i in (3, 1, 2)] + [("a", 4, "i9")]
    frame = pl.DataFrame(rows, schema=["user_id", "time", "item_id"], orient="row")
    of = TracesMapping(events=EventsMapping(channels={"item_id": ChannelMapping(kind="id")}))
    ingest({"events": frame}, of, tmp_path / "out")
    traces = Traces(tmp_path / "out")
    values = traces.dictionary("item_id").take(traces.column("item_id").astype(int) - 1)
    assert values.to_pylist() == ["i9", "i3", "i1", "i2"]


def test_the_digest_sees_any_change(tmp_path: Path) -> None:
    changed = [
        events(),
        events().with_columns(price=pl.lit(1.0)),
        events().with_columns(user_id=pl.col("user_id") + "x"),
        events().with_columns(time=pl.lit("2020-01-01")),
        events()[:4],
    ]
    digests = {
        ingest({"events": e}, mapping(), tmp_path / str(i)).digest for i, e in enumerate(changed)
    }
    as_category = ingest(
        {"events": events()}, mapping(item_id="category"), tmp_path / "kind"
    ).digest
    assert len(digests | {as_category}) == 6


def test_bad_rows_are_set_aside_with_row_column_value_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(
        b"user_id,time,item_id,price\n"
        b"a,2020-01-01,i1,1\n"
        b",2020-01-01,i1,1\n"
        b"a,yesterday,i1,x\n"
        b"a,2999-01-01,12.0,inf\n"
        b"b\xff,2020-01-01,i1,1\n"
    )
    report = ingest({"events": file}, mapping(), tmp_path / "out", config=LENIENT)
    lines = (tmp_path / "out/quarantine/events.csv").read_text().splitlines()
    assert lines == [
        "row,column,value,reason,file",
        '2,user_id,"",missing,e.csv',
        "3,time,yesterday,not a time,e.csv",
        "3,price,x,not a number,e.csv",
        "4,item_id,12.0,an id written as a decimal number,e.csv",
        "4,time,2999-01-01,in the future,e.csv",
        "4,price,inf,infinite or too large,e.csv",
        "5,user_id,b\ufffd,bytes that are not UTF-8,e.csv",
    ]
    assert (report.events.rows, report.events.kept, report.events.bad) == (5, 1, 4)
    assert report.quarantine == tmp_path / "out/quarantine"
    stored = json.loads((tmp_path / "out/manifest.json").read_text())["source"]
    assert stored["counts"]["events"] == report.events.to_dict()
    # Only values of kept rows are in the dictionary.
    assert Traces(tmp_path / "out").dictionary("item_id").to_pylist() == ["i1"]


@pytest.mark.parametrize("buckets", [None, 2])
def test_too_many_bad_rows_stop_the_run_and_are_kept_beside(
    tmp_path: Path, buckets: int | None
) -> None:
    source = events().with_columns(user_id=pl.Series(["a", "b", "", "a", "c"]))
    config = IngestConfig(max_bad_share=0.19, buckets=buckets)
    fails(GuardError, "1 of 5 rows of events", {"events": source}, tmp_path / "out", config=config)
    assert "empty text" in (tmp_path / "out.quarantine/events.csv").read_text()
    enough = IngestConfig(max_bad_share=0.2, buckets=buckets)
    assert ingest({"events": source}, mapping(), tmp_path / "out", config=enough).num_events == 4
    assert not (tmp_path / "out.quarantine").exists()


def test_a_hopeless_source_is_stopped_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_tables, "MIB", 1)
    seen: list[int] = []
    source = pl.DataFrame({"user_id": [""] * 200_000, "time": 0, "item_id": "i", "price": 0.0})
    with pytest.raises(GuardError, match="of 200,000 rows"):
        ingest(
            {"events": source},
            mapping(),
            tmp_path / "out",
            progress=lambda *told: seen.append(told[1]),
        )
    assert max(seen) < 200_000


@pytest.mark.parametrize("kind", ["text", "whole"])
def test_who_opted_out_is_nowhere(tmp_path: Path, kind: str) -> None:
    ids = ["7777", "8", "9"]
    if kind == "whole":
        raw: Any = [int(i) for i in ids]
    else:
        raw = ids
    source = pl.DataFrame(
        {
            "user_id": [raw[0], raw[1], raw[0], raw[2]],
            "time": [1, 2, -5, 3],
            "item_id": ["secret7777", "i1", "secret7777", "i2"],
            "price": [1.0, 2.0, float("inf"), float("inf")],
        }
    )
    side: dict[TableName, Source] = {
        "profiles": pl.DataFrame({"user_id": raw, "tags": ["secret7777", "x", "y"]}),
        "follows": pl.DataFrame({"user_id": [raw[0], raw[1]], "follows_id": [raw[1], raw[0]]}),
        "labels": pl.DataFrame({"task": "t", "user_id": raw, "time": 1, "value": 1.0}),
    }
    config = IngestConfig(max_bad_share=1, duplicates="quarantine")
    report = ingest(
        {"events": source, **side}, mapping(), tmp_path / "out", config=config, opt_out=[" 7777 "]
    )
    assert Traces(tmp_path / "out").user_ids.to_pylist() == ["8", "9"]
    assert {n: c.opted_out for n, c in report.tables.items()} == {
        "events": 2,
        "profiles": 1,
        "follows": 2,
        "labels": 1,
    }
    assert report.summary()["opted_out"] == 6
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            assert b"7777" not in file.read_bytes(), file
    # Of the others the bad row is told.
    assert report.events.reasons == {"infinite or too large": 1}


def test_exact_duplicates_are_counted_and_may_be_set_aside(tmp_path: Path) -> None:
    source = pl.concat([events(), events()[1:3]])
    kept = ingest({"events": source}, mapping(), tmp_path / "kept")
    assert (kept.events.duplicates, kept.num_events, kept.quarantine) == (2, 7, None)
    config = IngestConfig(duplicates="quarantine", max_bad_share=0)
    dropped = ingest({"events": source}, mapping(), tmp_path / "dropped", config=config)
    assert (dropped.events.duplicates, dropped.events.kept, dropped.num_events) == (2, 5, 5)
    # By user and time: rows 6 (of a) and 7 (of b).
    assert (tmp_path / "dropped/quarantine/events.csv").read_text().splitlines()[1:] == [
        '6,"","",same as an earlier row,polars frame',
        '7,"","",same as an earlier row,polars frame',
    ]
    assert dropped.digest == ingest({"events": events()}, mapping(), tmp_path / "once").digest


ITEMS = pl.DataFrame(
    {
        "item_id": ["i10", "i1", "i3"],
        "brand": ["z", "y", "never seen"],
        "size": [None, 2.5, 1.0],
        "text": ["ten", "one", "three"],
    }
)


@pytest.mark.parametrize("buckets", [None, 3])
def test_attributes_of_items_become_channels(tmp_path: Path, buckets: int | None) -> None:
    channels = {
        "item_id": ChannelMapping(kind="id"),
        "maker": ChannelMapping(kind="category", column="brand"),
        "size": ChannelMapping(kind="dense"),
    }
    of = TracesMapping(events=EventsMapping(channels=channels, item_channels=("maker", "size")))
    config = IngestConfig(buckets=buckets)
    report = ingest({"events": events(), "items": ITEMS}, of, tmp_path / "out", config=config)
    traces = Traces(tmp_path / "out")
    # Items of the events: i2, i10, i1, i1, none; i2 is not in the items table.
    assert traces.dictionary("maker").to_pylist() == ["y", "z"]
    assert traces.column("maker").tolist() == [0, 2, 1, 1, 0]
    np.testing.assert_array_equal(traces.column("size"), [np.nan, np.nan, 2.5, 2.5, np.nan])
    assert report.unknown_items == 1
    table = traces.table("items")
    assert table is not None
    assert table["item_id"].to_pylist() == ["i1", "i10", "i3"]
    assert {c.name: c.dtype for c in traces.manifest.columns} == {
        "item_id": "uint8",
        "maker": "uint8",
        "size": "float32",
    }


def test_constants_become_channels(tmp_path: Path) -> None:
    of = TracesMapping(events=EventsMapping(constants={"service": "shop", "item_id": "one"}))
    ingest({"events": events()}, of, tmp_path / "out")
    traces = Traces(tmp_path / "out")
    assert traces.column("service").tolist() == [1] * 5
    assert traces.dictionary("service").to_pylist() == ["shop"]
    assert {n: c.kind for n, c in traces.columns.items()} == {
        "service": "category",
        "item_id": "id",
    }


def test_side_tables_are_stored_in_order_with_known_users_only(tmp_path: Path) -> None:
    tables: dict[TableName, Source] = {
        "events": events(),
        "profiles": pl.DataFrame({"user_id": ["z", "a"], "tags": ["p|q", None]}),
        "follows": pl.DataFrame(
            {"user_id": ["c", "a", "a", "a"], "follows_id": ["z", "nobody", "a", "b"]}
        ),
        "labels": pl.DataFrame(
            {"task": "t", "user_id": ["b", "nobody"], "time": "2020-01-05", "value": [True, False]}
        ),
    }
    report = ingest(tables, mapping(), tmp_path / "out")
    traces = Traces(tmp_path / "out")
    # z has a profile and no event.
    assert traces.user_ids.to_pylist() == ["a", "b", "c", "z"]
    assert traces.offsets_U1.tolist() == [0, 2, 4, 5, 5]
    assert traces.manifest.tables == ("follows", "profiles", "labels")
    assert rows(traces, "profiles") == [
        {"user_id": "a", "tags": []},
        {"user_id": "z", "tags": ["p", "q"]},
    ]
    assert rows(traces, "follows") == [
        {"user_id": "a", "follows_id": "b"},
        {"user_id": "c", "follows_id": "z"},
    ]
    assert [(r["user_id"], r["value"]) for r in rows(traces, "labels")] == [("b", 1.0)]
    assert report.tables["follows"].reasons == {
        "a user without events or profile": 1,
        "follows itself": 1,
    }
    assert (report.tables["follows"].kept, report.tables["labels"].kept) == (2, 1)


def test_positions_are_kept_as_they_are(tmp_path: Path) -> None:
    of = TracesMapping(events=EventsMapping(time="position", time_unit="order"))
    source = pl.DataFrame({"user_id": ["a", "a", "b"], "position": [10**12, -1, 3]})
    ingest({"events": source}, of, tmp_path / "out")
    assert Traces(tmp_path / "out").time_L.tolist() == [-1, 10**12, 3]
    assert Traces(tmp_path / "out").manifest.time_unit == "order"


def test_progress_tells_every_stage_to_its_end(tmp_path: Path) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    ingest(
        {"events": events(), "items": ITEMS},
        mapping(),
        tmp_path / "out",
        progress=lambda stage, done, total: told.setdefault(stage, []).append((done, total)),
    )
    assert list(told) == ["read items", "read events", "sort events"]
    for steps in told.values():
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1] > 0


def test_what_was_decided_without_asking_is_told(tmp_path: Path) -> None:
    source = events().with_columns(time=pl.lit(1_500_000_000_000))
    report = ingest({"events": source}, mapping(), tmp_path / "out")
    assert report.notices == ("numbers in 'time' are read as milliseconds since 1970",)
    assert Traces(tmp_path / "out").manifest.source["notices"] == list(report.notices)


def dated(times: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"user_id": ["a", "b", "c"] * (len(times) // 3), "time": times})


MONTH = [f"2020-01-{day:02}" for day in range(1, 30)]
ONLY_TIMES = TracesMapping(events=EventsMapping())


@pytest.mark.parametrize("buckets", [None, 2])
def test_one_event_of_1970_is_told_and_kept(tmp_path: Path, buckets: int | None) -> None:
    source = dated([*MONTH, "1970-01-01"])
    config = IngestConfig(buckets=buckets)
    report = ingest({"events": source}, ONLY_TIMES, tmp_path / "out", config=config)
    (told,) = report.notices
    assert told.startswith("1 event of 1970-01-01, far before nearly all others")
    assert "--earliest-time 2020-01-01" in told
    traces = Traces(tmp_path / "out")
    assert traces.num_events == 30
    assert traces.manifest.source["notices"] == [told]


def test_an_order_has_nothing_that_is_far(tmp_path: Path) -> None:
    source = dated([*map(str, range(29)), str(10**9)])
    mapping = TracesMapping(events=EventsMapping(time_unit="order"))
    assert ingest({"events": source}, mapping, tmp_path / "out").notices == ()


@pytest.mark.parametrize("said_by", ["config", "mapping"])
def test_times_before_the_earliest_are_set_aside_and_counted(tmp_path: Path, said_by: str) -> None:
    source = dated([*MONTH, "1970-01-01"])
    config, used = IngestConfig(max_bad_share=0.05), ONLY_TIMES
    if said_by == "config":
        config = IngestConfig(max_bad_share=0.05, earliest_time="2020-01-01")
    else:
        used = TracesMapping(events=EventsMapping(earliest_time="2020-01-01"))
    report = ingest({"events": source}, used, tmp_path / "out", config=config)
    assert report.events.reasons == {"before the earliest time": 1}
    assert (report.events.bad, report.num_events, report.notices) == (1, 29, ())
    lines = (tmp_path / "out/quarantine/events.csv").read_text().splitlines()
    assert lines[1:] == ["30,time,1970-01-01,before the earliest time,polars frame"]
    assert int(Traces(tmp_path / "out").time_L.min()) == 1_577_836_800


def test_missing_columns_and_tables_are_errors(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fails(DataError, "no column 'time'", {"events": events().drop("time")}, out)
    fails(UsageError, "needs the table 'events'", {"items": ITEMS}, out)
    wrong: Any = {"events": events(), "item": ITEMS}
    fails(UsageError, "no table is called 'item'; did you mean 'items'", wrong, out)
    channels = {"item_id": ChannelMapping(kind="id"), "brand": ChannelMapping(kind="category")}
    of = TracesMapping(events=EventsMapping(channels=channels, item_channels=("brand",)))
    fails(UsageError, "item channels brand need", {"events": events()}, out, of)
    of = TracesMapping(events=of.events, items=TableMapping(columns={"item_id": "item_id"}))
    missing: dict[TableName, Source] = {"events": events(), "items": ITEMS.drop("brand")}
    fails(DataError, "no column 'brand'", missing, out, of)


def test_a_source_without_a_clean_event_is_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "e.csv").write_text("user_id,time,item_id,price\n")
    fails(DataError, "no event is left of 0 rows", {"events": tmp_path / "e.csv"}, out)
    everybody = ["a", "b", "c"]
    fails(DataError, "5 of users who opted out", {"events": events()}, out, opt_out=everybody)
    fails(DataError, "holds no row", {"events": events(), "items": ITEMS[:0]}, out)


@pytest.mark.parametrize("kind", ["png as csv", "half a parquet", "empty", "not there"])
def test_a_truncated_or_wrong_file_is_named_and_nothing_is_left(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("e.parquet" if kind == "half a parquet" else "e.csv")
    if kind == "half a parquet":
        events().write_parquet(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind != "not there":
        path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" if kind == "png as csv" else b"")
    fails(DataError, path.name.replace(".", r"\."), {"events": path}, tmp_path / "out")


@pytest.mark.parametrize("buckets", [None, 2])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interrupt_at_any_write_leaves_nothing_at_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buckets: int | None, error: BaseException
) -> None:
    resumable = buckets is not None and isinstance(error, KeyboardInterrupt)
    real = write_all
    config = IngestConfig(buckets=buckets)
    writes = 0

    def count(file: Any, values: Any) -> None:
        nonlocal writes
        writes += 1
        real(file, values)

    def patch(replacement: Any) -> None:
        for module in ("habitus.data.blocks", "habitus.data.spill", "habitus.data.writer"):
            monkeypatch.setattr(f"{module}.write_all", replacement)

    patch(count)
    ingest({"events": events()}, mapping(), tmp_path / "whole", config=config)
    assert writes > 5
    for stop_at in range(0, writes, 3):
        left = stop_at

        def write(file: Any, values: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise error
            real(file, values)

        patch(write)
        expected = DataError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(expected):
            ingest({"events": events()}, mapping(), tmp_path / "out", config=config)
        assert {p.name for p in tmp_path.iterdir()} - {"whole"} <= (
            {".out.partial"} if resumable else set()
        )
        if resumable:
            patch(real)
            ingest({"events": events()}, mapping(), tmp_path / "out", config=config)
            assert same_files(tmp_path / "whole", tmp_path / "out")
            shutil.rmtree(tmp_path / "out")


def test_what_stands_at_out_is_only_replaced_when_that_is_allowed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ingest({"events": events()}, mapping(), out)
    with pytest.raises(UsageError, match="exists"):
        ingest({"events": events()[:2]}, mapping(), out)
    assert Traces(out).num_events == 5
    ingest({"events": events()[:2]}, mapping(), out, overwrite=True)
    assert Traces(out).num_events == 2


def test_an_opened_traces_directory_survives_being_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    ingest({"events": events()}, mapping(), out)
    times = Traces(out).time_L
    before = times.tolist()
    ingest({"events": events()[:2]}, mapping(), out, overwrite=True)
    assert times.tolist() == before


def test_no_machine_path_stands_in_the_manifest(tmp_path: Path) -> None:
    events().write_csv(tmp_path / "e.csv")
    ingest({"events": tmp_path / "e.csv"}, mapping(), tmp_path / "out")
    text = (tmp_path / "out/manifest.json").read_text()
    assert str(tmp_path) not in text
    assert json.loads(text)["source"]["files"] == {"events": ["e.csv"]}
