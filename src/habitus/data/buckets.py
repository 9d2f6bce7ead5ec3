"""Buckets: ranges of users whose events fit in memory together.

Shapes: U users, L events, V provisional codes of users, K buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.data.blocks import (
    Array,
    Block,
    Blocks,
    FlatFile,
    lengths_and_bytes,
    take_rows,
    texts_of,
)
from habitus.data.dictionary import Final
from habitus.data.events import USER
from habitus.data.traces import Rows


class Buckets(NamedTuple):
    """Users cut into ranges."""

    first_K1: Rows
    """First user row of each bucket, and the number of users at the end."""
    count_K: Rows
    """Events of each bucket."""

    def of_users(self) -> npt.NDArray[np.uint16]:
        """Return the bucket of each user row."""
        return np.repeat(np.arange(len(self.count_K), dtype=np.uint16), np.diff(self.first_K1))


def cut(count_U: Rows, num_buckets: int) -> Buckets:
    """Return at most ``num_buckets`` ranges of users with about as many events each.

    >>> cut(np.array([5, 1, 1, 1, 2]), 2).first_K1.tolist()
    [0, 1, 5]
    """
    end_U = np.cumsum(count_U)
    goals = end_U[-1] * np.arange(1, num_buckets) / num_buckets
    inner = np.searchsorted(end_U, goals) + 1
    first_K1 = np.unique(np.concatenate([[0], inner, [len(count_U)]])).astype(np.int64)
    end_U1 = np.concatenate([[0], end_U])
    return Buckets(first_K1, np.diff(end_U1[first_K1]))


def final_block(block: Mapping[str, Array], finals: Mapping[str, Final]) -> Block:
    """Return a block with final codes, and user rows in place of provisional users."""
    return {
        name: np.take(finals[name].code_V1, array)
        if name in finals and isinstance(array, np.ndarray)
        else array
        for name, array in block.items()
    }


class Partition:
    """Events with final codes, bucket after bucket on disk; inside a bucket by arrival."""

    def __init__(self, folder: Path, buckets: Buckets) -> None:
        self._folder, self._buckets = folder, buckets
        self._start_K = np.cumsum(buckets.count_K) - buckets.count_K
        self._next_K = self._start_K.copy()
        self._files: dict[str, FlatFile] = {}
        self._text_names: set[str] = set()

    def fill(self, blocks: Blocks, finals: Mapping[str, Final], pool: Executor) -> None:
        """Put every event into its bucket, columns side by side."""
        bucket_U = self._buckets.of_users()
        for piece in blocks.pieces():
            block = final_block(piece, finals)
            # The user dictionary's codes start at 1; rows at 0.
            block[USER] = rows = block[USER] - 1
            bucket_L = np.take(bucket_U, rows)
            order = np.argsort(bucket_L, kind="stable")
            count_K = np.bincount(bucket_L, minlength=len(self._next_K))
            list(pool.map(partial(self._write, block, order, count_K), block))
            self._next_K += count_K

    def read(self, bucket: int) -> Block:
        """Return all arrays of one bucket."""
        start = int(self._start_K[bucket])
        stop = start + int(self._buckets.count_K[bucket])
        block: Block = {}
        for name, file in self._files.items():
            rows = file.read(start, stop)
            is_text = name in self._text_names
            block[name] = texts_of(rows, self._read_bytes(name, bucket)) if is_text else rows
        return block

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restored` needs besides the files."""
        arrays = {name: file.dtype.str for name, file in self._files.items()}
        return {"arrays": arrays, "texts": sorted(self._text_names)}

    @classmethod
    def restored(cls, folder: Path, buckets: Buckets, state: Mapping[str, Any]) -> Self:
        """Return the partition that another run filled."""
        partition = cls(folder, buckets)
        for name, dtype in state["arrays"].items():
            partition._files[name] = FlatFile(folder / name, dtype)
        partition._text_names = set(state["texts"])
        return partition

    def delete(self) -> None:
        """Remove the files."""
        for file in self._files.values():
            file.delete()
        for path in self._folder.glob("*.bytes"):
            path.unlink()

    def _write(self, block: Block, order: Rows, count_K: npt.NDArray[np.int64], name: str) -> None:
        array = take_rows(block[name], order)
        numbers: npt.NDArray[Any]
        data: npt.NDArray[np.uint8] | None = None
        if isinstance(array, pa.LargeStringArray):
            numbers, data = lengths_and_bytes(array)
            numbers = numbers.astype(np.uint32)
            self._text_names.add(name)
        else:
            numbers = array
        if name not in self._files:
            self._files[name] = FlatFile(self._folder / name, numbers.dtype)
        stop = 0
        for bucket in np.flatnonzero(count_K):
            start, stop = stop, stop + int(count_K[bucket])
            self._files[name].write(int(self._next_K[bucket]), numbers[start:stop])
            if data is not None:
                length = int(numbers[start:stop].sum())
                FlatFile(self._bytes_path(name, int(bucket)), np.uint8).append(data[:length])
                data = data[length:]

    def _read_bytes(self, name: str, bucket: int) -> npt.NDArray[np.uint8]:
        path = self._bytes_path(name, bucket)
        return np.fromfile(path, np.uint8) if path.exists() else np.zeros(0, np.uint8)

    def _bytes_path(self, name: str, bucket: int) -> Path:
        return self._folder / f"{name}.{bucket}.bytes"
