"""A table over two processes against the same table whole in each: memory, and the time of a step.

Both do the same steps in the same two processes, one after the other and in turns: log-uniform ids,
as frequent values are, forward, backward, and row-wise Adagrad. The whole table exchanges nothing,
not even its gradients, so it is the floor of what a step of either can take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist
from torch import nn

from benchmarks.harness import Entry, record
from habitus.nn.sampled_softmax import draw_negatives
from habitus.nn.sharded_table import ShardedTable
from habitus.random import torch_generator
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from habitus.training.shards import average_shards

WORLD = 2
SIZES = {"few ids": (4_096, 16), "many ids": (65_536, 64)}
"""Ids of a step of one process, and width."""


def main(quick: bool = False) -> None:
    """Measure and record."""
    num_rows, rounds = (20_000, 3) if quick else (500_000, 15)
    with tempfile.TemporaryDirectory() as folder:
        more = [folder, str(num_rows), str(rounds)]
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.sharded_table", str(rank), *more],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            for rank in range(WORLD)
        ]
        codes = [worker.wait() for worker in workers]
        if any(codes):
            raise RuntimeError("a process failed")
        found = json.loads((Path(folder) / "found-0.json").read_text())
    entries = []
    for name, (num_ids, dim) in SIZES.items():
        sharded, whole = found[name]["sharded_s"], found[name]["whole_s"]
        what = f"{num_ids} ids a process of width {dim}, {num_rows} rows"
        entries += [
            Entry(name=f"{name}: step", measured=1e3 * sharded, unit="ms", note=what),
            Entry(name=f"{name}: over the whole table", measured=sharded / whole, unit="×"),
            Entry(
                name=f"{name}: rows asked for",
                measured=found[name]["asked"],
                unit="of ids",
                note="after each process has made its ids unique",
            ),
            Entry(
                name=f"{name}: memory of rows and state in a process",
                measured=found[name]["bytes"] / (num_rows * (dim + 1) * 4),
                unit="of the whole",
                bar=1 / WORLD,
                at_most=True,
            ),
        ]
    record("sharded_table", entries, quick=quick)


def worker(rank: int, folder: Path, num_rows: int, rounds: int) -> None:
    """Measure in one of the processes."""
    torch.set_num_threads(1)
    meet = f"file://{folder / 'meet'}"
    wait = timedelta(seconds=120)
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=WORLD, timeout=wait)
    found = {name: compare(rank, num_rows, *size, rounds) for name, size in SIZES.items()}
    (folder / f"found-{rank}.json").write_text(json.dumps(found))
    dist.barrier()
    dist.destroy_process_group()


def compare(rank: int, num_rows: int, num_ids: int, dim: int, rounds: int) -> dict[str, float]:
    """Return seconds of a step of both, and what a process asks for and holds."""
    tables: dict[str, nn.Embedding] = {
        "sharded": ShardedTable(num_rows, dim),
        "whole": nn.Embedding(num_rows, dim, sparse=True),
    }
    optimizers = {name: RowWiseAdagrad(table.parameters()) for name, table in tables.items()}
    seconds: dict[str, list[float]] = {name: [] for name in tables}
    asked = 0.0
    for number in range(rounds + 2):
        ids = draw_negatives(num_ids, num_rows, torch_generator(rank, "ids", number))
        asked += len(torch.unique(ids)) / num_ids / (rounds + 2)
        for name, table in tables.items():
            dist.barrier()
            started = time.perf_counter()
            optimizers[name].zero_grad()
            torch.autograd.backward(table(ids).square().mean())
            average_shards(table)
            optimizers[name].step()
            seconds[name].append(time.perf_counter() - started)
    held = tables["sharded"].weight.nbytes + optimizers["sharded"].state_bytes()
    times = {f"{name}_s": median(taken[2:]) for name, taken in seconds.items()}
    return {**times, "asked": asked, "bytes": held}


if __name__ == "__main__":
    worker(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
