"""Arrays and tables into the files of a traces directory, hashed while they are written.

The digest covers contents, not file bytes, so it does not change with the version of a library.
Arrays are hashed by XXH3, twenty times as fast as a cryptographic hash: a digest tells contents
apart, it does not guard against who makes two of them alike.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from habitus.data.blocks import Array, lengths_and_bytes, write_all
from habitus.data.ingest_state import Torn

_PIECE = 16 * 2**20


class NumpyFile:
    """A one-dimensional ``.npy`` file that grows by appending.

    With the :meth:`state` that another run had come to, it goes on from there.
    """

    def __init__(
        self, path: Path, dtype: npt.DTypeLike, state: Sequence[Any] | None = None
    ) -> None:
        self.name, self.dtype = path.name, np.dtype(dtype).newbyteorder("<")
        self.length = 0
        self._hash = xxhash.xxh3_128()
        self._path = path
        if state is not None:
            self._restore(state)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # NumPy leaves room in the header for the length to grow in place.
        with path.open("wb", buffering=0) as file:
            write_all(file, self._header())

    def state(self) -> list[Any]:
        """Return what another run needs, besides the file, to go on from here."""
        return [self.length, self._hash.hexdigest()]

    def _restore(self, state: Sequence[Any]) -> None:
        """Go on after the values that another run had appended; what came later is cut off.

        Raises:
            Torn: they are not there, or are not the same.
        """
        self.length, digest = state
        start = len(self._header())
        stop = start + self.length * self.dtype.itemsize
        if not self._path.is_file() or self._path.stat().st_size < stop:
            raise Torn(f"{self._path} is shorter than {stop} bytes")
        os.truncate(self._path, stop)
        with self._path.open("rb") as file:
            file.seek(start)
            while piece := file.read(_PIECE):
                self._hash.update(piece)
        if self._hash.hexdigest() != digest:
            raise Torn(f"{self._path} does not hold what was written")

    def append(self, values: npt.NDArray[Any]) -> None:
        """Write values after the last one."""
        values = np.ascontiguousarray(values, self.dtype)
        with self._path.open("ab", buffering=0) as file:
            write_all(file, values)
        self._hash.update(values.data)
        self.length += len(values)

    def close(self) -> str:
        """Write the final header; return the digest of type and values."""
        with self._path.open("r+b", buffering=0) as file:
            write_all(file, self._header())
        return f"{self.dtype.str} {self.length} {self._hash.hexdigest()}"

    def _header(self) -> npt.NDArray[np.uint8]:
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length,)}
        file = io.BytesIO()
        np.lib.format.write_array_header_1_0(file, header)
        return np.frombuffer(file.getvalue(), np.uint8)


class ColumnWriter:
    """The file or files of one channel, bucket after bucket; they may go on from a state."""

    def __init__(
        self,
        folder: Path,
        name: str,
        dtype: npt.DTypeLike,
        *,
        text: bool,
        state: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        self.name = name
        paths = [folder / (f"{name}.bytes.npy" if text else f"{name}.npy")]
        paths += [folder / f"{name}.offsets.npy"] if text else []
        states = [None] * len(paths) if state is None else state
        dtypes = (dtype, np.int64)
        found = [NumpyFile(p, d, s) for p, d, s in zip(paths, dtypes, states, strict=False)]
        self._values, self._offsets = found[0], found[1] if text else None
        if self._offsets is not None and state is None:
            self._offsets.append(np.zeros(1, np.int64))

    @property
    def _all(self) -> list[NumpyFile]:
        return [self._values, *([self._offsets] if self._offsets else [])]

    def state(self) -> list[list[Any]]:
        """Return what another run needs to go on from here."""
        return [file.state() for file in self._all]

    def append(self, array: Array) -> None:
        """Write the next events."""
        if isinstance(array, np.ndarray):
            self._values.append(array)
            return
        assert self._offsets is not None
        lengths, data = lengths_and_bytes(array)
        self._offsets.append(self._values.length + np.cumsum(lengths))
        self._values.append(data)

    def close(self) -> dict[str, str]:
        """Finish the files; return their digests by name."""
        return {f"events/{file.name}": file.close() for file in self._all}


def write_array(path: Path, values: npt.NDArray[Any]) -> str:
    """Write a whole array; return its digest."""
    file = NumpyFile(path, values.dtype)
    file.append(values)
    return file.close()


def write_table(path: Path, table: pa.Table, *, distinct: bool = False) -> str:
    """Write a Parquet file; return the digest of its contents.

    Values that are all distinct are not looked up in a dictionary.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, use_dictionary=not distinct)
    return digest_of_table(table)


def digest_of_table(table: pa.Table) -> str:
    """Return a hash of names, types and values; equal for equal tables, however they are cut.

    >>> whole = pa.chunked_array([pa.array(["a", "b"])])
    >>> cut = pa.chunked_array([pa.array(["a"]), pa.array(["b"])])
    >>> digest_of_table(pa.table({"x": whole})) == digest_of_table(pa.table({"x": cut}))
    True
    """
    state = hashlib.blake2b(digest_size=16)
    for name, column in zip(table.column_names, table.columns, strict=True):
        state.update(f"{name} {_type_name(column.type)} {len(column)}\n".encode())
        _update(state, pa.chunked_array(column.chunks, column.type))
    return state.hexdigest()


def digest_of_text(text: str) -> str:
    """Return 32 hex digits of a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of_files(digests: dict[str, str]) -> str:
    """Return one digest of all files.

    >>> digest_of_files({"a": "1", "b": "2"}) == digest_of_files({"b": "2", "a": "1"})
    True
    """
    return digest_of_text("".join(f"{n} {digest}\n" for n, digest in sorted(digests.items())))


def _type_name(dtype: pa.DataType) -> str:
    # Parquet renames the inner field of a list.
    is_list = pa.types.is_list(dtype) or pa.types.is_large_list(dtype)
    return f"list<{_type_name(dtype.value_type)}>" if is_list else str(dtype)


def _update(state: Any, column: pa.ChunkedArray) -> None:  # noqa: ANN401 - hashlib's private type
    state.update(np.packbits(pc.is_valid(column).to_numpy()))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        state.update(np.ascontiguousarray(lengths.to_numpy().astype(np.int64)))
        _update(state, pc.list_flatten(column))
        return
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        texts = pc.fill_null(column.cast(pa.large_string()), "")
        for chunk in texts.chunks:
            state.update(np.ascontiguousarray(lengths_and_bytes(chunk)[0]))
        for chunk in texts.chunks:
            state.update(lengths_and_bytes(chunk)[1])
        return
    zero = pa.scalar(0, column.type)
    state.update(np.ascontiguousarray(pc.fill_null(column, zero).to_numpy()))
