"""Events on disk, put together by ranges of users while they are written.

The rows of each chunk are put in their ranges and appended to the files of a few groups of ranges,
one an array: everything is written once and in sequence. A range is read as one run of each chunk;
the files of a group go when its ranges are done. Whole numbers take as few bytes as their spread in
the chunk asks for. Nothing here knows what an array means.

Shapes: L events of a chunk, R ranges, G groups of ranges.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from habitus.data.blocks import (
    Array,
    Block,
    concat,
    lengths_and_bytes,
    take_rows,
    texts_of,
    write_all,
)
from habitus.data.hash_table import Codes
from habitus.data.ingest_state import Torn
from habitus.data.traces import Rows

INDEX = "index.json"
"""Written when all events are: what stands where."""
BYTES = ".bytes"
GROUPS = 8
Numbers: TypeAlias = "npt.NDArray[Any]"


class Packed(NamedTuple):
    """Where the rows of one array of a chunk stand, and how."""

    offset_G: list[int]
    """Bytes before them in the file of each group."""
    dtype: str
    base: int
    """What was taken from each number."""


class Run(NamedTuple):
    """One chunk."""

    count_R: Rows
    """Events of each range."""
    packed: dict[str, Packed]
    texts: dict[str, tuple[list[int], list[int]]]
    """Name of a text array → where the bytes of each range start in their file, and how many."""


class Spill:
    """The events of several chunks, by ranges; inside a range by arrival.

    Args:
        folder: where the files go.
        num_ranges: how many ranges there are.
    """

    def __init__(self, folder: Path, num_ranges: int) -> None:
        self.folder = folder
        self._group_of_R = np.arange(num_ranges) * min(GROUPS, num_ranges) // num_ranges
        self._dtypes: dict[str, str] = {}
        """Of each array, in order; of texts ``text``."""
        self._size: dict[str, int] = {}
        """Bytes written to each file."""
        self._runs: list[Run] = []
        self._released: set[int] = set()

    @property
    def count_R(self) -> Rows:
        """Events of each range."""
        return cast(Rows, np.sum([run.count_R for run in self._runs], axis=0))

    def append(self, block: Block, place_L: Codes, count_R: Rows, pool: Executor) -> None:
        """Write a chunk.

        Args:
            block: its arrays.
            place_L: where each row stands when those of each range stand together.
            count_R: how many rows each range has.
            pool: writes arrays side by side.
        """
        for group in np.unique(self._group_of_R):
            (self.folder / str(group)).mkdir(parents=True, exist_ok=True)
        run, numbers = Run(count_R, {}, {}), dict[str, Numbers]()
        for name, array in block.items():
            is_number = isinstance(array, np.ndarray)
            self._dtypes.setdefault(name, array.dtype.str if is_number else "text")
            numbers[name] = array if is_number else self._write_bytes(run, name, array, place_L)
        packing = dict(zip(numbers, pool.map(_packing, numbers.values()), strict=True))
        # Memory is taken here and not in the threads of the pool; see take_all.
        packed = {name: np.empty(len(place_L), dtype) for name, (dtype, _) in packing.items()}

        def write(name: str) -> None:
            dtype, base = packing[name]
            _put(_bits(numbers[name]), place_L, np.uint64(base % 2**64), _bits(packed[name]))
            offset_G = self._append(name, packed[name], self._in_groups(count_R))
            run.packed[name] = Packed(offset_G, dtype.str, base)

        list(pool.map(write, numbers))
        self._runs.append(run)

    def read(self, place: int, pool: Executor) -> Block:
        """Return all events of one range."""
        return self._read(self._runs, place, pool)

    def pieces(self, place: int, pool: Executor) -> Iterator[Block]:
        """Yield the events of one range, chunk by chunk."""
        for run in self._runs:
            if run.count_R[place]:
                yield self._read([run], place, pool)

    def finished_groups(self, place: int) -> list[int]:
        """Return the groups, still on disk, whose ranges all come before this one."""
        groups = np.unique(self._group_of_R)
        wanted = set(self._group_of_R[place:].tolist()) | self._released
        return [group for group in groups.tolist() if group not in wanted]

    def release(self, groups: Sequence[int]) -> None:
        """Remove the files of groups whose ranges are done."""
        for group in groups:
            shutil.rmtree(self.folder / str(group), ignore_errors=True)
            self._released.add(group)

    def save(self) -> None:
        """Write down what stands where, so that :meth:`restored` finds it."""
        runs = [
            {"counts": run.count_R.tolist(), "packed": run.packed, "texts": run.texts}
            for run in self._runs
        ]
        index = {"ranges": len(self._group_of_R), "dtypes": self._dtypes, "runs": runs}
        (self.folder / INDEX).write_text(json.dumps(index), encoding="utf8")

    @classmethod
    def restored(cls, folder: Path, released: Sequence[int] = ()) -> Self:
        """Return the events that another run wrote, some groups of which it has removed.

        Raises:
            Torn: they are not there.
        """
        try:
            index = json.loads((folder / INDEX).read_text(encoding="utf8"))
            spill = cls(folder, index["ranges"])
            spill._dtypes = dict(index["dtypes"])
            spill._runs = [_run_of(stored) for stored in index["runs"]]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Torn(f"{folder / INDEX} cannot be read: {error}") from error
        # It may have been killed before they were gone.
        spill.release(released)
        return spill

    def _in_groups(self, count_R: Rows) -> Rows:
        """Return sums over the ranges of each group, ``(G)``."""
        return np.bincount(self._group_of_R, count_R).astype(np.int64)

    def _write_bytes(
        self, run: Run, name: str, texts: pa.LargeStringArray, place_L: Codes
    ) -> Numbers:
        """Write the bytes of texts; return the lengths, by row."""
        order_L = np.empty(len(place_L), np.int64)
        order_L[place_L] = np.arange(len(place_L))
        ordered_L, data = lengths_and_bytes(take_rows(texts, order_L))
        end_L1 = np.concatenate([[0], np.cumsum(ordered_L)])
        end_R1 = end_L1[np.concatenate([[0], np.cumsum(run.count_R)])]
        size_R = np.diff(end_R1)
        size_G = self._in_groups(size_R)
        offset_G = np.array(self._append(name + BYTES, data, size_G))
        first_G = np.cumsum(size_G) - size_G
        start_R = end_R1[:-1] + (offset_G - first_G)[self._group_of_R]
        run.texts[name] = (start_R.tolist(), size_R.tolist())
        return lengths_and_bytes(texts)[0]

    def _append(self, file: str, values: Numbers, count_G: Rows) -> list[int]:
        """Write values to the files of the groups; return how many bytes stood there before."""
        before_G, stop = [], 0
        for group, count in enumerate(count_G.tolist()):
            start, stop = stop, stop + count
            path = f"{group}/{file}"
            before_G.append(self._size.get(path, 0))
            with (self.folder / path).open("ab", buffering=0) as handle:
                write_all(handle, values[start:stop])
            self._size[path] = before_G[-1] + count * values.itemsize
        return before_G

    def _read(self, runs: Sequence[Run], place: int, pool: Executor) -> Block:
        num_rows = sum(int(run.count_R[place]) for run in runs)
        # Memory is taken here and not in the threads of the pool; see take_all.
        out = {
            name: np.empty(num_rows, np.int64 if dtype == "text" else dtype)
            for name, dtype in self._dtypes.items()
        }

        def fill(name: str) -> Array:
            self._fill(runs, place, name, out[name])
            is_text = self._dtypes[name] == "text"
            return texts_of(out[name], self._bytes(runs, place, name)) if is_text else out[name]

        return dict(zip(out, pool.map(fill, out), strict=True))

    def _fill(self, runs: Sequence[Run], place: int, name: str, out_L: Numbers) -> None:
        group = self._group_of_R[place]
        first = int(np.searchsorted(self._group_of_R, group))
        stop = 0
        with (self.folder / f"{group}/{name}").open("rb", buffering=0) as file:
            for run in runs:
                start, stop = stop, stop + int(run.count_R[place])
                offset_G, dtype, base = run.packed[name]
                before = int(run.count_R[first:place].sum()) * np.dtype(dtype).itemsize
                numbers_L = _pread(file.fileno(), offset_G[group] + before, stop - start, dtype)
                out_L[start:stop] = numbers_L
                if base:
                    out_L[start:stop] += base

    def _bytes(self, runs: Sequence[Run], place: int, name: str) -> npt.NDArray[np.uint8]:
        path = self.folder / f"{self._group_of_R[place]}/{name}{BYTES}"
        found = []
        with path.open("rb", buffering=0) as file:
            for run in runs:
                start_R, size_R = run.texts[name]
                found.append(_pread(file.fileno(), start_R[place], size_R[place], "u1"))
        return cast("npt.NDArray[np.uint8]", concat(list(found)))


def _packing(array: Array) -> tuple[np.dtype[Any], int]:
    """Return the smallest type for whole numbers less their smallest, and that; others stay."""
    assert isinstance(array, np.ndarray)
    if array.dtype.kind not in "iu" or not len(array):
        return array.dtype, 0
    low, high = int(array.min()), int(array.max())
    dtype = np.min_scalar_type(high - low)
    return (dtype, low) if dtype.itemsize < array.itemsize else (array.dtype, 0)


def _bits(array: Numbers) -> npt.NDArray[np.unsignedinteger]:
    return array.view(f"u{array.itemsize}")


def _pread(handle: int, first: int, count: int, dtype: str) -> Numbers:
    """Return so many values that stand behind so many bytes."""
    out = np.empty(count, dtype)
    view = out.view(np.uint8).data
    while len(view):
        got = os.preadv(handle, [view], first)
        if not got:
            raise Torn(f"a file of events ends before {first + len(view)} bytes")
        view, first = view[got:], first + got
    return out


def _run_of(stored: Mapping[str, Any]) -> Run:
    packed = {name: Packed(*values) for name, values in stored["packed"].items()}
    texts = {name: (starts, sizes) for name, (starts, sizes) in stored["texts"].items()}
    return Run(np.array(stored["counts"], np.int64), packed, texts)


@njit(cache=True, nogil=True)
def _put(
    value_L: npt.NDArray[np.unsignedinteger],
    place_L: Codes,
    base: np.uint64,
    out_L: npt.NDArray[np.unsignedinteger],
) -> None:
    """Put values less ``base`` in their places; what does not fit ``out_L`` is cut off."""
    for row in range(len(value_L)):
        out_L[place_L[row]] = np.uint64(value_L[row]) - base
