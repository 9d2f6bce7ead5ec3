"""A run that is stopped anywhere, and the one after it, against a run that is not."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from habitus.data import bucket_blocks, read_tables, reading, sources, write_events
from habitus.data import ingest as ingest_module
from habitus.data.columns import TableName
from habitus.data.ingest import IngestConfig, IngestReport, ingest
from habitus.data.ingest_state import SCRATCH, STATE
from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping
from habitus.data.sources import Source, Sql, chunks
from habitus.errors import DataError

from .small import mapping
from .test_ingest import ITEMS, many, same_files

BUCKETS = 6
CONFIG = IngestConfig(buckets=BUCKETS, duplicates="quarantine", max_bad_share=1)
OF = TracesMapping(
    events=EventsMapping(
        channels={
            **mapping(text="text").events.channels,
            "brand": ChannelMapping(kind="category"),
        },
        item_channels=("brand",),
        constants={"service": "shop"},
    )
)


class Stopped(BaseException):
    """Like an interrupt: no error of the program."""


@pytest.fixture
def tables(tmp_path: Path) -> dict[TableName, Source]:
    """Return files with bad rows, repeats, an opted-out user and unknown users."""
    files = tmp_path / "sources"
    files.mkdir()
    bad = pl.DataFrame(
        {"user_id": ["", "u1", "u7777"], "time": [1, None, -1], "item_id": "i1", "text": "x"}
    )
    pl.concat([many(), bad], how="diagonal").write_csv(files / "events.csv")
    ITEMS.write_csv(files / "items.csv")
    follows = pl.DataFrame({"user_id": ["u1", "u2", "u7777"], "follows_id": ["u2", "no", "u1"]})
    follows.write_csv(files / "follows.csv")
    pl.DataFrame({"user_id": ["u1", "new"], "tags": "a|b"}).write_csv(files / "profiles.csv")
    return {n: files / f"{n}.csv" for n in ("events", "items", "follows", "profiles")}


def run(tables: dict[TableName, Source], out: Path, **changed: Any) -> IngestReport:
    every: dict[str, Any] = {"config": CONFIG, "opt_out": ["u7777"]} | changed
    return ingest(tables, every.pop("mapping", OF), out, **every)


@pytest.fixture
def whole(tmp_path: Path, tables: dict[TableName, Source]) -> Path:
    """Return what a run writes that nothing stops."""
    run(tables, tmp_path / "whole")
    return tmp_path / "whole"


class Calls:
    """Counts calls of a function, and stops at one of them."""

    def __init__(self, real: Callable[..., Any], stop_at: int | None = None) -> None:
        self.real, self.stop_at, self.count = real, stop_at, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.count == self.stop_at:
            raise Stopped
        self.count += 1
        return self.real(*args, **kwargs)


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Calls]:
    def replace(where: Any, name: str, stop_at: int | None = None) -> Calls:
        real = getattr(where, name)
        calls = Calls(real.real if isinstance(real, Calls) else real, stop_at)
        monkeypatch.setattr(where, name, calls)
        return calls

    return replace


def stop(
    patch: Callable[..., Calls], tables: dict[TableName, Source], out: Path, finished: int
) -> Path:
    """Stop a run when some buckets are finished; return what it leaves."""
    patch(write_events, "_write_bucket", finished)
    with pytest.raises(Stopped):
        run(tables, out)
    patch(write_events, "_write_bucket")
    assert not out.exists()
    return out.with_name(f".{out.name}.partial")


def nothing_beside(out: Path) -> bool:
    return not [p for p in out.parent.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("finished", range(BUCKETS))
def test_finished_buckets_are_not_written_again(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any, finished: int
) -> None:
    out = tmp_path / "out"
    stop(patch, tables, out, finished)
    read, written = patch(reading, "read_events"), patch(write_events, "_write_bucket")
    report = run(tables, out)
    assert (read.count, written.count) == (0, BUCKETS - finished)
    assert same_files(whole, out)
    assert nothing_beside(out)
    # The counts of all rows, also of those that the first run read.
    shutil.rmtree(whole)
    again = run(tables, whole)
    assert report.tables == again.tables
    assert list(report.tables) == list(again.tables)
    assert report.events.duplicates > 0
    assert (report.events.bad, report.events.opted_out, report.tables["follows"].bad) == (2, 1, 0)
    assert (report.digest, report.unknown_items) == (again.digest, again.unknown_items)


def test_what_was_read_is_not_read_again(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any
) -> None:
    out = tmp_path / "out"
    patch(ingest_module, "arrange", 0)
    with pytest.raises(Stopped):
        run(tables, out)
    patch(ingest_module, "arrange")
    read, side = patch(reading, "read_events"), patch(reading, "read_table")
    written = patch(write_events, "_write_bucket")
    run(tables, out)
    assert (read.count, side.count, written.count) == (0, 0, BUCKETS)
    assert same_files(whole, out)


def test_a_range_that_is_cut_again_goes_on_in_its_middle(
    tmp_path: Path, patch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 36 bytes an event and up: with 3,200 bytes of memory each range is a few events.
    monkeypatch.setattr(read_tables, "MIB", 200)
    monkeypatch.setattr(sources, "STEP", 70)
    tables: dict[TableName, Source] = {"events": many().sort("user_id", maintain_order=True)}
    changed: dict[str, Any] = {"config": IngestConfig(memory_mib=16)}
    changed["mapping"] = mapping(text="text")
    filled = patch(bucket_blocks, "_split")
    written = patch(write_events, "_write_bucket")
    run(tables, tmp_path / "whole", **changed)
    number = written.count
    assert filled.count > 0
    for finished in (number // 2, number - 2):
        out = tmp_path / f"out-{finished}"
        patch(write_events, "_write_bucket", finished)
        with pytest.raises(Stopped):
            run(tables, out, **changed)
        read, left = patch(reading, "read_events"), patch(write_events, "_write_bucket")
        run(tables, out, **changed)
        assert (read.count, left.count) == (0, number - finished)
        assert same_files(tmp_path / "whole", out)


def test_a_run_that_only_had_to_end_ends(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any
) -> None:
    out = tmp_path / "out"
    patch(ingest_module, "_manifest", 0)
    with pytest.raises(Stopped):
        run(tables, out)
    patch(ingest_module, "_manifest")
    written = patch(write_events, "_write_bucket")
    run(tables, out)
    assert written.count == 0
    assert same_files(whole, out)


def test_it_may_be_stopped_again_and_again(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any
) -> None:
    out = tmp_path / "out"
    for _ in range(BUCKETS - 1):
        stop(patch, tables, out, 1)
    run(tables, out)
    assert same_files(whole, out)


@pytest.mark.parametrize(
    "what", ["mapping", "config", "opt_out", "bytes", "time of change", "another file"]
)
def test_a_run_of_other_things_starts_over(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any, what: str
) -> None:
    out, changed = tmp_path / "out", dict[str, Any]()
    stop(patch, tables, out, 3)
    source = cast(Path, tables["events"])
    if what == "mapping":
        channels = {n: c for n, c in OF.events.channels.items() if n != "price"}
        events = EventsMapping(channels=channels, item_channels=("brand",))
        changed = {"mapping": TracesMapping(events=events)}
    elif what == "config":
        changed = {"config": IngestConfig(buckets=BUCKETS, max_bad_share=1)}
    elif what == "opt_out":
        changed = {"opt_out": ["u7777", "u3"]}
    elif what == "bytes":
        source.write_text(source.read_text() + "u1,2,i1,0.25,new\n")
    elif what == "time of change":
        os.utime(source, ns=(0, source.stat().st_mtime_ns + 1))
    else:
        tables = tables | {"events": source.rename(source.with_name("other.csv"))}
    read, written = patch(reading, "read_events"), patch(write_events, "_write_bucket")
    run(tables, out, **changed)
    assert (read.count, written.count) == (1, BUCKETS)
    run(tables, tmp_path / "fresh", **changed)
    assert same_files(tmp_path / "fresh", out)
    assert nothing_beside(out)


@pytest.mark.parametrize(
    "torn",
    [
        f"{SCRATCH}/{STATE}",
        f"{SCRATCH}/events/index.json",
        f"{SCRATCH}/events/user_counts.npy",
        f"{SCRATCH}/events/3/time",
        f"{SCRATCH}/events/5/text.bytes",
        f"{SCRATCH}/items.table.arrow",
        f"{SCRATCH}/.user.values.arrow",
        f"{SCRATCH}/counts",
        "events/time.npy",
        "events/text.offsets.npy",
        "quarantine/events.csv",
    ],
)
@pytest.mark.parametrize("how", ["cut", "gone"])
def test_what_is_torn_is_not_used(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any, torn: str, how: str
) -> None:
    out = tmp_path / "out"
    path = stop(patch, tables, out, 3) / torn
    assert path.stat().st_size > 0
    if how == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.unlink()
    read = patch(reading, "read_events")
    run(tables, out)
    assert read.count == 1
    assert same_files(whole, out)


def test_events_that_are_not_those_that_were_written_are_not_used(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any
) -> None:
    out = tmp_path / "out"
    path = stop(patch, tables, out, 3) / "events/price.npy"
    with path.open("r+b") as file:
        file.seek(130)
        file.write(b"\x7f")
    run(tables, out)
    assert same_files(whole, out)


@pytest.mark.parametrize("kind", ["polars", "arrow", "pandas", "sql", "lazy"])
@pytest.mark.parametrize("changed", [False, True])
def test_frames_are_known_by_their_values_and_queries_by_their_files(
    tmp_path: Path, patch: Any, kind: str, changed: bool
) -> None:
    frame = many()
    other = frame.with_columns(price=pl.col("price").shift(1)) if changed else frame
    path = tmp_path / "e.parquet"

    def source(of: pl.DataFrame) -> Source:
        if kind == "sql":
            if not path.exists() or changed:
                of.write_parquet(path)
            return Sql(f"SELECT * FROM read_parquet('{path}')")
        return {"polars": of, "arrow": of.to_arrow(), "pandas": of.to_pandas(), "lazy": of.lazy()}[
            kind
        ]

    out, of = tmp_path / "out", mapping(text="text")
    patch(write_events, "_write_bucket", 2)
    with pytest.raises(Stopped):
        run({"events": source(frame)}, out, mapping=of)
    patch(write_events, "_write_bucket")
    read = patch(reading, "read_events")
    found = run({"events": source(other)}, out, mapping=of)
    # What a lazy query would yield cannot be told.
    assert read.count == (1 if changed or kind == "lazy" else 0)
    assert found.digest == run({"events": other}, tmp_path / "whole", mapping=of).digest


def test_the_latest_time_is_that_of_the_run_that_read(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as context:
        context.setattr(time, "time", lambda: 3.0)
        partial = stop(patch, tables, out, 2)
        run(tables, tmp_path / "whole")
    assert partial.exists()
    run(tables, out)
    assert same_files(tmp_path / "whole", out)
    assert "in the future" in (out / "quarantine/events.csv").read_text()


def test_who_opted_out_is_not_in_what_an_interrupted_run_leaves(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any
) -> None:
    partial = stop(patch, tables, tmp_path / "out", 3)
    files = [path for path in partial.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert b"7777" not in path.read_bytes(), path


def test_an_error_while_it_goes_on_leaves_nothing(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stop(patch, tables, out, 3)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr("habitus.data.writer.write_all", full)
        with pytest.raises(DataError, match="no space is left"):
            run(tables, out)
    assert not out.exists()
    assert nothing_beside(out)


def test_what_fits_in_memory_leaves_nothing_and_starts_over(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any
) -> None:
    patch(ingest_module, "_manifest", 0)
    with pytest.raises(Stopped):
        run(tables, tmp_path / "out", config=IngestConfig(max_bad_share=1))
    assert nothing_beside(tmp_path / "out")


PROGRAM = """
import sys, time
from pathlib import Path
from habitus.data import write_events
from habitus.data.ingest import IngestConfig, ingest
from habitus.data.mapping import TracesMapping

