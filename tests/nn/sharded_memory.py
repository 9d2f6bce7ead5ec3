"""What each of two processes does that are given less memory than a table takes."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import torch

from habitus.nn.sharded_table import ShardedTable
from habitus.random import torch_generator
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from habitus.training.shards import average_shards
from tests.nn.sharded import start, stop

NUM_ROWS, DIM = 2**20, 32
TABLE_BYTES = NUM_ROWS * DIM * 4
ROOM = 96 * 2**20
"""More address space than a process has after its first step; the table has 128 MiB."""
NUM_STEPS, BATCH = 12, 512


def train(table: ShardedTable, rank: int, num_steps: int) -> tuple[list[float], int]:
    """Learn to say whether an id is even, from ids of the whole table; return losses and state."""
    optimizer, losses = RowWiseAdagrad(table.parameters(), lr=0.01), []
    # The same ids at each step, since most rows of a large table are met once otherwise.
    ids = torch.randint(table.num_rows, (BATCH,), generator=torch_generator(rank, "memory"))
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss = (table(ids).sum(1) - (ids % 2)).square().mean()
        torch.autograd.backward(loss)
        average_shards(table)
        optimizer.step()
        losses.append(loss.item())
    return losses, optimizer.state_bytes()


def is_refused(num_rows: int) -> bool:
    """Return whether there is no room for so many rows."""
    try:
        torch.empty(num_rows, DIM)
    except RuntimeError as error:
        return "can't allocate memory" in str(error)
    return False


def used() -> int:
    """Return the address space of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main(rank: int, world: int, folder: Path) -> None:
    """Set the limit, fail to hold the whole table, then train it in shards."""
    start(rank, world, folder)
    train(ShardedTable(1_000, DIM), rank, 2)
    # Telling of what was refused takes room itself, the first time.
    assert is_refused(2**48)
    before = used()
    resource.setrlimit(resource.RLIMIT_AS, (before + ROOM, resource.RLIM_INFINITY))
    refused = is_refused(NUM_ROWS)
    table = ShardedTable(NUM_ROWS, DIM, std=0.01)
    losses, state_bytes = train(table, rank, NUM_STEPS)
    found = {
        "whole table refused": refused,
        "losses": losses,
        "rows_bytes": table.weight.nbytes,
        "state_bytes": state_bytes,
        "taken": used() - before,
    }
    (folder / f"memory-{rank}.json").write_text(json.dumps(found))
    stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
