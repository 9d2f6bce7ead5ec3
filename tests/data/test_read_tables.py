import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitus.data import read_tables
from habitus.data.buckets import num_buckets
from habitus.data.columns import TableName
from habitus.data.events import ROW, USER
from habitus.data.ingest_report import IngestConfig
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.read_tables import Job, count_repeats, pieces, read_events, read_table
from habitus.data.sources import parts
from habitus.errors import DataError, GuardError

from .small import events, mapping

Told = list[tuple[str, int, int]]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def job(folder: Path, pool: ThreadPoolExecutor, told: Told | None = None, **config: Any) -> Job:
    seen: Told = [] if told is None else told
    of = config.pop("mapping", mapping())
    return Job(
        mapping=of,
        config=IngestConfig(**config),
        opt_out=pl.Series([], dtype=pl.String),
        latest=2_000_000_000,
        folder=folder,
        quarantine_folder=folder / "q",
        kept_at=folder / "kept",
        pool=pool,
        progress=lambda *step: seen.append(step),
    )


def test_rows_are_numbered_through_all_files(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    for name, size in (("a", 3), ("b", 0), ("c", 2)):
        events()[:size].write_csv(tmp_path / f"{name}.csv")
    told: Told = []
    of = job(tmp_path, pool, told)
    found = list(pieces(of, "events", parts(str(tmp_path / "*.csv")), lambda _: ["user_id"]))
    assert [(Path(p.part.name).name, p.row_L.tolist()) for p in found] == [
        ("a.csv", [0, 1, 2]),
        ("c.csv", [3, 4]),
    ]
    assert of.tally("events").rows == 5
    assert told[0][:2] == ("read events", 0)
    assert told[-1] == ("read events", 5, 5)


def test_events_are_read_piece_by_piece_into_one_order(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pieces of one byte are as small as a batch of the reader.
    monkeypatch.setattr(read_tables, "MIB", 1)
    source = pl.DataFrame({"user_id": "a", "time": range(150_000), "item_id": "i", "price": 0.5})
    of = job(tmp_path, pool, duplicates="quarantine")
    store, dictionaries = read_events(of, parts(source))
    assert store.spill is not None
    assert len(list(store.spill.pieces(0, pool))) > 1
    whole = store.spill.read(0, pool)
    np.testing.assert_array_equal(np.asarray(whole["time"]), np.arange(150_000))
    np.testing.assert_array_equal(np.asarray(whole[ROW]), np.arange(150_000))
    assert set(np.unique(np.asarray(whole[USER]))) == {1}
    assert dictionaries[USER].values().to_list() == ["a"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    # Two pieces of 65,536 rows of 20 bytes, 2.6 MB, pass the limit of 2 MB. Of a frame it is known
    # that 200,000 rows come, 4 MB; of a query nothing: sixteen times 2.6 MB, 41.9. Parts of 1 MB.
    [("frame", 4), ("query", 42), ("told", 7)],
)
def test_ranges_are_as_many_as_all_rows_will_need(
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    expected: int,
) -> None:
    monkeypatch.setattr(read_tables, "MIB", 10**6)
    source = pl.DataFrame({"user_id": range(200_000), "time": 1, "item_id": "i", "price": 0.5})
    # A sixteenth of the memory for a piece, an eighth to hold, a sixteenth for a range.
    of = job(tmp_path, pool, memory_mib=16, buckets=7 if kind == "told" else None)
    assert num_buckets(4 * 10**6, of.memory) == 4
    store, _ = read_events(of, parts(source.lazy() if kind == "query" else source))
    assert store.ranges is not None
    assert store.ranges.num == expected


def test_row_numbers_are_kept_only_where_they_are_needed(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    store, _ = read_events(job(tmp_path, pool), parts(events()))
    (block,) = store.take()
    assert ROW not in block
    store, _ = read_events(job(tmp_path, pool, duplicates="quarantine"), parts(events()))
    (block,) = store.take()
    assert block[ROW].tolist() == [0, 1, 2, 3, 4]


def test_every_file_is_compared_with_the_mapping_before_any_is_read(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    events().write_parquet(tmp_path / "a.parquet")
    events().drop("price").write_parquet(tmp_path / "b.parquet")
    told: Told = []
    with pytest.raises(DataError, match=r"b\.parquet has no column 'price'"):
        read_events(job(tmp_path, pool, told), parts(tmp_path))
    assert told == []


def test_files_of_different_types_are_one_column(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    as_numbers = events().with_columns(user_id=pl.Series([2, 1, 2, 1, 3]))
    as_numbers.write_parquet(tmp_path / "a.parquet")
    as_numbers.with_columns(pl.col("user_id").cast(pl.String)).write_csv(tmp_path / "b.csv")
    files = [tmp_path / "a.parquet", tmp_path / "b.csv"]
    store, dictionaries = read_events(job(tmp_path, pool), parts(files))
    assert dictionaries[USER].values().to_list() == ["2", "1", "3"]
    codes = [code for block in store.take() for code in np.asarray(block[USER]).tolist()]
    assert codes == [1, 2, 1, 2, 3] * 2


def test_counts_add_up(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = job(tmp_path, pool, max_bad_share=1, duplicates="quarantine")
    read_events(of, parts(events().with_columns(user_id=pl.Series(["a", "", "a", None, "b"]))))
    count_repeats(of, np.array([2]), 1)
    counts = of.tally("events").counts()
    assert counts.rows == counts.kept + counts.bad + counts.duplicates + counts.opted_out == 5
    assert counts.reasons == {"empty text": 1, "missing": 1, "same as an earlier row": 1}


def test_repeats_that_are_kept_are_counted_only(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = job(tmp_path, pool)
    read_events(of, parts(events()))
    count_repeats(of, None, 2)
    counts = of.tally("events").counts()
    assert (counts.kept, counts.duplicates, counts.reasons) == (5, 2, {})


@pytest.mark.parametrize(("table", "key"), [("items", "item_id"), ("profiles", "user_id")])
def test_a_table_of_ids_has_each_once(
    tmp_path: Path, pool: ThreadPoolExecutor, table: TableName, key: str
) -> None:
    source = pl.DataFrame({key: ["a", "b", "a"], "n": [1, 2, 3]})
    of = job(tmp_path, pool, max_bad_share=0.34)
    assert read_table(of, table, parts(source))["n"].to_list() == [1, 2]
    with pytest.raises(GuardError, match=f"1 of 3 rows of {table} are bad"):
        read_table(job(tmp_path, pool, max_bad_share=0.33), table, parts(source))


def test_attributes_that_events_use_are_checked(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    channels = {
        "item_id": ChannelMapping(kind="id"),
        "size": ChannelMapping(kind="dense", column="weight"),
    }
    of = TracesMapping(events=EventsMapping(channels=channels, item_channels=("size",)))
    source = pl.DataFrame({"item_id": ["a", "b"], "weight": ["1", "heavy"]})
    made = job(tmp_path, pool, mapping=of, max_bad_share=1)
    assert read_table(made, "items", parts(source))["item_id"].to_list() == ["a"]
    assert made.tally("items").counts().reasons == {"not a number": 1}


def test_columns_may_come_in_any_order_and_files_lack_some(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    pl.DataFrame({"item_id": ["a"], "brand": ["x"]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"text": ["t"], "item_id": ["b"]}).write_csv(tmp_path / "b.csv")
    found = read_table(job(tmp_path, pool), "items", parts(tmp_path))
    assert found.drop(ROW).to_dicts() == [
        {"item_id": "a", "brand": "x", "text": None},
        {"item_id": "b", "brand": None, "text": "t"},
    ]


def test_counts_are_taken_from_another_run(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    first = job(tmp_path, pool, max_bad_share=1)
    read_events(first, parts(events().with_columns(user_id=pl.Series(["a", "", "a", "b", "b"]))))
    second = job(tmp_path, pool, max_bad_share=1)
    second.recount(json.loads(json.dumps(first.counted())))
    assert second.tally("events").counts() == first.tally("events").counts()
    assert second.tally("events").counts().bad == 1
