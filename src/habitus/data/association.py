"""How much two words belong together, by the windows that hold them: rules and weights of edges.

A-P5. ``n`` windows of which ``n_i`` and ``n_j`` hold a word and ``n_ij`` both.

Shapes: N words of a user.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
PMI, NPMI, LLR, COOC, BINARY, PPMI = range(6)


class Rules(NamedTuple):
    """The settings of a graph as numbers, for compiled code."""

    window: int
    max_nodes: int
    """-1: all."""
    rule: int
    threshold: float
    weight: int
    smoothing: float
    shrinkage: float
    by_count: bool
    """Whether words stay by their tokens; else by their degree."""


@njit(cache=True, nogil=True)
def log_counts(windows_N: Array, smoothing: float) -> Array:
    """Return log N_i*, the count that PMI divides by: N_i itself without smoothing.

    Levy, Goldberg, Dagan (TACL 2015), eq. 3: the context's count is raised to ``smoothing`` and
    scaled so that all counts add up to what they did. An edge has no context, so N_i* is the
    geometric mean of both: PMI is then the mean of its two directions.
    """
    log_N = np.log(windows_N.astype(np.float64))
    if smoothing == 1:
        return log_N
    plain = smooth = 0.0
    for n in range(len(log_N)):
        plain += windows_N[n]
        smooth += math.exp(smoothing * log_N[n])
    for n in range(len(log_N)):
        log_N[n] = (log_N[n] * (1 + smoothing) + math.log(plain) - math.log(smooth)) / 2
    return log_N


@njit(cache=True, nogil=True)
def is_exact(rules: Rules) -> bool:
    """Return whether the rule says no more than PMI > 0, which integers decide."""
    if rules.rule == LLR:
        return rules.threshold == 0
    return rules.rule != COOC and rules.threshold == 0 and rules.smoothing == 1


@njit(cache=True, nogil=True)
def is_joined(n_ij: int, n_i: int, n_j: int, n: int, log_ij: float, rules: Rules) -> bool:
    """Return whether a pair becomes an edge."""
    if rules.rule == COOC:
        return n_ij >= rules.threshold
    if rules.rule == LLR:
        above = n_ij * n > n_i * n_j
        return above and log_likelihood_ratio(n_ij, n_i, n_j, n) > rules.threshold
    score = pmi(n_ij, log_ij, n, rules.shrinkage)
    return (normalised(score, n_ij, n) if rules.rule == NPMI else score) > rules.threshold


@njit(cache=True, nogil=True)
def weight_of(n_ij: int, log_ij: float, num_windows: int, rules: Rules) -> float:
    """Return the weight of an edge, at least 0."""
    if rules.weight == COOC:
        return float(n_ij)
    score = pmi(n_ij, log_ij, num_windows, rules.shrinkage)
    return max(0.0, normalised(score, n_ij, num_windows) if rules.weight == NPMI else score)


@njit(cache=True, nogil=True)
def pmi(n_ij: int, log_ij: float, num_windows: int, shrinkage: float) -> float:
    """Return PMI, shrunk: eq. 2 where ``log_ij`` is log N_i N_j and ``shrinkage`` is 0."""
    return (math.log(n_ij) + math.log(num_windows) - log_ij) * (n_ij / (n_ij + shrinkage))


@njit(cache=True, nogil=True)
def normalised(pmi: float, n_ij: int, num_windows: int) -> float:
    """Return PMI / -log(N_ij / N) (Bouma 2009); 0 for a pair in every window: it says nothing."""
    return 0.0 if n_ij == num_windows else pmi / (math.log(num_windows) - math.log(n_ij))


@njit(cache=True, nogil=True)
def log_likelihood_ratio(n_ij: int, n_i: int, n_j: int, n: int) -> float:
    """Return G² of the table of windows with and without each word (Dunning 1993)."""
    cells = _xlogx(n_ij) + _xlogx(n_i - n_ij) + _xlogx(n_j - n_ij) + _xlogx(n - n_i - n_j + n_ij)
    margins = _xlogx(n_i) + _xlogx(n - n_i) + _xlogx(n_j) + _xlogx(n - n_j)
    return 2 * (cells - margins + _xlogx(n))


@njit(cache=True, nogil=True)
def _xlogx(x: int) -> float:
    return x * math.log(x) if x else 0.0
