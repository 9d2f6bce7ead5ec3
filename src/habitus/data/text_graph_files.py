"""The files of a store of text graphs: they only grow, and a manifest says how far they count.

Shapes: U users, B users of a call, V nodes and E edges, holes included, C changes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from habitus.config import Config
from habitus.data.blocks import write_all
from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.text_graph_kernels import Array
from habitus.data.traces import Rows
from habitus.errors import DataError

FORMAT = 1
MANIFEST: Final = "manifest.json"


class Lengths(NamedTuple):
    """How many of each thing count."""

    users: int = 0
    nodes: int = 0
    edges: int = 0
    changes: int = 0


class _File(NamedTuple):
    dtype: type[np.generic]
    width: int
    length: str
    """The field of :class:`Lengths`."""


FILES: Final = {
    "users": _File(np.int64, 4, "users"),
    "word": _File(np.int32, 1, "nodes"),
    "count": _File(np.int32, 1, "nodes"),
    "degree": _File(np.uint16, 1, "nodes"),
    "col": _File(np.uint16, 1, "edges"),
    "weight": _File(np.float32, 1, "edges"),
    "changes": _File(np.int64, 5, "changes"),
}


@dataclass(frozen=True, kw_only=True)
class StoreManifest(Config):
    """What a store says of itself."""

    format: int = FORMAT
    generation: int = 0
    graph: TextGraphConfig
    source: dict[str, Any]
    """What the graphs were made of: digests, settings."""
    num_users: int
    num_nodes: int
    num_edges: int
    num_changes: int = 0

    @property
    def lengths(self) -> Lengths:
        """How far the files count."""
        return Lengths(self.num_users, self.num_nodes, self.num_edges, self.num_changes)

    @property
    def weighted(self) -> bool:
        """Whether edges have weights."""
        return self.graph.edge_weight != "binary"

    def of(self, files: StoreFiles) -> StoreManifest:
        """Return the manifest of the same store when its files have come so far."""
        users, nodes, edges, changes = files.lengths
        return replace(
            self,
            generation=files.generation,
            num_users=users,
            num_nodes=nodes,
            num_edges=edges,
            num_changes=changes,
        )

    def write(self, folder: Path) -> None:
        """Replace the manifest of a folder."""
        new = folder / (MANIFEST + ".new")
        with new.open("w", encoding="utf8") as file:
            file.write(json.dumps(self.to_dict(), indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / MANIFEST)

    @classmethod
    def read(cls, folder: Path) -> StoreManifest:
        """Read the manifest of a folder; raise :class:`DataError` where there is none."""
        file = folder / MANIFEST
        if not file.is_file():
            raise DataError(
                f"{folder} is no store of text graphs: it has no {MANIFEST}; write one with "
                f"TextGraphStore.write, or write it again if that was interrupted"
            )
        try:
            manifest = cls.from_dict(json.loads(file.read_text(encoding="utf8")))
        except ValueError as error:
            raise DataError(f"{file} is damaged ({error}); write the store again") from error
        if manifest.format != FORMAT:
            raise DataError(
                f"{folder} has format {manifest.format}, this version reads {FORMAT}; write the "
                f"store again"
            )
        return manifest


class StoreFiles:
    """The files of one generation, as far as they count."""

    def __init__(self, folder: Path, generation: int, lengths: Lengths, *, weighted: bool) -> None:
        self.folder = folder
        self.generation = generation
        self.lengths = lengths
        self.names = [name for name in FILES if weighted or name != "weight"]

    def path(self, name: str) -> Path:
        """Return where a file stands."""
        return self.folder / f"{name}.{self.generation}"

    def check(self) -> None:
        """Raise :class:`DataError` where a file is missing or too short."""
        for name in self.names:
            path, size = self.path(name), self._size(name)
            found = path.stat().st_size if path.is_file() else None
            if found is None or found < size:
                have = "is missing" if found is None else f"has {found} bytes, not {size}"
                raise DataError(f"{path} {have}: it is damaged; write the store again")

    def cut(self) -> None:
        """Cut off what a killed writer had written beyond what counts."""
        for name in self.names:
            self.path(name).touch()
            os.truncate(self.path(name), self._size(name))

    def read(self, name: str, mode: str = "r") -> Array:
        """Return what counts of a file, memory-mapped, ``(n)`` or ``(n, width)``."""
        kind, length = FILES[name], self._length(name)
        shape = (length,) if kind.width == 1 else (length, kind.width)
        if length == 0:
            return np.empty(shape, kind.dtype)
        mode_of: Any = mode
        return np.memmap(self.path(name), kind.dtype, mode_of, shape=shape)

    def append(self, graphs: TextGraphs) -> Rows:
        """Write graphs; return where each stands, ``(B, 4)``: a row of ``users``."""
        assert (graphs.edge_weight_E is not None) == ("weight" in self.names)
        place_B4 = np.empty((graphs.num_users, 4), np.int64)
        edge_ptr_U1 = graphs.edge_ptr_V1[graphs.node_ptr_U1]
        place_B4[:, 0] = self.lengths.nodes + graphs.node_ptr_U1[:-1]
        place_B4[:, 1] = np.diff(graphs.node_ptr_U1)
        place_B4[:, 2] = self.lengths.edges + edge_ptr_U1[:-1]
        place_B4[:, 3] = np.diff(edge_ptr_U1)
        self._write("word", graphs.word_V)
        self._write("count", graphs.count_V)
        self._write("degree", np.diff(graphs.edge_ptr_V1))
        self._write("col", graphs.edge_col_E)
        if graphs.edge_weight_E is not None:
            self._write("weight", graphs.edge_weight_E)
        self.lengths = self.lengths._replace(
            nodes=self.lengths.nodes + len(graphs.word_V),
            edges=self.lengths.edges + len(graphs.edge_col_E),
        )
        return place_B4

    def append_users(self, place_B4: Rows) -> None:
        """Write where the graphs of the next users stand."""
        self._write("users", place_B4)
        self.lengths = self.lengths._replace(users=self.lengths.users + len(place_B4))

    def append_changes(self, row_B: Rows, place_B4: Rows) -> None:
        """Write where the new graphs of some users stand."""
        self._write("changes", np.column_stack([row_B, place_B4]))
        self.lengths = self.lengths._replace(changes=self.lengths.changes + len(row_B))

    def delete_others(self) -> None:
        """Remove the files of other generations; those who have them open keep them."""
        for name in FILES:
            for path in self.folder.glob(f"{name}.*"):
                if path != self.path(name):
                    path.unlink()

    def _write(self, name: str, values: Array) -> None:
        with self.path(name).open("ab", buffering=0) as file:
            write_all(file, values.astype(FILES[name].dtype, copy=False))
            os.fsync(file.fileno())

    def _length(self, name: str) -> int:
        return int(getattr(self.lengths, FILES[name].length))

    def _size(self, name: str) -> int:
        kind = FILES[name]
        return self._length(name) * kind.width * np.dtype(kind.dtype).itemsize
