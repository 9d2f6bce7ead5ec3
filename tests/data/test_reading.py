import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from habitus.data import reading
from habitus.data.columns import TableName
from habitus.data.events import USER
from habitus.data.ingest_report import IngestConfig
from habitus.data.ingest_state import SCRATCH, STATE, IngestState, Torn
from habitus.data.read_tables import EVENTS, RELEASED, Job
from habitus.data.reading import Reading, read_all
from habitus.data.sources import Source

from .small import events, mapping

TABLES: dict[TableName, Source] = {
    "events": events().with_columns(user_id=pl.Series(["b", "", "b", "a", "c"])),
    "profiles": pl.DataFrame({"user_id": ["a", "z"], "tags": ["p|q", None], "n": [1, 2]}),
}


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def job(folder: Path, pool: ThreadPoolExecutor, **config: Any) -> Job:
    state = IngestState(folder / SCRATCH, lambda: "key")
    state.load()
    return Job(
        mapping=mapping(text="text"),
        config=IngestConfig(max_bad_share=1, **config),
        opt_out=pl.Series([], dtype=pl.String),
        latest=2_000_000_000,
        folder=folder,
        quarantine_folder=folder / "q",
        kept_at=folder,
        pool=pool,
        progress=lambda *_: None,
        state=state,
    )


def tables() -> dict[TableName, Source]:
    texts = pl.Series(["t", "u", "", None, "é"])
    found = TABLES["events"]
    assert isinstance(found, pl.DataFrame)
    return TABLES | {"events": found.with_columns(text=texts)}


def told(found: Reading, pool: ThreadPoolExecutor) -> dict[str, Any]:
    assert found.store.spill is not None
    assert found.store.ranges is not None
    ranges = [found.store.spill.read(place, pool) for place in range(found.store.ranges.num)]
    return {
        "files": found.files,
        "frames": {name: frame.to_dict(as_series=False) for name, frame in found.frames.items()},
        "schemas": {name: frame.schema for name, frame in found.frames.items()},
        "values": {name: d.values().to_list() for name, d in found.dictionaries.items()},
        "arrays": repr([(n, pl.Series(a).to_list()) for block in ranges for n, a in block.items()]),
        "size": (found.store.num_events, found.store.num_bytes),
        "counts": found.store.count_V1().tolist(),
        "ranges": found.store.ranges.of_codes(found.dictionaries[USER])[1:].tolist(),
    }


def test_what_was_read_is_found_again(
    tmp_path: Path, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = job(tmp_path, pool, buckets=2)
    read = told(read_all(first, tables()), pool)
    monkeypatch.delattr(reading, "read_events")
    second = job(tmp_path, pool, buckets=2)
    assert told(read_all(second, tables()), pool) == read
    assert second.counted() == first.counted()
    assert second.notices == first.notices


def test_what_fits_in_memory_is_not_kept(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    read_all(job(tmp_path, pool), tables())
    assert not (tmp_path / SCRATCH).exists()


def test_files_that_were_removed_are_not_missed(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    first = job(tmp_path, pool, buckets=2)
    read_all(first, tables())
    first.state.save(**{RELEASED: [0]})
    shutil.rmtree(tmp_path / SCRATCH / EVENTS / "0")
    found = read_all(job(tmp_path, pool, buckets=2), tables())
    assert found.store.spill is not None
    # a and b are the first range; c is the fourth value met, after the bad row's empty text.
    assert np.asarray(found.store.spill.read(1, pool)[USER]).tolist() == [4]


@pytest.mark.parametrize(
    "name",
    [
        "events/0/time",
        "events/1/text.bytes",
        "events/index.json",
        "events/user_counts.npy",
        ".user.values.arrow",
        "profiles.table.arrow",
    ],
)
def test_a_missing_file_is_noticed(tmp_path: Path, pool: ThreadPoolExecutor, name: str) -> None:
    read_all(job(tmp_path, pool, buckets=2), tables())
    (tmp_path / SCRATCH / name).unlink()
    with pytest.raises(Torn):
        read_all(job(tmp_path, pool, buckets=2), tables())


def test_a_damaged_table_is_noticed(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    read_all(job(tmp_path, pool, buckets=2), tables())
    path = tmp_path / SCRATCH / "profiles.table.arrow"
    path.write_bytes(bytes(path.stat().st_size))
    assert (tmp_path / SCRATCH / STATE).is_file()
    with pytest.raises(Torn):
        read_all(job(tmp_path, pool, buckets=2), tables())
