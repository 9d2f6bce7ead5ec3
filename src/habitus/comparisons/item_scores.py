"""What item comparisons are made of: who had what, and which texts are alike.

Shapes: U users, I items asked about, J items of the dictionary, V words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from habitus.comparisons.base import Matrix
from habitus.data.columns import ITEM_ID
from habitus.data.posts import ITEM, Documents
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.errors import DataError, GuardError
from habitus.metrics import gains
from habitus.probes.targets import Scores

AT = 10
"""Places of the score that settings are chosen by, NDCG@10."""
DENSE_SHARE = 0.05
"""Share of pairs of people with an item in common from which a dense product is the faster one."""


def items_had(snapshot: Snapshot) -> csr_array:
    """Return 1 for each item that a user had, ``(U, J)``; column 0 is the item with code 1."""
    row_L, ptr_U1 = snapshot.latest()
    code_L = snapshot.values(ITEM_ID, row_L).astype(np.int64)
    user_L = np.repeat(np.arange(snapshot.num_users), np.diff(ptr_U1))[code_L > 0]
    shape = (snapshot.num_users, snapshot.traces.columns[ITEM_ID].num_values)
    had_UJ = csr_array((np.ones(len(user_L), np.float32), (user_L, code_L[code_L > 0] - 1)), shape)
    had_UJ.sum_duplicates()
    had_UJ.data[:] = 1
    return had_UJ


class CountScores:
    """Items that train users had together, without the matrix of all pairs of items.

    ``score = H · D · Xᵀ · X · D``, with the history ``H``, what train users had ``X``, and ``D``
    the number of users of an item to the power of minus the damping: 0 counts the train users, each
    as often as it shares an item; at 0.5 it is the sum of cosines between items.
    """

    def __init__(self, train: Snapshot) -> None:
        self.had_UJ = items_had(train)
        self.num_users_J = np.asarray(self.had_UJ.sum(axis=0), np.float32)

    def score(self, snapshot: Snapshot, items_I: Rows, damping: float) -> Matrix:
        """Return the score of items by code, ``(U, I)``; 0 for what nobody had with the history."""
        damp_J = np.maximum(self.num_users_J, 1) ** np.float32(-damping)
        shared_UU = csr_array(items_had(snapshot) @ diags_array(damp_J) @ self.had_UJ.T)
        asked_UI = self.had_UJ[:, items_I - 1]
        if shared_UU.nnz > DENSE_SHARE * np.prod(shared_UU.shape):
            found_UI = (asked_UI.T @ shared_UU.toarray().T).T
        else:
            found_UI = (shared_UU @ asked_UI).toarray()
        return np.asarray(found_UI * damp_J[items_I - 1], np.float32)

    def popularity(self, items_I: Rows) -> Matrix:
        """Return the log of how many train users had each item, plus one, ``(I)``."""
        return np.log1p(self.num_users_J[items_I - 1])


class TextScores:
    """TF-IDF of item texts, its idf from the texts that train users met.

    Args:
        train: whose items the words are from.
        min_df: texts that a word must stand in.
    """

    def __init__(self, train: Snapshot, min_df: int = 1) -> None:
        self._traces = train.traces
        row_L, _ = train.latest()
        code_J = np.unique(train.values(ITEM_ID, row_L).astype(np.int64))
        documents = Documents(train.traces, ITEM)
        known = [text for text in documents.texts(code_J[code_J > 0]) if text]
        self._words = TfidfVectorizer(sublinear_tf=True, min_df=min_df, dtype=np.float32)
        try:
            self._words.fit(known)
        except ValueError as error:
            raise GuardError(f"no item of {train!r} has a text with words in it") from error
        all_codes = np.arange(1, documents.num_documents)
        self.weight_JV = csr_array(self._words.transform(documents.texts(all_codes)))
        """Unit rows; an item without known words is zeros."""

    def centroids(self, snapshot: Snapshot) -> csr_array:
        """Return the direction of the mean of each user's items, ``(U, V)``."""
        self._check(snapshot)
        return csr_array(normalize(items_had(snapshot) @ self.weight_JV))

    def score(self, snapshot: Snapshot, items_I: Rows) -> Matrix:
        """Return the cosine of the centroid of a history and each item, ``(U, I)``."""
        found = self.centroids(snapshot) @ self.weight_JV[items_I - 1].T
        return np.asarray(found.toarray(), np.float32)

    def _check(self, snapshot: Snapshot) -> None:
        if snapshot.traces.digest != self._traces.digest:
            raise DataError(f"fitted on {self._traces.path}, asked about {snapshot.traces.path}")


def standardised(score_UI: Scores) -> Matrix:
    """Return each user's scores with mean 0 and deviation 1; a constant row is zeros."""
    centred_UI = score_UI - score_UI.mean(axis=1, keepdims=True)
    deviation_U1 = centred_UI.std(axis=1, keepdims=True)
    return np.asarray(centred_UI / np.where(deviation_U1 > 0, deviation_U1, 1), np.float32)


def choose(found: Sequence[tuple[Rows, Rows]]) -> tuple[int, list[float]]:
    """Return the first of the settings with the best NDCG@10, and that of each.

    Args:
        found: for each setting, candidates better than and tied with each target.
    """
    score = [float(gains(better_B, tied_B, AT).mean()) for better_B, tied_B in found]
    return int(np.argmax(score)), score
