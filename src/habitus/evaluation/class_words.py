"""Which words are typical of a class of users: for maps, never for a claim.

Shapes: U users, W words, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from habitus.comparisons.word_counts import each_row_over_its_sum
from habitus.data.traces import Rows
from habitus.tasks.classes import Classes

LEAST_USERS = 5
"""Users of a class who must have a word before it may stand for the class."""
Floats = npt.NDArray[np.float64]


def typical_words(
    counts_UW: csr_array, y_U: Classes, num_classes: int, top: int, least_users: int = LEAST_USERS
) -> list[Rows]:
    """Return the words most typical of each class, the most typical first; no word stands twice.

    The statistic is Welch's t between the users of the class and all others, of the share of a
    user's words that are this word; so a user counts once, however much they write. A word goes to
    the class in which its t is greatest, and only where that is above 0.

    Args:
        counts_UW: how often each user used each word: training users, and nobody else.
        y_U: their classes.
        num_classes: ``C``.
        top: words of a class, at most.
        least_users: users of the class who must have the word.
    """
    t_CW, users_CW = welch_t(counts_UW, y_U, num_classes)
    home_W = t_CW.argmax(axis=0)
    found = []
    for c, (t_W, users_W) in enumerate(zip(t_CW, users_CW, strict=True)):
        may_W = (home_W == c) & (users_W >= least_users) & (t_W > 0)
        order = np.argsort(-t_W, kind="stable")
        found.append(order[may_W[order]][:top].astype(np.int64))
    return found


def welch_t(counts_UW: csr_array, y_U: Classes, num_classes: int) -> tuple[Floats, Rows]:
    """Return t of each class and word, ``(C, W)``, and how many users of the class have the word.

    A word that nobody varies in has t 0, and so has every word of a class with fewer than two
    users inside or outside it.
    """
    share_UW = csr_array(each_row_over_its_sum(counts_UW), dtype=np.float64)
    member_CU = csr_array(np.eye(num_classes)[y_U].T)
    size_C1 = np.bincount(y_U, minlength=num_classes)[:, None].astype(np.float64)
    sum_CW, square_CW = _dense(member_CU @ share_UW), _dense(member_CU @ share_UW.power(2))
    inside, outside = (
        _mean_and_error(sum_CW, square_CW, size_C1),
        _mean_and_error(sum_CW.sum(0) - sum_CW, square_CW.sum(0) - square_CW, len(y_U) - size_C1),
    )
    error_CW = np.sqrt(inside[1] + outside[1])
    t_CW = np.zeros_like(error_CW)
    np.divide(inside[0] - outside[0], error_CW, out=t_CW, where=error_CW > 0)
    t_CW[(np.minimum(size_C1, len(y_U) - size_C1) < 2)[:, 0]] = 0
    users_CW = _dense(member_CU @ (counts_UW > 0).astype(np.float64)).astype(np.int64)
    return t_CW, users_CW


def _mean_and_error(sum_CW: Floats, square_CW: Floats, size_C1: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the squared standard error of it."""
    mean_CW = sum_CW / np.maximum(size_C1, 1)
    variance_CW = (square_CW - size_C1 * mean_CW**2) / np.maximum(size_C1 - 1, 1)
    return mean_CW, np.maximum(variance_CW, 0) / np.maximum(size_C1, 1)


def _dense(matrix: Any) -> Floats:  # noqa: ANN401 - scipy has no types
    return np.asarray(matrix.toarray(), np.float64)
