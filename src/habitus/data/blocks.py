"""Blocks of encoded events in order of arrival: held in memory, or on disk when they grow large.

On disk each array is one flat file; texts are two, lengths and bytes. Nothing here knows what a
channel means.

Shapes: L events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = "npt.NDArray[Any] | pa.LargeStringArray"
Block: TypeAlias = dict[str, Array]
PIECE_ROWS = 2**20
PIECE_BYTES = 64 * 2**20
"""Most that is read back at once from disk."""


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


class Blocks:
    """All encoded events, in order of arrival.

    Args:
        folder: where the files go, if there have to be any.
        limit: bytes to hold in memory; above it everything goes to disk.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.num_events = 0
        self.num_bytes = 0
        self.on_disk = False
        self._folder, self._limit = folder, limit
        self._held: list[Block] = []
        self._files: dict[str, FlatFile] = {}
        self._texts: dict[str, FlatFile] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays, while in memory."""
        return tuple(self._held[0])

    def append(self, block: Block) -> None:
        """Add the events of one chunk."""
        self.num_events += len(next(iter(block.values())))
        self.num_bytes += sum(array.nbytes for array in block.values())
        self._held.append(block)
        if self.on_disk or self.num_bytes > self._limit:
            self.on_disk = True
            for held in self._held:
                for name, array in held.items():
                    self._spill(name, array)
            self._held = []

    def take(self, name: str) -> Array:
        """Return one array of all events, and let go of it; only while in memory."""
        assert not self.on_disk
        return concat([block.pop(name) for block in self._held])

    def pieces(self) -> Iterator[Block]:
        """Yield what is on disk, in order, piece by piece."""
        byte = dict.fromkeys(self._texts, 0)
        rows_of_bytes = PIECE_BYTES * self.num_events // max(1, self.num_bytes)
        step = max(1, min(PIECE_ROWS, rows_of_bytes))
        for start in range(0, self.num_events, step):
            stop = min(start + step, self.num_events)
            piece: Block = {}
            for name, file in self._files.items():
                rows = file.read(start, stop)
                if name in self._texts:
                    end = byte[name] + int(rows.sum())
                    piece[name] = texts_of(rows, self._texts[name].read(byte[name], end))
                    byte[name] = end
                else:
                    piece[name] = rows
            yield piece

    def scan(self, name: str) -> Iterator[npt.NDArray[Any]]:
        """Yield one array of numbers in pieces, in order, wherever it lies; it stays."""
        if not self.on_disk:
            yield from (cast("npt.NDArray[Any]", block[name]) for block in self._held)
            return
        for start in range(0, self.num_events, PIECE_ROWS):
            yield self._files[name].read(start, min(start + PIECE_ROWS, self.num_events))

    def delete(self, keep: str | None = None) -> None:
        """Remove the files, but that of one array of numbers."""
        for name, file in (*self._files.items(), *self._texts.items()):
            if name != keep:
                file.delete()

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restored` needs besides the files."""
        arrays = {name: file.dtype.str for name, file in self._files.items()}
        counts = {"num_events": self.num_events, "num_bytes": self.num_bytes}
        return {**counts, "arrays": arrays, "texts": list(self._texts)}

    @classmethod
    def restored(cls, folder: Path, state: Mapping[str, Any], only: str | None = None) -> Self:
        """Return the blocks that another run left on disk: all of their arrays, or only one."""
        blocks = cls(folder, 0)
        blocks.on_disk = True
        blocks.num_events, blocks.num_bytes = state["num_events"], state["num_bytes"]
        for name, dtype in state["arrays"].items():
            if only in (None, name):
                blocks._file(blocks._files, name, dtype)
        for name in state["texts"] if only is None else ():
            blocks._file(blocks._texts, name, np.uint8, ".bytes")
        return blocks

    def _spill(self, name: str, array: Array) -> None:
        if isinstance(array, np.ndarray):
            self._file(self._files, name, array.dtype).append(array)
            return
        lengths, data = lengths_and_bytes(array)
        self._file(self._files, name, np.uint32).append(lengths)
        self._file(self._texts, name, np.uint8, ".bytes").append(data)

    def _file(
        self, files: dict[str, FlatFile], name: str, dtype: npt.DTypeLike, suffix: str = ""
    ) -> FlatFile:
        if name not in files:
            files[name] = FlatFile(self._folder / f"{name}{suffix}", dtype)
        return files[name]


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


def write_all(file: Any, values: npt.NDArray[Any]) -> None:  # noqa: ANN401 - a raw binary file
    """Write every byte; a raw file may take several turns."""
    view = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    while len(view):
        view = view[file.write(view) :]
