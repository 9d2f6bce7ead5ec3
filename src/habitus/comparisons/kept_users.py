"""What is made of each user's posts, made once and kept while the same traces are asked about.

An evaluation asks for the same users again and again, in other parts and for other seeds; reading
their text takes longer than all else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from scipy.sparse import csr_array, vstack

from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphs, join_users
from habitus.data.traces import Rows

Made = TypeVar("Made")


class KeptUsers(Generic[Made]):
    """Rows by user.

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
        self._key: tuple[object, ...] = ()
        self._place_U: Rows = np.zeros(0, np.int64)
        """Place of each user of the traces among the kept; -1 for one that was not asked about."""
        self._num_kept = 0
        self._kept: Made | None = None

    def put(self, snapshot: Snapshot, made: Made) -> None:
        """Keep the rows of the users of a snapshot, which were made elsewhere, and nothing else."""
        self._key = ()
        self._begin(snapshot)
        self._kept, self._num_kept = made, snapshot.num_users
        self._place_U[snapshot.users_U] = np.arange(snapshot.num_users)

    def read(self, snapshot: Snapshot) -> Made:
        """Return the rows of the users of a snapshot, in its order."""
        traces = snapshot.traces
        self._begin(snapshot)
        new_U = snapshot.users_U[self._place_U[snapshot.users_U] < 0]
        kept = self._kept
        if kept is None or len(new_U):
            made = self._make(Snapshot(traces, snapshot.as_of, new_U))
            kept = self._kept = made if kept is None else self._join(kept, made)
            self._place_U[new_U] = self._num_kept + np.arange(len(new_U))
            self._num_kept += len(new_U)
        return self._take(kept, self._place_U[snapshot.users_U])

    def _begin(self, snapshot: Snapshot) -> None:
        """Forget what is of other traces or of another cutoff."""
        traces = snapshot.traces
        key = (traces.path, traces.digest, snapshot.as_of)
        if key != self._key:
            self._key, self._kept, self._num_kept = key, None, 0
            self._place_U = np.full(traces.num_users, -1, np.int64)


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
