"""Where each query puts its counterpart among candidates, by the cosine of their vectors.

The counterpart of query ``n`` is candidate ``n``. Ties are kept as counts, so that every metric can
be its expectation over their order (evaluation D2).

Shapes: N queries and candidates, E width, C distinct candidates, B queries of a block.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]

BLOCK_CELLS: Final = 1 << 22
"""Queries × candidates of one block: what bounds memory."""


class Matched(NamedTuple):
    """The place of each query's counterpart."""

    num_better_N: Rows
    """Candidates that are nearer than the counterpart."""
    num_tied_N: Rows
    """Other candidates that are as near."""


def match(
    query_NE: Vectors,
    candidate_NE: Vectors,
    query_present_N: Mask | None = None,
    candidate_present_N: Mask | None = None,
    *,
    block_cells: int = BLOCK_CELLS,
) -> Matched:
    """Return how many candidates are nearer to each query than its counterpart, and as near.

    A query that is absent says nothing: all candidates are tied. A candidate that is absent is
    farther than any that is there. A vector of zeros, which points nowhere, is absent.

    Args:
        query_NE: one vector a query.
        candidate_NE: one vector a candidate.
        query_present_N: which queries are there; None for all.
        candidate_present_N: likewise of the candidates.
        block_cells: queries × candidates of one block.

    Raises:
        DataError: not as many queries as candidates, other widths, or a number that is not finite.
    """
    query_NE, asked_N = _directions(query_NE, query_present_N, "query")
    candidate_NE, there_N = _directions(candidate_NE, candidate_present_N, "candidate")
    if query_NE.shape != candidate_NE.shape:
        raise DataError(
            f"queries and candidates must be alike, got {query_NE.shape} and {candidate_NE.shape}"
        )
    num = len(query_NE)
    # A product of matrices may round equal rows differently: each distinct one is computed once.
    distinct_CE, which_N = _distinct(candidate_NE[there_N])
    count_C = np.bincount(which_N, minlength=len(distinct_CE))
    own_N = np.full(num, -1, np.int64)
    own_N[there_N] = which_N
    num_absent = num - int(there_N.sum())
    better_N = np.where(asked_N & ~there_N, int(there_N.sum()), 0)
    tied_N = np.where(asked_N, num_absent - 1, num - 1)
    ranked = np.flatnonzero(asked_N & there_N)
    step = max(1, block_cells // max(1, len(distinct_CE)))
    for start in range(0, len(ranked), step):
        rows = ranked[start : start + step]
        score_BC = query_NE[rows] @ distinct_CE.T
        own_B1 = np.take_along_axis(score_BC, own_N[rows][:, None], axis=1)
        better_N[rows] = (score_BC > own_B1) @ count_C
        tied_N[rows] = (score_BC == own_B1) @ count_C - 1
    return Matched(better_N.astype(np.int64), tied_N.astype(np.int64))


def _directions(x_NE: Vectors, present_N: Mask | None, name: str) -> tuple[Vectors, Mask]:
    """Return unit vectors, and which of them are there."""
    if x_NE.ndim != 2 or not x_NE.shape[1] or not np.isfinite(x_NE).all():
        raise DataError(f"each {name} must be one vector of finite numbers, got {x_NE.shape}")
    length_N = np.linalg.norm(x_NE.astype(np.float64), axis=1)
    there_N = length_N > 0
    if present_N is not None:
        if present_N.shape != length_N.shape:
            raise DataError(f"{name}: {len(length_N)} vectors, and {present_N.shape} of presence")
        there_N &= present_N
    unit_NE = x_NE / np.where(length_N > 0, length_N, 1)[:, None]
    # -0 and 0 are other bytes; their sum with 0 is not.
    return unit_NE.astype(np.float32) + np.float32(0), there_N


def _distinct(x_NE: Vectors) -> tuple[Vectors, Rows]:
    """Return each row once, and which of these each row is; by bytes, which sort fast."""
    as_bytes = np.dtype((np.void, x_NE.itemsize * x_NE.shape[1]))
    bytes_N = np.ascontiguousarray(x_NE).view(as_bytes).ravel()
    _, first_C, which_N = np.unique(bytes_N, return_index=True, return_inverse=True)
    return x_NE[first_C], which_N
