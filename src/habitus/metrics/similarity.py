"""How alike two distributions of tokens are: Kendall's τ-b and Jensen–Shannon (CLUE C28, A-C26).

Differs from the paper: it does not say which τ, nor over which tokens. Here τ-b, which counts ties
as such, over the tokens that occur in either.

Shapes: W tokens.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError, UsageError
from habitus.metrics.arrays import Floats


def kendall(counts_a_W: npt.ArrayLike, counts_b_W: npt.ArrayLike, top: int | None = None) -> float:
    """Return Kendall's τ-b of the counts of tokens that occur in either; NaN where all are tied.

    >>> kendall([3, 2, 1, 0], [30, 20, 10, 0])  # the last token is in neither
    1.0

    Args:
        counts_a_W: how often each token occurs in one.
        counts_b_W: likewise in the other.
        top: only so many tokens, those with the largest share in both together.

    Raises:
        DataError: a side without any token, or counts that are none.
        UsageError: ``top`` below 2.
    """
    from scipy.stats import kendalltau

    share_a_W, share_b_W = _shares(counts_a_W, counts_b_W)
    if top is not None and top < 2:
        raise UsageError(f"top must be at least 2 tokens, got {top}")
    met_W = np.flatnonzero(share_a_W + share_b_W)
    order_W = np.argsort(-(share_a_W + share_b_W)[met_W], kind="stable")
    kept_W = met_W[order_W[:top]]
    if len(kept_W) < 2:
        return float("nan")
    counts = (np.asarray(counts_a_W)[kept_W], np.asarray(counts_b_W)[kept_W])
    return float(cast(float, kendalltau(*counts, variant="b").statistic))


def jensen_shannon(counts_a_W: npt.ArrayLike, counts_b_W: npt.ArrayLike) -> float:
    """Return the Jensen–Shannon divergence in bits: 0 for the same shares, 1 for no token shared.

    >>> jensen_shannon([1, 1], [2, 2]), jensen_shannon([1, 0], [0, 1])
    (0.0, 1.0)

    Raises:
        DataError: a side without any token, or counts that are none.
    """
    share_a_W, share_b_W = _shares(counts_a_W, counts_b_W)
    middle_W = (share_a_W + share_b_W) / 2

    def from_middle(share_W: Floats) -> float:
        some_W = share_W > 0
        return float((share_W[some_W] * np.log2(share_W[some_W] / middle_W[some_W])).sum())

    return (from_middle(share_a_W) + from_middle(share_b_W)) / 2


def _shares(counts_a_W: npt.ArrayLike, counts_b_W: npt.ArrayLike) -> tuple[Floats, Floats]:
    a_W, b_W = np.asarray(counts_a_W, np.float64), np.asarray(counts_b_W, np.float64)
    if a_W.ndim != 1 or a_W.shape != b_W.shape:
        raise DataError(f"counts must be one number a token, got {a_W.shape} and {b_W.shape}")
    for counts_W in (a_W, b_W):
        if not np.isfinite(counts_W).all() or counts_W.min(initial=0) < 0:
            raise DataError("counts of tokens must be finite and 0 or more")
        if not counts_W.sum():
            raise DataError("one side has no token: leave it out")
    return a_W / a_W.sum(), b_W / b_W.sum()
