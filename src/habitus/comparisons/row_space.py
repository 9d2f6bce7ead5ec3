"""Row space: users of very many features as coordinates, one for each training user.

A linear model with a penalty on its squared weights has its weights in the span of the training
rows, so it may be fitted on coordinates in that span: the same model, and as many numbers a user
as there are training users instead of hundreds of thousands of features. The coordinates come from
products of rows alone (the Cholesky factor of the training users'), and a product of two users is
computed once, however many tasks and splits ask for it.

Shapes: U users of the traces, K users whose products are known, N and M users of a product, F
features, B training users, Q users of another part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_array

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows

Floats = npt.NDArray[np.float64]
Coordinates = npt.NDArray[np.float32]

MOST_USERS: Final = 5_000
"""Users of whom products are kept: 200 MB. More than these at once have no coordinates here."""
_ROWS_AT_ONCE: Final = 512
_COLUMNS_AT_ONCE: Final = 2_048
_FREQUENT: Final = 8
"""A feature of every eighth user or more is multiplied as a dense column."""
_JITTER: Final = 1e-10
"""Added to each user's product with itself: users may be equal, or have no feature at all."""


class RowSpace:
    """Users of sparse features as coordinates.

    Args:
        features: the users of a snapshot → their features, ``(N, F)``; no row may depend on
            another user.
    """

    def __init__(self, features: Callable[[Snapshot], csr_array]) -> None:
        self._features = features
        self._key: tuple[object, ...] = ()
        self._place_U: Rows = np.zeros(0, np.int64)
        """Place of each user of the traces among the known; -1 for the others."""
        self._users_K: Rows = np.zeros(0, np.int64)
        self._product_KK: Floats = np.zeros((0, 0))

    @staticmethod
    def holds(*snapshots: Snapshot) -> bool:
        """Return whether snapshots are of one cutoff of the same traces, and few enough users."""
        sources = {_source_of(snapshot) for snapshot in snapshots}
        return len(sources) == 1 and sum(s.num_users for s in snapshots) <= MOST_USERS

    def coordinates(self, train: Snapshot, *others: Snapshot) -> list[Coordinates]:
        """Return the coordinates of the training users, ``(B, B)``, and of others, ``(Q, B)``.

        Products of coordinates are the products of the features, for each training user with
        anybody. The snapshots must be such that :meth:`holds`.
        """
        assert self.holds(train, *others)
        self._know(train, np.unique(np.concatenate([s.users_U for s in (train, *others)])))
        own_B = self._place_U[train.users_U]
        product_BB = self._product_KK[np.ix_(own_B, own_B)]
        jitter = _JITTER * max(1.0, float(np.trace(product_BB)) / max(1, len(own_B)))
        product_BB[np.diag_indices(len(own_B))] += jitter
        factor_BB = cholesky(product_BB, lower=True, overwrite_a=True)
        parts = [factor_BB, *(self._through(factor_BB, own_B, other) for other in others)]
        # Half the memory to read at each step of a fit, and ten times its tolerance.
        return [np.ascontiguousarray(part, np.float32) for part in parts]

    def _through(self, factor_BB: Floats, own_B: Rows, other: Snapshot) -> Floats:
        product_BQ = self._product_KK[np.ix_(own_B, self._place_U[other.users_U])]
        solved_BQ = solve_triangular(factor_BB, product_BQ, lower=True, overwrite_b=True)
        return np.asarray(solved_BQ.T, np.float64)

    def _know(self, of: Snapshot, users_N: Rows) -> None:
        """Compute the products of some users that are missing, of the traces of a snapshot."""
        traces, as_of, key = of.traces, of.as_of, _source_of(of)
        new = users_N[self._place_U[users_N] < 0] if key == self._key else users_N
        if key != self._key or len(self._users_K) + len(new) > MOST_USERS:
            self._key, self._users_K, new = key, np.zeros(0, np.int64), users_N
            self._product_KK = np.zeros((0, 0))
            self._place_U = np.full(traces.num_users, -1, np.int64)
        if not len(new):
            return
        self._place_U[new] = len(self._users_K) + np.arange(len(new))
        self._users_K = np.concatenate([self._users_K, new])
        everybody_KF = self._features(Snapshot(traces, as_of, self._users_K))
        old = len(self._product_KK)
        product_NK = products(everybody_KF[old:], everybody_KF)
        whole_KK = np.empty((len(self._users_K),) * 2)
        whole_KK[:old, :old] = self._product_KK
        whole_KK[old:] = product_NK
        whole_KK[:old, old:] = product_NK[:, :old].T
        self._product_KK = whole_KK


def _source_of(snapshot: Snapshot) -> tuple[object, ...]:
    return snapshot.traces.path, snapshot.traces.digest, snapshot.as_of


def products(x_NF: csr_array, y_MF: csr_array) -> Floats:
    """Return the product of each row of one matrix with each of another, ``(N, M)``.

    Features of many users are multiplied as dense columns: a sparse product takes a step for each
    pair of users who share a feature.
    """
    users_F = np.bincount(y_MF.indices, minlength=y_MF.shape[1])
    is_frequent_F = users_F * _FREQUENT > y_MF.shape[0]
    product_NM = np.zeros((x_NF.shape[0], y_MF.shape[0]))
    frequent = np.flatnonzero(is_frequent_F)
    for start in range(0, len(frequent), _COLUMNS_AT_ONCE):
        columns = frequent[start : start + _COLUMNS_AT_ONCE]
        x_NC, y_MC = (np.asarray(m[:, columns].toarray(), np.float64) for m in (x_NF, y_MF))
        product_NM += x_NC @ y_MC.T
    rare = np.flatnonzero(~is_frequent_F)
    x_NR, y_RM = csr_array(x_NF[:, rare], dtype=np.float64), _turned(y_MF[:, rare])
    for start in range(0, x_NF.shape[0], _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        product_NM[rows] += (x_NR[rows] @ y_RM).toarray()
    return product_NM


def _turned(y_MF: Any) -> csr_array:  # noqa: ANN401 - scipy has no types
    return csr_array(y_MF.T, dtype=np.float64)
