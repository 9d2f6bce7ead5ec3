"""Sharded tables on the disk: one safetensors file a process, and an index; read by any number.

Each file holds consecutive places of the table (:mod:`habitus.nn.shard_layout`): ``rows``, and what
an optimiser keeps of each row. The index says which file has which places, and is written last, so
a folder without one is not whole. A reader takes the rows that it holds itself out of all files,
some at a time; nobody needs room for the whole table. Nothing is pickled.

Shapes: R rows of this process, P places of one part of a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from habitus.errors import DataError, UsageError
from habitus.nn.shard_layout import ShardLayout, ranges
from habitus.nn.sharded_table import ShardedTable

FORMAT = 1
INDEX = "index.json"
PART = 65_536
"""Places that are read together."""
ROWS = "rows"


@dataclass(frozen=True)
class ShardIndex:
    """What a folder of shards holds."""

    format: int
    num_rows: int
    dim: int
    world: int
    """Processes that wrote it, and so files."""
    state: list[str]
    """Names of the tensors that go with the rows."""


def shard_file(rank: int, world: int) -> str:
    """Return the name of the file of a process.

    >>> shard_file(0, 2)
    'shard-00000-of-00002.safetensors'
    """
    return f"shard-{rank:05d}-of-{world:05d}.safetensors"


def save_shards(
    folder: Path, table: ShardedTable, state: Mapping[str, Tensor] | None = None
) -> None:
    """Write the rows of this process, and ``state``: tensors with one entry per row, ``(R, …)``.

    All processes of the table call it with the same folder, which they all see.
    ``optimizer.state[table.weight]`` of :class:`habitus.training.row_wise_adagrad.RowWiseAdagrad`
    is such a state.

    Raises:
        UsageError: the folder holds shards already, or the state is of another table.
        DataError: some process could not write; the folder stays without an index.
    """
    if (folder / INDEX).exists():
        raise UsageError(f"{folder} holds a sharded table already: choose another folder")
    world, tensors = table.layout.world, {ROWS: table.weight, **(state or {})}
    for name, x_R in tensors.items():
        if len(x_R) != table.num_embeddings:
            raise UsageError(
                f"the state {name!r} has {len(x_R)} entries and this process has "
                f"{table.num_embeddings} rows: give the optimiser's state of this table"
            )
    error = _write(folder, shard_file(table.rank, world), tensors)
    if not _all_succeeded(error is None, table):
        why = error or "another process could not"
        raise DataError(f"cannot write a sharded table to {folder}: {why}; make room") from error
    if table.rank == 0:
        index = ShardIndex(FORMAT, table.num_rows, table.embedding_dim, world, sorted(state or {}))
        part = folder / f"{INDEX}.part"
        part.write_text(json.dumps(asdict(index), indent=1))
        part.replace(folder / INDEX)
    _all_succeeded(True, table)


@torch.no_grad()
def load_shards(folder: Path, table: ShardedTable) -> dict[str, Tensor]:
    """Read the rows of this process, whoever wrote them; return the state that was with them.

    Raises:
        DataError: a file is missing or damaged.
        UsageError: it is a table of another shape.
    """
    index = read_index(folder)
    if (index.num_rows, index.dim) != (table.num_rows, table.embedding_dim):
        raise UsageError(
            f"{folder} holds a table of {index.num_rows} rows of width {index.dim}, and one of "
            f"{table.num_rows} rows of width {table.embedding_dim} is to be loaded"
        )
    found: dict[str, Tensor] = {ROWS: table.weight}
    written, num_filled = ShardLayout(index.num_rows, index.world), 0
    for rank, (start, stop) in enumerate(pairwise(written.bounds())):
        path = folder / shard_file(rank, index.world)
        try:
            for here_B, parts in _parts(path, written, start, stop, table):
                num_filled += len(here_B)
                for name, part_B in parts.items():
                    if name not in found:
                        shape = (table.num_embeddings, *part_B.shape[1:])
                        found[name] = part_B.new_zeros(shape, device=table.weight.device)
                    found[name][here_B] = part_B.to(found[name])
        except (OSError, SafetensorError, LookupError, ValueError, RuntimeError) as error:
            raise DataError(f"the shard {path} is missing or damaged: {error}") from error
    assert num_filled == table.num_embeddings
    del found[ROWS]
    return found


def read_index(folder: Path) -> ShardIndex:
    """Return what a folder of shards holds.

    Raises:
        DataError: it has no index, or one of another version.
    """
    path = folder / INDEX
    try:
        index = ShardIndex(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} cannot be read: {error}; a table that was not written to its end has no index"
        ) from error
    if index.format != FORMAT:
        raise DataError(f"{path} has format {index.format}, this version reads {FORMAT}")
    return index


def _parts(
    path: Path, written: ShardLayout, start: int, stop: int, table: ShardedTable
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Yield the places in the weight of ``table`` that a file fills, and what goes there."""
    with safe_open(path, "pt", device="cpu") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        held = slices[ROWS].get_shape()
        if held != [stop - start, table.embedding_dim]:
            raise ValueError(f"it holds {held[0]} rows of width {held[-1]}")
        for low, high in ranges(start, stop, PART):
            place_P = table.layout.place(written.row(torch.arange(low, high)))
            mine_B = torch.nonzero(table.layout.owner(place_P) == table.rank).squeeze(1)
            # What is not wanted is not read: with equal multipliers that is most of it.
            if len(mine_B):
                inside = slice(low - start, high - start)
                parts: dict[str, Any] = {name: x[inside][mine_B] for name, x in slices.items()}
                yield place_P[mine_B] - table.start, parts


def _write(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> Exception | None:
    part = folder / f"{name}.part"
    plain = {key: x_R.detach().cpu().contiguous() for key, x_R in tensors.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(plain, part)
        part.replace(folder / name)
    except (OSError, SafetensorError) as error:
        return error
    return None


def _all_succeeded(this_one: bool, table: ShardedTable) -> bool:
    """Wait for all processes; return whether all of them succeeded."""
    if table.layout.world == 1:
        return this_one
    failures = torch.tensor(0 if this_one else 1, device=table.weight.device)
    dist.all_reduce(failures, group=table.group)
    return int(failures) == 0