real, done = write_events._write_bucket, 0

def slow(*args):
    global done
    if done == 3:
        print("three", flush=True)
        time.sleep(600)
    done += 1
    return real(*args)

write_events._write_bucket = slow
folder, out, yaml = map(Path, sys.argv[1:])
config = IngestConfig(buckets=6, duplicates="quarantine", max_bad_share=1)
tables = {p.stem: p for p in folder.iterdir()}
ingest(tables, TracesMapping.from_yaml(yaml), out, config=config, opt_out=["u7777"])
"""


def test_a_killed_process_loses_no_finished_bucket(
    tmp_path: Path, tables: dict[TableName, Source], whole: Path, patch: Any
) -> None:
    out, yaml = tmp_path / "out", tmp_path / "mapping.yaml"
    yaml.write_text(OF.to_yaml())
    assert TracesMapping.from_yaml(yaml) == OF
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "sources"), str(out), str(yaml)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "three\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    read, written = patch(reading, "read_events"), patch(write_events, "_write_bucket")
    run(tables, out)
    assert (read.count, written.count) == (0, BUCKETS - 3)
    assert same_files(whole, out)
    assert nothing_beside(out)


def test_chunks_do_not_matter(
    tmp_path: Path, tables: dict[TableName, Source], patch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ranges are chosen when seventy rows are read; what they hold in the end is another matter.
    monkeypatch.setattr(sources, "STEP", 70)
    monkeypatch.setattr(read_tables, "chunks", lambda part, columns, _: chunks(part, columns, 1))
    run(tables, tmp_path / "whole")
    out = tmp_path / "out"
    stop(patch, tables, out, 4)
    run(tables, out)
    assert same_files(tmp_path / "whole", out)
