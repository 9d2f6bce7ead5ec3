"""A block of encoded events: arrays of one length, of numbers or of texts, by name.

Nothing here knows what a channel means.

Shapes: L events.
"""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = "npt.NDArray[Any] | pa.LargeStringArray"
Block: TypeAlias = dict[str, Array]


class FlatFile:
    """Rows of one array on disk, appended at the end or written in place.

    It is opened for each piece, so nothing is left open by an error, and there may be more files
    than may be open at once. Unbuffered: want of space is told by the write that meets it.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def append(self, values_L: npt.NDArray[Any]) -> None:
        """Write rows after the last one."""
        with self.path.open("ab", buffering=0) as file:
            write_all(file, values_L.astype(self.dtype, copy=False))

    def write(self, start: int, values_L: npt.NDArray[Any]) -> None:
        """Write rows from ``start`` on."""
        with self.path.open("r+b", buffering=0) as file:
            file.seek(start * self.dtype.itemsize)
            write_all(file, values_L.astype(self.dtype, copy=False))

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return rows ``start … stop``."""
        offset = start * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, stop - start, offset=offset)

    def delete(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def concat(arrays: list[Array]) -> Array:
    """Return arrays of one kind as one."""
    if len(arrays) == 1:
        return arrays[0]
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays)
    return pa.concat_arrays(arrays)


def lengths_and_bytes(texts: pa.LargeStringArray) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Return the length in bytes of each text, and all their bytes."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
    if not len(texts):
        return np.zeros(0, np.int64), np.zeros(0, np.uint8)
    data = texts.buffers()[2]
    everything = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return np.diff(offsets), everything[offsets[0] : offsets[-1]]


def texts_of(lengths_L: npt.NDArray[Any], data: npt.NDArray[np.uint8]) -> pa.LargeStringArray:
    """Return texts of the given lengths, standing one after another in ``data``."""
    offsets_L1 = np.zeros(len(lengths_L) + 1, np.int64)
    np.cumsum(lengths_L, out=offsets_L1[1:])
    buffers = [None, pa.py_buffer(offsets_L1), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.LargeStringArray.from_buffers(len(lengths_L), buffers[1], buffers[2])


def take_rows(array: Array, rows: npt.NDArray[np.int64]) -> Array:
    """Return some rows of an array of either kind."""
    if isinstance(array, np.ndarray):
        return np.take(array, rows)
    return pc.take(array, pa.array(rows))


def take_all(block: Block, rows: npt.NDArray[np.int64], pool: Executor) -> Block:
    """Return some rows of a block, arrays side by side; the block is used up.

    Memory is taken here and not in the threads of the pool: there the same pages would be taken
    from the system and given back for every array.
    """
    names, lengths = list(block), len(rows)
    out: Block = {
        name: np.empty(lengths, array.dtype)
        for name, array in block.items()
        if isinstance(array, np.ndarray)
    }

    def take(name: str) -> Array:
        array, into = block.pop(name), out.get(name)
        if not isinstance(array, np.ndarray) or not isinstance(into, np.ndarray):
            return take_rows(array, rows)
        # Rows are ours, so nothing is clipped: this only keeps numpy from checking them first.
        return np.take(array, rows, out=into, mode="clip")

    return dict(zip(names, pool.map(take, names), strict=True))


def write_all(file: Any, values: npt.NDArray[Any]) -> None:  # noqa: ANN401 - a raw binary file
    """Write every byte; a raw file may take several turns."""
    view = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    while len(view):
        view = view[file.write(view) :]
