"""What is made of each user's posts, made once and kept while the same few traces are asked about.

An evaluation asks for the same users again and again, in other parts and for other seeds; reading
their text takes longer than all else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from scipy.sparse import csr_array, vstack

from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphs, join_users
from habitus.data.traces import Rows

Made = TypeVar("Made")
MOST_SOURCES: Final = 3
"""Traces and cutoffs of which rows are kept: two platforms, or all posts and either half."""


@dataclass
class _Kept(Generic[Made]):
    """Rows of the users of one source: traces as known at one cutoff."""

    place_U: Rows
    """Place of each user of the traces among the kept; -1 for one that was not asked about."""
    num_users: int = 0
    rows: Made | None = None


class KeptUsers(Generic[Made]):
    """Rows by user, of the last few traces and cutoffs that were asked about.

    Args:
        make: the users of a snapshot → their rows; no row may depend on another user.
        join: two of them, one after the other.
        take: some rows of one.
    """

    def __init__(
        self,
        make: Callable[[Snapshot], Made],
        join: Callable[[Made, Made], Made],
        take: Callable[[Made, Rows], Made],
    ) -> None:
        self._make, self._join, self._take = make, join, take
        self._sources: dict[tuple[object, ...], _Kept[Made]] = {}
        """The one that was asked about last stands last."""

    def put(self, snapshot: Snapshot, made: Made) -> None:
        """Keep the rows of the users of a snapshot, which were made elsewhere, and nothing else."""
        self._sources.clear()
        kept = self._source(snapshot)
        kept.rows, kept.num_users = made, snapshot.num_users
        kept.place_U[snapshot.users_U] = np.arange(snapshot.num_users)

    def read(self, snapshot: Snapshot) -> Made:
        """Return the rows of the users of a snapshot, in its order."""
        kept = self._source(snapshot)
        new_U = snapshot.users_U[kept.place_U[snapshot.users_U] < 0]
        rows = kept.rows
        if rows is None or len(new_U):
            made = self._make(Snapshot(snapshot.traces, snapshot.as_of, new_U))
            rows = kept.rows = made if rows is None else self._join(rows, made)
            kept.place_U[new_U] = kept.num_users + np.arange(len(new_U))
            kept.num_users += len(new_U)
        return self._take(rows, kept.place_U[snapshot.users_U])

    def _source(self, snapshot: Snapshot) -> _Kept[Made]:
        """Return what is kept of the traces and the cutoff of a snapshot; forget the oldest."""
        traces = snapshot.traces
        key = (traces.path, traces.digest, snapshot.as_of)
        found = self._sources.pop(key, None)
        if found is None:
            found = _Kept(np.full(traces.num_users, -1, np.int64))
        self._sources[key] = found
        if len(self._sources) > MOST_SOURCES:
            del self._sources[next(iter(self._sources))]
        return found


def kept_matrix(make: Callable[[Snapshot], csr_array]) -> KeptUsers[csr_array]:
    """Return what keeps rows of a sparse matrix."""
    return KeptUsers(
        make,
        lambda one, other: csr_array(vstack([one, other], format="csr")),
        lambda kept, rows: kept[rows],
    )


def kept_graphs(make: Callable[[Snapshot], TextGraphs]) -> KeptUsers[TextGraphs]:
    """Return what keeps text graphs."""

    def join(one: TextGraphs, other: TextGraphs) -> TextGraphs:
        return join_users([one, other], weighted=one.edge_weight_E is not None)

    return KeptUsers(make, join, lambda kept, rows: kept.read(rows))
