from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from habitus.data.columns import TIME
from habitus.data.events import ROW, USER
from habitus.data.ingest_report import IngestConfig
from habitus.data.ingest_state import SCRATCH
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.read_tables import Job, read_events
from habitus.data.sources import parts
from habitus.data.traces import Column
from habitus.data.write_events import Arrangement, arrange, sort_bucket, write_events

from .small import events, mapping


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def job(folder: Path, pool: ThreadPoolExecutor, of: TracesMapping, **config: Any) -> Job:
    return Job(
        mapping=of,
        config=IngestConfig(**config),
        opt_out=pl.Series([], dtype=pl.String),
        latest=2_000_000_000,
        folder=folder,
        quarantine_folder=folder / "q",
        kept_at=folder,
        pool=pool,
        progress=lambda *_: None,
    )


def plan(
    of: Job, profiles: pl.DataFrame | None = None, items: pl.DataFrame | None = None
) -> tuple[Arrangement, Any]:
    store, dictionaries = read_events(of, parts(events()))
    return arrange(of.mapping.events, store, dictionaries, profiles, items, of.pool), store


def test_users_are_those_with_an_event_or_a_profile_by_id(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    profiles = pl.DataFrame({"user_id": ["bb", "a"]})
    found, _ = plan(job(tmp_path, pool, mapping()), profiles)
    assert found.users.final.values.to_pylist() == ["a", "b", "bb", "c"]
    assert found.users.count_U.tolist() == [2, 2, 0, 1]
    # Events came as b, a, …: provisional codes 1 and 2; bb is the fourth value met.
    assert found.users.final.code_V1.tolist() == [0, 2, 1, 4, 3]


def test_attributes_are_looked_up_once_an_item(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    channels = {
        "item_id": ChannelMapping(kind="id"),
        "brand": ChannelMapping(kind="category"),
        "size": ChannelMapping(kind="dense"),
    }
    of = TracesMapping(events=EventsMapping(channels=channels, item_channels=("brand", "size")))
    items = pl.DataFrame(
        {"item_id": ["i2", "i1", "i7"], "brand": ["", "x", "unseen"], "size": ["2.5", None, "9"]}
    )
    found, _ = plan(job(tmp_path, pool, of), items=items.with_columns(pl.lit(0).alias(ROW)))
    # Codes: 0 missing, then i1, i10, i2; i10 is no known item.
    assert found.known_I1 is not None
    assert found.known_I1.tolist() == [True, True, False, True]
    brand, size = found.attributes["brand"], found.attributes["size"]
    assert brand.values is not None
    assert brand.values.to_pylist() == ["x"]
    assert brand.value_I1.tolist() == [0, 1, 0, 0]
    np.testing.assert_array_equal(
        size.value_I1, np.array([np.nan, np.nan, np.nan, 2.5], np.float32)
    )


def test_what_is_written_is_told(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    of = TracesMapping(
        events=EventsMapping(
            channels=mapping(text="text").events.channels, constants={"service": "shop"}
        )
    )
    source = events().with_columns(text=pl.lit("é"))
    made = job(tmp_path, pool, of)
    store, dictionaries = read_events(made, parts(source))
    plan = arrange(of.events, store, dictionaries, None, None, pool)
    written = write_events(made, store, plan)
    assert written.columns == (
        Column(name="item_id", kind="id", dtype="uint8", num_values=3),
        Column(name="price", kind="dense", dtype="float32"),
        Column(name="service", kind="category", dtype="uint8", num_values=1),
        Column(name="text", kind="text", dtype="uint8"),
    )
    assert (written.num_events, written.unknown_items) == (5, 0)
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == set(written.digests)
    assert np.load(tmp_path / "events/text.offsets.npy").tolist() == [0, 2, 4, 6, 8, 10]


def test_a_bucket_is_sorted_by_user_time_and_arrival(pool: ThreadPoolExecutor) -> None:
    user_L, time_L = np.array([1, 0, 1, 0], np.uint8), np.array([5, 9, 5, 2])
    found = sort_bucket({USER: user_L, TIME: time_L, "n": np.arange(4)}, pool, drop_repeats=False)
    assert np.asarray(found.block["n"]).tolist() == [3, 1, 0, 2]
    assert np.asarray(found.block[TIME]).tolist() == [2, 9, 5, 5]
    assert found.user_L.tolist() == [0, 0, 1, 1]
    assert not found.repeated.result().any()
    assert found.repeated_rows is None


@pytest.mark.parametrize("drop", [True, False])
def test_repeats_are_found_by_what_is_stored(pool: ThreadPoolExecutor, drop: bool) -> None:
    block = {
        USER: np.array([1, 0, 1, 1], np.uint8),
        TIME: np.array([5, 9, 5, 5]),
        "text": pa.array(["a", "a", "a", "b"], pa.large_string()),
        ROW: np.array([10, 11, 12, 13]),
    }
    found = sort_bucket(block, pool, drop_repeats=drop)
    # Sorted it is the second of the user's three.
    assert found.repeated.result().tolist() == [False, False, True, False]
    texts = found.block["text"].to_pylist()  # type: ignore[union-attr]
    assert texts == (["a", "a", "b"] if drop else ["a", "a", "a", "b"])
    assert np.asarray(found.block[TIME]).tolist() == [9, 5, 5, 5][: len(texts)]
    assert found.user_L.tolist() == [0, 1, 1, 1][: len(texts)]
    assert ROW not in found.block
    if drop:
        assert found.repeated_rows is not None
        assert found.repeated_rows.tolist() == [12]


@pytest.mark.parametrize("buckets", [None, 1, 3])
def test_scratch_files_go_as_soon_as_they_can(
    tmp_path: Path, pool: ThreadPoolExecutor, buckets: int | None
) -> None:
    made = job(tmp_path, pool, mapping(), buckets=buckets)
    found, store = plan(made)
    assert (store.spill is not None) == (buckets is not None)
    write_events(made, store, found)
    assert [p for p in (tmp_path / SCRATCH).rglob("*") if p.is_file()] == []
