"""How often each user used each word: sparse counts of all tokens, before any cut to a graph.

Shapes: U users, T tokens, W words, N things counted, F columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from habitus.data.tokens import Rows, Tokens


def count_words(tokens: Tokens, num_words: int) -> csr_array:
    """Return how often each user used each word, ``(U, W)`` float32."""
    return count_columns(tokens.id_T, tokens.post_ptr_P1[tokens.user_ptr_U1], num_words)


def count_columns(column_N: npt.NDArray[np.integer], ptr_U1: Rows, num_columns: int) -> csr_array:
    """Return how often each column stands in each user's stretch, ``(U, F)`` float32.

    Args:
        column_N: users one after another; -1 is not counted.
        ptr_U1: first of each user, and ``N``.
        num_columns: ``F``.
    """
    kept_N = column_N >= 0
    before_N1 = np.zeros(len(column_N) + 1, np.int64)
    np.cumsum(kept_N, out=before_N1[1:])
    column_K = column_N[kept_N]
    counts_UF = csr_array(
        (np.ones(len(column_K), np.float32), column_K, before_N1[ptr_U1]),
        shape=(len(ptr_U1) - 1, num_columns),
    )
    # Sorts each user's stretch and adds up what is equal; no key over all users has to be sorted.
    counts_UF.sum_duplicates()
    return counts_UF


def users_of_columns(counts_UF: csr_array) -> Rows:
    """Return how many users have each column, ``(F)``."""
    return np.bincount(counts_UF.indices, minlength=counts_UF.shape[1])


def each_row_over_its_sum(counts_UF: csr_array) -> csr_array:
    """Return shares, which sum to 1 in every row that is not empty."""
    total_U = np.asarray(counts_UF.sum(axis=1)).ravel()
    shares_UF = counts_UF.copy()
    shares_UF.data = counts_UF.data / np.repeat(total_U, np.diff(counts_UF.indptr))
    return shares_UF
