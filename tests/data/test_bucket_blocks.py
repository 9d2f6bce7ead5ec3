"""Events by range, whether they are in memory, on disk, or cut again since a range is too large."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from habitus.data import read_tables, sources
from habitus.data.blocks import Block
from habitus.data.bucket_blocks import SPLIT, Users, bucket_blocks, final_block, users_of
from habitus.data.dictionary import Dictionary, Final
from habitus.data.event_store import EventStore
from habitus.data.events import USER
from habitus.data.ingest_report import IngestConfig
from habitus.data.ingest_state import SCRATCH, STATE, IngestState
from habitus.data.read_tables import RELEASED, Job, read_events
from habitus.data.sources import parts

from .small import mapping


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def job(folder: Path, pool: ThreadPoolExecutor, **config: Any) -> Job:
    return Job(
        mapping=mapping(),
        config=IngestConfig(**config),
        opt_out=pl.Series([], dtype=pl.String),
        latest=2_000_000_000,
        folder=folder,
        quarantine_folder=folder / "q",
        kept_at=folder,
        pool=pool,
        progress=lambda *_: None,
        state=IngestState(folder / SCRATCH, lambda: "key"),
    )


def events(num_rows: int = 400, num_users: int = 17) -> pl.DataFrame:
    """Return events whose price tells when they came."""
    user = np.random.default_rng(0).integers(0, num_users, num_rows)
    return pl.DataFrame(
        {
            "user_id": [f"u{n}" for n in user],
            "time": 10,
            "item_id": [f"i{n % 5}" for n in user],
            "price": np.arange(num_rows, dtype=float),
        }
    )


def read(of: Job, source: pl.DataFrame) -> tuple[EventStore, Users, dict[str, Final]]:
    store, dictionaries = read_events(of, parts(source))
    finals = {n: d.finish() for n, d in dictionaries.items() if n != USER}
    return store, users_of(store, dictionaries[USER]), finals


def told(blocks: Iterator[tuple[int, Block]]) -> list[tuple[int, list[Any], list[Any]]]:
    """Return, of each bucket, the user behind it, its users, and when its events came."""
    return [(stop, block[USER].tolist(), block["price"].tolist()) for stop, block in blocks]


def expected(source: pl.DataFrame) -> dict[int, list[float]]:
    """Return of each user row when the events came."""
    ids = sorted(source["user_id"].unique())
    groups = source.group_by("user_id").agg("price")
    return {ids.index(user): prices for user, prices in groups.iter_rows()}


def by_user(found: list[tuple[int, list[Any], list[Any]]]) -> dict[int, list[float]]:
    events: dict[int, list[float]] = {}
    first = 0
    for stop, users, prices in found:
        assert all(first <= user < stop for user in users)
        for user, price in zip(users, prices, strict=True):
            events.setdefault(user, []).append(price)
        first = stop
    return events


@pytest.mark.parametrize("buckets", [None, 1, 4, 30])
def test_every_event_comes_once_with_its_user_by_arrival(
    tmp_path: Path, pool: ThreadPoolExecutor, buckets: int | None
) -> None:
    of = job(tmp_path, pool, buckets=buckets)
    store, users, finals = read(of, events())
    found = told(bucket_blocks(of, store, users, finals, 0))
    assert by_user(found) == expected(events())
    # Of 17 users no more than 17 ranges can be made.
    assert len(found) == min(buckets or 1, 17)
    assert found[-1][0] == 17


def test_codes_are_final(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = job(tmp_path, pool, buckets=3)
    source = events()
    store, users, finals = read(of, source)
    for _, block in bucket_blocks(of, store, users, finals, 0):
        rows = block["price"].astype(int).tolist()
        values = [None, *finals["item_id"].values.to_pylist()]
        found = [values[code] for code in block["item_id"].tolist()]
        assert found == source["item_id"].gather(rows).to_list()


def test_what_is_done_does_not_come_again(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = job(tmp_path, pool, buckets=4)
    store, users, finals = read(of, events())
    whole = told(bucket_blocks(of, store, users, finals, 0))
    store, users, finals = read(of, events())
    assert told(bucket_blocks(of, store, users, finals, whole[1][0])) == whole[2:]


@pytest.mark.parametrize("order", ["by user", "as they came"])
def test_a_range_that_is_too_large_is_cut_again(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    # 20 bytes an event, 8,000 in all; 800 are held, and a bucket may have as many.
    monkeypatch.setattr(read_tables, "MIB", 400)
    monkeypatch.setattr(sources, "STEP", 30)
    source = events().sort("user_id", maintain_order=True) if order == "by user" else events()
    of = job(tmp_path, pool, memory_mib=16)
    assert of.memory == 6_400
    store, users, finals = read(of, source)
    assert store.spill is not None
    sizes = store.spill.count_R * 20
    if order == "by user":
        # The ranges were chosen when only the first users had been met.
        assert sizes.max() > 4_000
    found = told(bucket_blocks(of, store, users, finals, 0))
    assert by_user(found) == expected(source)
    largest = max(len(prices) for prices in expected(source).values())
    assert max(len(prices) for _, _, prices in found) <= max(40, largest)
    assert not (tmp_path / SCRATCH / SPLIT).exists()
    # A run that was stopped in the middle of such a range goes on there.
    for done in (found[len(found) // 2][0], found[-2][0]):
        store, users, finals = read(job(tmp_path / str(done), pool, memory_mib=16), source)
        left = told(bucket_blocks(of, store, users, finals, done))
        assert left == [bucket for bucket in found if bucket[0] > done]


def test_files_of_finished_ranges_go_and_the_state_says_so(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    of = job(tmp_path, pool, buckets=16)
    store, users, finals = read(of, events(4_000, 200))
    folder, seen = tmp_path / SCRATCH / read_tables.EVENTS, []
    for _ in bucket_blocks(of, store, users, finals, 0):
        groups = sorted(int(p.name) for p in folder.iterdir() if p.is_dir())
        state = tmp_path / SCRATCH / STATE
        stored = json.loads(state.read_text())["values"] if state.exists() else {}
        assert sorted([*groups, *stored.get(RELEASED, [])]) == list(range(8))
        seen.append(len(groups))
    # Two of 16 ranges are one of 8 groups.
    assert seen == [n for n in range(8, 0, -1) for _ in range(2)]
    # What stands where, and how many events each user has, is asked for by a run that resumes.
    assert [p.name for p in folder.iterdir()] == []


def test_users_are_counted_in_their_final_order(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = job(tmp_path, pool, buckets=2)
    source = events().filter(pl.col("user_id") != "u3")
    store, dictionaries = read_events(of, parts(source))
    met: Dictionary = dictionaries[USER]
    met.use(met.codes(pl.Series(["new", "u3"])))
    users = users_of(store, met)
    ids = users.final.values.to_pylist()
    assert ids == sorted({*source["user_id"], "new", "u3"})
    counts = dict(source["user_id"].value_counts().iter_rows())
    assert users.count_U.tolist() == [counts.get(user, 0) for user in ids]
    assert (users.first_K1[0], users.first_K1[-1]) == (0, len(ids))


@pytest.mark.parametrize("cuts", [[4], [1, 3], [0, 4]])
def test_blocks_become_one_with_final_codes(cuts: list[int], pool: ThreadPoolExecutor) -> None:
    final = Final(pa.array(["a", "b"]), np.array([0, 2, 1], np.uint8))
    whole: Block = {
        USER: np.array([2, 1, 1, 2], np.uint32),
        "n": np.array([1, 0, 2, 1], np.uint32),
        "x": np.array([1.5, np.nan, -0.0, 3]),
        "text": pa.array(["p", "", "é", "q"], pa.large_string()),
    }
    blocks = []
    for start, stop in zip([0, *cuts], [*cuts, 4], strict=True):
        if stop > start:
            blocks.append({name: array[start:stop] for name, array in whole.items()})
    found = final_block(blocks, {"n": final, USER: final}, pool)
    assert list(found) == list(whole)
    # Rows of users count from 0.
    assert found[USER].tolist() == [0, 1, 1, 0]
    assert found["n"].tolist() == [2, 0, 1, 2]
    assert found["n"].dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(found["x"]), np.asarray(whole["x"]))
    assert found["text"].to_pylist() == ["p", "", "é", "q"]  # type: ignore[union-attr]
