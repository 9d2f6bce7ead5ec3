"""Runs of sequences of about one length: where attention pads, it pads each run by itself.

Shapes: B sequences, X distinct lengths, H groups.
"""

from __future__ import annotations

import numpy as np

from habitus.data.traces import Rows


def length_groups(length_B: Rows, padding_share: float) -> Rows:
    """Return the first sequence of each group, and ``B``: as few groups as one pass finds.

    Args:
        length_B: ascending, each at least 1.
        padding_share: padding among what a group holds when all are as long as its last, at most.
            With 0 each distinct length is a group.

    >>> length_groups(np.array([9, 10, 10, 10, 30]), 0.03).tolist()
    [0, 4, 5]
    """
    length_X, first_X = np.unique(length_B, return_index=True)
    count_X = np.diff(first_X, append=len(length_B))
    bound_X1 = np.append(first_X, len(length_B))
    bounds, start = [0], 0
    while start < len(length_X):
        held_X = np.cumsum(count_X[start:]) * length_X[start:]
        padding_X = held_X - np.cumsum(count_X[start:] * length_X[start:])
        # The last that fits, not the first that does not: many long ones make up for a short one.
        start += 1 + int(np.flatnonzero(padding_X <= padding_share * held_X)[-1])
        bounds.append(int(bound_X1[start]))
    return np.array(bounds, np.int64)


def padded(length_B: Rows, group_H1: Rows) -> int:
    """Return what groups hold when all of a group are as long as its last.

    >>> padded(np.array([9, 10, 10, 10, 30]), np.array([0, 4, 5]))
    70
    """
    return int((np.diff(group_H1) * length_B[group_H1[1:] - 1]).sum())
