from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from habitus.data.finished_buckets import FinishedBuckets
from habitus.data.ingest_report import IngestConfig
from habitus.data.ingest_state import SCRATCH, IngestState, Torn
from habitus.data.read_tables import Job

from .small import mapping


def job(folder: Path, key: str | None = "key") -> Job:
    state = IngestState(folder / SCRATCH, lambda: key)
    state.load()
    return Job(
        mapping=mapping(),
        config=IngestConfig(),
        opt_out=pl.Series([], dtype=pl.String),
        latest=0,
        folder=folder,
        quarantine_folder=folder / "q",
        kept_at=folder,
        pool=ThreadPoolExecutor(1),
        progress=lambda *_: None,
        state=state,
    )


def write(folder: Path, key: str | None = "key") -> FinishedBuckets:
    """Finish the buckets of users 0 … 1 and 2 … 3 of six users, and half of another."""
    done = FinishedBuckets(job(folder, key), 6)
    writers = [done.writer("n", "int16", text=False), done.writer("text", "uint8", text=True)]
    for users, count in ((2, 3), (4, 1), (6, 2)):
        done.count_U[users - 1] = done.unknown = count
        done.num_read += count
        writers[0].append(np.arange(count, dtype=np.int16))
        writers[1].append(pa.array(["é"] * count, pa.large_string()))
        if users < 6:
            done.keep(users, writers)
    return done


def test_the_next_run_goes_on_behind_the_last_finished_bucket(tmp_path: Path) -> None:
    assert write(tmp_path).users == 4
    done = FinishedBuckets(job(tmp_path), 6)
    assert (done.users, done.num_read, done.unknown) == (4, 4, 1)
    assert done.count_U.tolist() == [0, 3, 0, 1, 0, 0]
    number, text = done.writer("n", "int16", text=False), done.writer("text", "uint8", text=True)
    number.append(np.array([7], np.int16))
    text.append(pa.array(["ab"], pa.large_string()))
    number.close()
    text.close()
    assert np.load(tmp_path / "events/n.npy").tolist() == [0, 1, 2, 0, 7]
    assert np.load(tmp_path / "events/text.offsets.npy").tolist() == [0, 2, 4, 6, 8, 10]
    assert np.load(tmp_path / "events/text.bytes.npy").tobytes().decode() == "ééééab"


def test_nothing_is_kept_of_what_cannot_be_resumed(tmp_path: Path) -> None:
    assert write(tmp_path, None).users == 0
    assert not (tmp_path / SCRATCH).exists()
    assert FinishedBuckets(job(tmp_path, None), 6).users == 0


def test_missing_counts_are_noticed(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / SCRATCH / "counts").write_bytes(bytes(8 * 3))
    with pytest.raises(Torn, match="3 users are there, of 4"):
        FinishedBuckets(job(tmp_path), 6)
