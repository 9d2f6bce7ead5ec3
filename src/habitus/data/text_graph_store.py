"""TextGraphStore: the text graphs of many users on disk, memory-mapped, each of them replaceable.

A store directory holds, ``<g>`` being the generation that the manifest names::

    manifest.json     settings, what the graphs were made of, how far each file counts
    users.<g>         (U, 4) int64: first node, nodes, first edge and edges of each user
    word.<g>          (V) int32
    count.<g>         (V) int32
    degree.<g>        (V) uint16, edges of each node
    col.<g>           (E) uint16
    weight.<g>        (E) float32, where edges have weights
    changes.<g>       (C, 5) int64: row and new numbers of users, in order of arrival

Files only grow, and the manifest is replaced after them: what a killed writer wrote beyond it does
not count, and the next one cuts it off. A user's new graph is appended and pointed at; the old one
is a hole until :meth:`TextGraphStore.compact` makes a new generation.

Shapes: U users of the store, B users of a call, V nodes and E edges, holes included, C changes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from habitus.config import digest_of
from habitus.data.ingest_state import SCRATCH, IngestState
from habitus.data.text_graph import TextGraphConfig, TextGraphs, pointers, take_ranges
from habitus.data.text_graph_files import FORMAT, Lengths, StoreFiles, StoreManifest
from habitus.data.traces import Rows
from habitus.data.workspace import clear, workspace
from habitus.errors import DataError, UsageError

Progress = Callable[[int, int], None]
"""Gets users done and users in all."""


class TextGraphStore:
    """The graphs of ``U`` users; what :meth:`read` returns is in memory.

    Raises:
        DataError: the directory is missing, unfinished, of another format or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._open()

    @classmethod
    def write(
        cls,
        folder: str | Path,
        num_users: int,
        graph: TextGraphConfig,
        graphs_of: Callable[[Rows], TextGraphs],
        *,
        source: Mapping[str, Any] | None = None,
        users_at_once: int = 1024,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Write the graphs of users ``0 … U - 1``, some at a time: memory is bounded.

        What a killed or interrupted write has finished is taken over by the next one of the same
        settings and source; the result is the same to the byte.

        Args:
            folder: where it goes; a store of the same settings and source is left as it is.
            num_users: ``U``.
            graph: how the graphs are made.
            graphs_of: returns the graphs of some rows, in this order.
            source: what they are made of, plain values; another source, another store.
            users_at_once: how many rows ``graphs_of`` is asked for.
            overwrite: whether another store may be there.
            progress: told after each bucket of users.

        Raises:
            UsageError: something else stands at ``folder``.
        """
        folder, source = Path(folder), dict(source or {})
        with suppress(DataError):
            store = cls(folder)
            if store.fits(num_users, graph, source):
                return store
        empty = StoreManifest(graph=graph, source=source, num_users=0, num_nodes=0, num_edges=0)
        with workspace(folder, overwrite=overwrite) as place:
            files, state = _resume(place, empty, num_users)
            for start in range(files.lengths.users, num_users, users_at_once):
                rows_B = np.arange(start, min(start + users_at_once, num_users))
                files.append_users(files.append(graphs_of(rows_B)))
                state.save(lengths=list(files.lengths))
                if progress is not None:
                    progress(files.lengths.users, num_users)
            empty.of(files).write(place)
        return cls(folder)

    @property
    def num_users(self) -> int:
        """How many users have a graph, maybe an empty one."""
        return self.manifest.num_users

    @property
    def graph(self) -> TextGraphConfig:
        """How the graphs are made."""
        return self.manifest.graph

    @property
    def num_holes(self) -> int:
        """Edges that no user has any more: what :meth:`compact` would drop."""
        return self.manifest.num_edges - int(self._users_U4[:, 3].sum())

    def fits(self, num_users: int, graph: TextGraphConfig, source: Mapping[str, Any]) -> bool:
        """Return whether these are the graphs of so many users, so made, of this source."""
        made = self.manifest
        same = digest_of(dict(source)) == digest_of(made.source)
        return same and made.num_users == num_users and made.graph == graph

    def read(self, rows_B: Rows) -> TextGraphs:
        """Return the graphs of some users, in this order; a user may stand twice.

        Raises:
            UsageError: a row is not of this store.
            DataError: a file is damaged.
        """
        rows_B = self._checked(rows_B)
        start_B, nodes_B, first_B, edges_B = np.ascontiguousarray(self._users_U4[rows_B].T)
        node_ptr_B1, (word, count, degree) = pointers(nodes_B), self._of_nodes
        taken = [take_ranges(values, start_B, start_B + nodes_B) for values in (word, count)]
        edge_ptr_V1 = pointers(take_ranges(degree, start_B, start_B + nodes_B))
        if not np.array_equal(np.diff(edge_ptr_V1[node_ptr_B1]), edges_B):
            raise DataError(f"{self.folder} is damaged: edges are missing; write the store again")
        columns = [take_ranges(values, first_B, first_B + edges_B) for values in self._of_edges]
        weights = columns[1] if len(columns) > 1 else None
        return TextGraphs(node_ptr_B1, taken[0], taken[1], edge_ptr_V1, columns[0], weights)

    def update(self, rows_B: Rows, graphs: TextGraphs) -> None:
        """Replace the graphs of some users; all others stay as they are.

        Those who have the store open go on with the old graphs until they open it again.

        Raises:
            UsageError: rows that are not of this store or stand twice, not one graph each, graphs
                with weights where the store has none or the other way round, or another process
                is writing.
        """
        rows_B = self._checked(rows_B)
        if len(np.unique(rows_B)) != len(rows_B):
            raise UsageError("a row stands twice: give each user one graph")
        if len(rows_B) != graphs.num_users:
            raise UsageError(f"{len(rows_B)} rows need as many graphs, got {graphs.num_users}")
        if (graphs.edge_weight_E is not None) != self.manifest.weighted:
            raise UsageError(f"the graphs of this store are {self.graph.edge_weight}: make them so")
        with self._only_writer():
            self._open()
            self._files.cut()
            self._files.append_changes(rows_B, self._files.append(graphs))
            self.manifest.of(self._files).write(self.folder)
            self._open()

    def compact(self, users_at_once: int = 1024) -> None:
        """Write the graphs anew, in order and without holes; needs room for both on disk."""
        with self._only_writer():
            self._open()
            made = self.manifest
            files = StoreFiles(self.folder, made.generation + 1, Lengths(), weighted=made.weighted)
            files.cut()
            for start in range(0, self.num_users, users_at_once):
                rows_B = np.arange(start, min(start + users_at_once, self.num_users))
                files.append_users(files.append(self.read(rows_B)))
            self.manifest.of(files).write(self.folder)
            files.delete_others()
            self._open()

    def _open(self) -> None:
        self.manifest = StoreManifest.read(self.folder)
        made = self.manifest
        self._files = StoreFiles(self.folder, made.generation, made.lengths, weighted=made.weighted)
        self._files.check()
        # Copied on write: only the pages of users that have changed come into memory.
        self._users_U4: Rows = self._files.read("users", "c" if made.num_changes else "r")
        if made.num_changes:
            changes_C5 = self._files.read("changes")
            self._users_U4[changes_C5[:, 0]] = changes_C5[:, 1:]
        self._of_nodes = [self._files.read(name) for name in ("word", "count", "degree")]
        self._of_edges = [self._files.read("col")]
        if made.weighted:
            self._of_edges.append(self._files.read("weight"))

    def _checked(self, rows_B: Rows) -> Rows:
        rows_B = np.asarray(rows_B, np.int64)
        if len(rows_B) and not (rows_B.min() >= 0 and rows_B.max() < self.num_users):
            raise UsageError(
                f"rows must be in [0, {self.num_users}), got {rows_B.min()} to {rows_B.max()}"
            )
        return rows_B

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"another process writes {self.folder}: wait for it") from error
            yield
        finally:
            os.close(handle)

    def __repr__(self) -> str:
        made = self.manifest
        return (
            f"TextGraphStore({str(self.folder)!r}: {made.num_users} users, {made.num_edges} edges)"
        )


def _resume(place: Path, empty: StoreManifest, num_users: int) -> tuple[StoreFiles, IngestState]:
    """Return the files that an earlier write of the same store left, or new ones."""
    key = digest_of([FORMAT, empty.graph.to_dict(), empty.source, num_users])
    state = IngestState(place / SCRATCH, lambda: key)
    lengths = Lengths(*state.values["lengths"]) if state.load() else None
    files = StoreFiles(place, 0, lengths or Lengths(), weighted=empty.weighted)
    try:
        files.check()
    except DataError:
        lengths = None
    if lengths is None:
        clear(place)
        files = StoreFiles(place, 0, Lengths(), weighted=empty.weighted)
    files.cut()
    state.save(lengths=list(files.lengths))
    return files, state
