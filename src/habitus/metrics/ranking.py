"""Metrics of one target among candidates, and of what is recommended at all.

Evaluation D2: candidates that are tied with the target stand in random order, and each metric is
its *expectation* over that order, never its value at the middle rank. With ``b`` candidates better
and ``t`` tied, the rank is uniform on ``b + 1 … b + t + 1``; all formulas below are that mean.

Shapes: B targets, I items.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError, UsageError
from habitus.metrics.arrays import Array, Floats, one_dimensional


def hits(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int) -> Floats:
    """Return the probability that each target is among the first ``k``, ``(B)``."""
    better, tied = _counts(num_better_B, num_tied_B, k)
    return np.asarray(np.clip(k - better, 0, tied + 1) / (tied + 1))


def gains(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int) -> Floats:
    """Return the expected ``1 / log2(1 + rank)`` of each target, 0 past ``k``: NDCG, ``(B)``."""
    better, tied = _counts(num_better_B, num_tied_B, k)
    upto = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    inside = upto[np.minimum(better + tied + 1, k)] - upto[np.minimum(better, k)]
    return np.asarray(inside / (tied + 1))


def reciprocal_ranks(
    num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int | None = None
) -> Floats:
    """Return the expected ``1 / rank`` of each target, 0 past ``k`` where it is given, ``(B)``."""
    better, tied = _counts(num_better_B, num_tied_B, 1 if k is None else k)
    last = better + tied + 1
    if k is not None:
        better, last = np.minimum(better, k), np.minimum(last, k)
    upto = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, last.max() + 1))])
    return np.asarray((upto[last] - upto[better]) / (tied + 1))


def hit_rate(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int) -> float:
    """Return HR@k.

    >>> round(hit_rate([0], [100], k=1), 4)  # a constant score among 101 candidates
    0.0099
    """
    return float(hits(num_better_B, num_tied_B, k).mean())


def ndcg(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int) -> float:
    """Return NDCG@k with one relevant item.

    >>> round(ndcg([0], [100], k=10), 4)
    0.045
    """
    return float(gains(num_better_B, num_tied_B, k).mean())


def mrr(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int | None = None) -> float:
    """Return the mean reciprocal rank.

    >>> round(mrr([0], [100]), 4)
    0.0515
    """
    return float(reciprocal_ranks(num_better_B, num_tied_B, k).mean())


def gini(exposure_I: npt.ArrayLike) -> float:
    """Return how unevenly items are shown: 0 all alike, ``1 − 1/I`` one item only.

    >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 4])
    (0.0, 0.75)
    """
    exposure = np.sort(_exposure(exposure_I))
    num_items = len(exposure)
    place = 2 * np.arange(1, num_items + 1) - num_items - 1
    return float((place * exposure).sum() / (num_items * exposure.sum()))


def novelty(exposure_I: npt.ArrayLike, train_counts_I: npt.ArrayLike) -> float:
    """Return the mean self-information, in bits, of what is shown: higher is less popular.

    An item's probability is its share of the training events, one event added to each item so
    that an unseen item has a finite surprise.

    >>> novelty([0, 1], [2, 0])  # -log2((0 + 1) / (2 + 2))
    2.0
    """
    exposure, counts = _exposure(exposure_I), one_dimensional(train_counts_I, "train_counts")
    if len(counts) != len(exposure) or counts.min() < 0:
        raise DataError(
            f"train_counts must be {len(exposure)} numbers of 0 or more, one an item, "
            f"got {len(counts)}, the least {counts.min()}"
        )
    bits_I = -np.log2((counts + 1) / (counts.sum() + len(counts)))
    return float((exposure * bits_I).sum() / exposure.sum())


def _counts(num_better_B: npt.ArrayLike, num_tied_B: npt.ArrayLike, k: int) -> tuple[Array, Array]:
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    better = one_dimensional(num_better_B, "num_better")
    tied = one_dimensional(num_tied_B, "num_tied")
    if len(better) != len(tied) or not len(better):
        raise DataError(
            f"num_better and num_tied must be equally many and not empty: "
            f"{len(better)} and {len(tied)}"
        )
    if better.dtype.kind not in "iu" or tied.dtype.kind not in "iu":
        raise DataError(f"counts must be integers, got {better.dtype} and {tied.dtype}")
    if min(better.min(), tied.min()) < 0:
        raise DataError("counts must be 0 or more; num_tied leaves the target itself out")
    return better.astype(np.int64), tied.astype(np.int64)


def _exposure(exposure_I: npt.ArrayLike) -> Floats:
    exposure = one_dimensional(exposure_I, "exposure").astype(np.float64)
    if not len(exposure) or not np.isfinite(exposure).all() or exposure.min() < 0:
        raise DataError("exposure must be a finite number of 0 or more for each item")
    if not exposure.sum():
        raise DataError("exposure is 0 for every item: nothing was shown")
    return exposure
