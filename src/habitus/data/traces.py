"""Traces: all that users left, columnar, memory-mapped, immutable; larger than memory is normal.

A traces directory holds::

    manifest.json            sizes, columns, where it came from, digest; written last
    users.parquet            user_id, sorted; a user's row is its place here
    offsets.npy              (U + 1) first event of each user
    events/time.npy          (L) int64; events stand by user, then time, then order of arrival
    events/<channel>.npy     (L) codes of a category or ID channel, float32 of a dense one
    events/<channel>.offsets.npy, events/<channel>.bytes.npy      a text channel, UTF-8
    dictionaries/<channel>.parquet      value of each code
    tables/<items|follows|profiles|labels>.parquet

A code is 0 for a missing value and ``i + 1`` for the value in row ``i`` of the dictionary. The
dictionary is storage: which values an encoder knows is decided by a vocabulary that is fitted on
the training snapshot.

Shapes: U users, L events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from habitus.config import Config
from habitus.data.columns import TABLES, TIME, USER_ID, ChannelKind, TableName, TimeUnit
from habitus.errors import DataError
from habitus.registry import did_you_mean

FORMAT = 1
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Column(Config):
    """One channel of the events table."""

    name: str
    kind: ChannelKind
    dtype: str
    """NumPy name of what is stored: unsigned codes, float32, or uint8 for text."""
    num_values: int = 0
    """Distinct values in the dictionary; 0 for dense and text channels."""


@dataclass(frozen=True, kw_only=True)
class Manifest(Config):
    """What a traces directory says of itself."""

    format: int = FORMAT
    time_unit: TimeUnit = "second"
    num_users: int
    num_events: int
    columns: tuple[Column, ...]
    tables: tuple[str, ...] = ()
    source: dict[str, Any]
    """Where the data came from: files, mapping, counts of rows dropped."""
    digest: str
    """Hash of the contents: equal digests, equal traces."""


class Traces:
    """The five tables of many users, opened from a directory.

    Nothing is read until it is asked for, and no Python object is made per user or event.

    Raises:
        DataError: the directory is missing, unfinished, of another format or damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / "manifest.json"
        if not file.is_file():
            raise DataError(
                f"{self.path} is no traces directory: it has no manifest.json; make one with "
                f"'habitus ingest', or run it again if it was interrupted"
            )
        if (self.path / "model.safetensors").is_file():
            raise DataError(f"{self.path} is a model directory, not traces: were two swapped?")
        try:
            self.manifest = Manifest.from_dict(json.loads(file.read_text()))
        except (json.JSONDecodeError, ValueError) as error:
            raise DataError(f"{file} is damaged ({error}); ingest the data again") from error
        if self.manifest.format != FORMAT:
            raise DataError(
                f"{self.path} has format {self.manifest.format}, this version reads {FORMAT}; "
                f"ingest the data again"
            )
        self.columns: Mapping[str, Column] = {c.name: c for c in self.manifest.columns}

    @property
    def num_users(self) -> int:
        """How many users have a row; some may have no event."""
        return self.manifest.num_users

    @property
    def num_events(self) -> int:
        """How many events all users have."""
        return self.manifest.num_events

    @property
    def digest(self) -> str:
        """Hash of the contents."""
        return self.manifest.digest

    @cached_property
    def offsets_U1(self) -> Rows:
        """First event of each user, and the number of events at the end, ``(U + 1)``."""
        return self._load("offsets.npy", self.num_users + 1)

    @cached_property
    def time_L(self) -> Rows:
        """Time of each event, ascending within a user, ``(L)`` int64 in ``time_unit``."""
        return self._load(f"events/{TIME}.npy", self.num_events)

    @cached_property
    def time_range(self) -> tuple[int, int]:
        """First and last time of any event; (0, 0) without events. Reads two events a user."""
        has_events_U = np.diff(self.offsets_U1) > 0
        if not has_events_U.any():
            return 0, 0
        first_U = self.time_L[self.offsets_U1[:-1][has_events_U]]
        last_U = self.time_L[self.offsets_U1[1:][has_events_U] - 1]
        return int(first_U.min()), int(last_U.max())

    @cached_property
    def user_ids(self) -> pa.StringArray:
        """The ids outside, ``(U)``, sorted."""
        return self._read_parquet("users.parquet")[USER_ID].combine_chunks()

    def rows_of(self, user_ids: Iterable[str]) -> Rows:
        """Return the row of each id; raise :class:`DataError` for ids that are not there."""
        wanted = pa.array([str(u) for u in user_ids], pa.string())
        rows = pc.index_in(wanted, value_set=self.user_ids)
        if rows.null_count:
            unknown = wanted.filter(pc.is_null(rows)).to_pylist()
            raise DataError(
                f"{len(unknown)} user ids are not in {self.path}, the first is {unknown[0]!r}"
            )
        return cast(Rows, rows.to_numpy().astype(np.int64))

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a category, ID or dense channel, ``(L)``, memory-mapped."""
        column = self._column(name)
        if column.kind == "text":
            raise DataError(f"channel {name!r} is text: read it with texts({name!r}, rows)")
        return self._load(f"events/{name}.npy", self.num_events)

    def texts(self, name: str, rows_B: Rows) -> list[str]:
        """Return the texts of some events."""
        self._column(name)
        offsets_L1 = self._load(f"events/{name}.offsets.npy", self.num_events + 1)
        data = self._load(f"events/{name}.bytes.npy", int(offsets_L1[-1]))
        spans = zip(offsets_L1[rows_B], offsets_L1[rows_B + 1], strict=True)
        return [data[start:stop].tobytes().decode() for start, stop in spans]

    def text_lengths(self, name: str, rows_B: Rows) -> Rows:
        """Return the length of the texts of some events in bytes; 0 where there is none."""
        self._column(name)
        offsets_L1 = self._load(f"events/{name}.offsets.npy", self.num_events + 1)
        return cast(Rows, offsets_L1[rows_B + 1] - offsets_L1[rows_B])

    def dictionary(self, name: str) -> pa.StringArray:
        """Return the values of a category or ID channel: row ``i`` is code ``i + 1``."""
        self._column(name)
        return self._read_parquet(f"dictionaries/{name}.parquet")["value"].combine_chunks()

    def codes_of(self, name: str, values: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the codes of values of a channel; values that do not occur are left out."""
        found = pc.index_in(pa.array(list(values), pa.string()), value_set=self.dictionary(name))
        return cast("npt.NDArray[np.int64]", found.drop_null().to_numpy().astype(np.int64) + 1)

    def table(self, name: TableName) -> pa.Table | None:
        """Return a whole side table, or None where the data has none.

        Labels and dated follows carry times: below :class:`~habitus.data.snapshot.Snapshot`
        they are only reached through it.
        """
        if name not in TABLES:
            raise DataError(f"no table is called {name!r}; {did_you_mean(name, TABLES)}")
        return (
            self._read_parquet(f"tables/{name}.parquet") if name in self.manifest.tables else None
        )

    def _column(self, name: str) -> Column:
        if name not in self.columns:
            raise DataError(
                f"{self.path} has no channel {name!r}; {did_you_mean(name, self.columns)}"
            )
        return self.columns[name]

    def _load(self, name: str, length: int) -> npt.NDArray[Any]:
        try:
            array = np.load(self.path / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{self.path / name} cannot be read ({error}); ingest again") from error
        if len(array) != length:
            raise DataError(
                f"{self.path / name} has {len(array)} rows, not the {length} of the manifest; "
                f"ingest again"
            )
        return cast("npt.NDArray[Any]", array)

    def _read_parquet(self, name: str) -> pa.Table:
        try:
            return pq.read_table(self.path / name)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path / name} cannot be read ({error}); ingest again") from error

    def __repr__(self) -> str:
        return f"Traces({str(self.path)!r}: {self.num_users} users, {self.num_events} events)"


def code_dtype(num_values: int) -> npt.DTypeLike:
    """Return the smallest unsigned type that holds codes 0 … ``num_values``."""
    return np.min_scalar_type(num_values)


def pack_texts(texts: Sequence[str]) -> tuple[Rows, npt.NDArray[np.uint8]]:
    """Return offsets ``(L + 1)`` and UTF-8 bytes of a text channel."""
    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return offsets, np.frombuffer(b"".join(encoded), np.uint8)
