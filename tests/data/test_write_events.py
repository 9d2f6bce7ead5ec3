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
from habitus.data.read_tables import BLOCKS, Job, read_events
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
    blocks, dictionaries = read_events(of, parts(events()))
    return arrange(of.mapping.events, blocks, dictionaries, profiles, items), blocks


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
    blocks, dictionaries = read_events(made, parts(source))
    written = write_events(made, blocks, arrange(of.events, blocks, dictionaries, None, None))
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


def test_a_bucket_is_sorted_by_user_time_and_arrival() -> None:
    block = {USER: np.array([1, 0, 1, 0]), TIME: np.array([5, 9, 5, 2]), "n": np.arange(4)}
    ordered = sort_bucket(dict(block), drop_repeats=False)
    assert ordered.order.tolist() == [3, 1, 0, 2]
    assert (ordered.num_repeats, ordered.repeated_rows) == (0, None)


@pytest.mark.parametrize("drop", [True, False])
def test_repeats_are_found_by_what_is_stored(drop: bool) -> None:
    block = {
        USER: np.array([1, 0, 1, 1]),
        TIME: np.array([5, 9, 5, 5]),
        "text": pa.array(["a", "a", "a", "b"], pa.large_string()),
        ROW: np.array([10, 11, 12, 13]),
    }
    ordered = sort_bucket(block, drop_repeats=drop)
    assert ordered.num_repeats == 1
    assert ordered.order.tolist() == ([1, 0, 3] if drop else [1, 0, 2, 3])
    if drop:
        assert ordered.repeated_rows is not None
        assert ordered.repeated_rows.tolist() == [12]


@pytest.mark.parametrize("buckets", [None, 1, 3])
def test_scratch_files_go_as_soon_as_they_can(
    tmp_path: Path, pool: ThreadPoolExecutor, buckets: int | None
) -> None:
    made = job(tmp_path, pool, mapping(), buckets=buckets)
    found, blocks = plan(made)
    assert blocks.on_disk == (buckets is not None)
    write_events(made, blocks, found)
    # The users of the events are counted again by a run that resumes; the workspace clears them.
    expected = [] if buckets is None else [tmp_path / SCRATCH / BLOCKS / USER]
    assert [p for p in (tmp_path / SCRATCH).rglob("*") if p.is_file()] == expected
