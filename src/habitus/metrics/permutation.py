"""Does one thing go with another, over a few cases: rank correlation with a permutation p-value.

Evaluation D7: of few domains nothing is said about causes, and no distribution is assumed.

Shapes: P cases, M permutations.
"""

from __future__ import annotations

from itertools import permutations
from math import factorial
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError, GuardError
from habitus.metrics.arrays import Floats, one_dimensional
from habitus.random import numpy_generator

MIN_CASES: Final = 4
"""Of three cases, the strongest correlation there is has p = 1/3."""
MAX_PERMUTATIONS: Final = 10_000
"""All of them where they are as few, which they are up to seven cases; else so many by chance."""


class Correlation(NamedTuple):
    """Spearman's correlation of some cases."""

    value: float
    p: float
    """Two-sided: the share of orders of the cases with as strong a correlation or a stronger one,
    the order that was found among them."""
    num_cases: int


def rank_correlation(x_P: npt.ArrayLike, y_P: npt.ArrayLike, seed: int = 0) -> Correlation:
    """Return Spearman's correlation, such as of similarity and gain over tasks, and its p-value.

    >>> rank_correlation([1, 2, 3, 4], [10, 20, 30, 40])  # 2 of 24 orders are as strong
    Correlation(value=1.0, p=0.08333333333333333, num_cases=4)

    Args:
        x_P: one number a case.
        y_P: likewise.
        seed: of the permutations, where these are drawn.

    Raises:
        DataError: not as many of one as of the other, or a number that is not finite.
        GuardError: too few cases, or all alike on one side.
    """
    from scipy.stats import rankdata

    x, y = (one_dimensional(values, "cases").astype(np.float64) for values in (x_P, y_P))
    if len(x) != len(y) or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError(f"cases must be finite and equally many, got {len(x)} and {len(y)}")
    if len(x) < MIN_CASES or len(set(x)) < 2 or len(set(y)) < 2:
        raise GuardError(
            f"a correlation needs {MIN_CASES} cases that differ on both sides, got {len(x)}"
        )
    unit_x_P, unit_y_P = (_unit(rankdata(values)) for values in (x, y))
    found = float(unit_x_P @ unit_y_P)
    order_MP, all_tried = orders(len(x), seed)
    value_M = unit_y_P[order_MP] @ unit_x_P
    # Sums of the same numbers in another order may differ in the last digits.
    as_strong = int((np.abs(value_M) >= abs(found) - 1e-9).sum())
    drawn = int(not all_tried)
    return Correlation(round(found, 12), (as_strong + drawn) / (len(order_MP) + drawn), len(x))


def orders(num: int, seed: int) -> tuple[npt.NDArray[np.int64], bool]:
    """Return orders of some cases, ``(M, P)``, and whether these are all there are."""
    if factorial(num) <= MAX_PERMUTATIONS:
        return np.array(list(permutations(range(num))), np.int64), True
    generator = numpy_generator(seed, "permutations")
    rows_MP = np.tile(np.arange(num, dtype=np.int64), (MAX_PERMUTATIONS, 1))
    return generator.permuted(rows_MP, axis=1), False


def _unit(rank_P: Floats) -> Floats:
    centred_P = rank_P - rank_P.mean()
    return np.asarray(centred_P / np.linalg.norm(centred_P))
