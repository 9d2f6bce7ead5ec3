"""Paired bootstrap over users: intervals, differences, Holm's correction, what could be detected.

Evaluation D4: 10,000 resamples of *users*, stratified by label, seeds nested: the statistic of a
resample is the mean over probe seeds of the metric. Methods are paired because they share the
resamples. A user with several rows (windows) is drawn whole. Many tasks at once share one draw of
users: give each task's rows the place of their user.

Shapes: U users, B rows that are judged, S probe seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.errors import DataError, UsageError
from habitus.metrics import BINARY_METRICS, Statistic
from habitus.metrics.arrays import Array, Floats, binary_labels
from habitus.registry import did_you_mean

NUM_RESAMPLES = 10_000
LEVEL = 0.95
# Rows × resamples of one chunk: small enough for a core's cache, and the bound on memory.
CHUNK_CELLS = 1 << 16

Counts = npt.NDArray[np.uint8]
Verdict = Literal["better", "worse", "tie"]


class Estimate(NamedTuple):
    """A metric with its interval."""

    value: float
    """Mean over seeds, on the users as they are."""
    low: float
    high: float
    seeds: tuple[float, ...]
    """The value of each seed."""


class Difference(NamedTuple):
    """One method less another, on the same resamples."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, from the share of resamples on the other side of 0; not corrected."""
    verdict: Verdict
    """A tie wherever the interval contains 0."""


def user_strata(labels_B: npt.ArrayLike, user_B: npt.ArrayLike | None = None) -> Array:
    """Return the stratum of each user, ``(U)``: 1 for a user with a positive row, else 0."""
    labels = binary_labels(labels_B).astype(np.int64)
    if user_B is None:
        return labels
    return np.asarray(np.bincount(np.asarray(user_B), labels) > 0, np.int64)


def resample_counts(
    strata_U: npt.ArrayLike, num_resamples: int, generator: np.random.Generator
) -> Counts:
    """Return how often each resample draws each user, ``(U, R)``.

    A stratum keeps its number of users in every resample. For users drawn jointly over several
    tasks, whose labels differ, give one stratum (zeros).
    """
    strata = np.asarray(strata_U)
    if strata.ndim != 1 or not len(strata):
        raise DataError(f"strata must be one number a user, got the shape {strata.shape}")
    if num_resamples < 1:
        raise UsageError(f"num_resamples must be at least 1, got {num_resamples}")
    counts_UR = np.empty((len(strata), num_resamples), np.uint8)
    for stratum in np.unique(strata):
        users = np.flatnonzero(strata == stratum)
        step = max(1, 16 * CHUNK_CELLS // len(users))
        for start in range(0, num_resamples, step):
            stop = min(start + step, num_resamples)
            counts_UR[users, start:stop] = _draw(len(users), stop - start, generator)
    return counts_UR


def metric_distribution(
    metric: str,
    labels_B: npt.ArrayLike,
    scores_SB: npt.ArrayLike,
    counts_UR: Counts,
    user_B: npt.ArrayLike | None = None,
) -> Floats:
    """Return the metric in each resample, mean over seeds, ``(R)``.

    Args:
        metric: a name of :data:`habitus.metrics.BINARY_METRICS`.
        labels_B: 0 or 1 for each row.
        scores_SB: the scores of each seed.
        counts_UR: from :func:`resample_counts`.
        user_B: the user of each row, a row of ``counts_UR``; None where rows are the users.

    A resample that draws one class only, which a stratified one cannot, is NaN.
    """
    statistics = [_statistic(metric, labels_B, scores_B) for scores_B in _seeds(scores_SB)]
    return distribution(statistics, counts_UR, len(np.asarray(labels_B)), user_B)


def distribution(
    statistics: Sequence[Statistic],
    counts_UR: Counts,
    num_rows: int,
    user_B: npt.ArrayLike | None = None,
) -> Floats:
    """Return the mean of some statistics in each resample, ``(R)``, in bounded memory."""
    user = None if user_B is None else np.asarray(user_B)
    if (len(counts_UR) if user is None else len(user)) != num_rows:
        raise DataError(
            f"{num_rows} rows are judged and the resamples hold {len(counts_UR)} users: give "
            f"user_B, the user of each row, where these differ"
        )
    out_R = np.zeros(counts_UR.shape[1])
    step = max(32, CHUNK_CELLS // num_rows)
    for start in range(0, len(out_R), step):
        chunk_UR = counts_UR[:, start : start + step]
        weights_BR = (chunk_UR if user is None else chunk_UR[user]).astype(np.float32)
        for statistic in statistics:
            out_R[start : start + step] += statistic(weights_BR)
    return out_R / len(statistics)


def metric_values(
    metric: str, labels_B: npt.ArrayLike, scores_SB: npt.ArrayLike
) -> tuple[float, ...]:
    """Return the metric of each seed on the users as they are."""
    ones_B1 = np.ones((len(np.asarray(labels_B)), 1))
    seeds = _seeds(scores_SB)
    return tuple(float(_statistic(metric, labels_B, s_B)(ones_B1)[0]) for s_B in seeds)


def estimate(values_S: Sequence[float], dist_R: Floats, level: float = LEVEL) -> Estimate:
    """Return the value on all users, its percentile interval, and the value of each seed."""
    return Estimate(float(np.mean(values_S)), *interval(dist_R, level), tuple(values_S))


def interval(dist_R: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval; NaN where more than 5 % of the resamples have no value."""
    if not 0 < level < 1:
        raise UsageError(f"level must be between 0 and 1, got {level}")
    known = dist_R[~np.isnan(dist_R)]
    if len(known) < 0.95 * len(dist_R):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    ours: float,
    theirs: float,
    ours_R: Floats,
    theirs_R: Floats,
    *,
    higher_is_better: bool = True,
    level: float = LEVEL,
) -> Difference:
    """Return ours less theirs, with interval and p from the same resamples of both.

    Means over tasks go the same way: average values and distributions over tasks first.
    """
    if ours_R.shape != theirs_R.shape:
        raise DataError(
            f"paired distributions must have the same resamples, got {ours_R.shape} and "
            f"{theirs_R.shape}"
        )
    diff_R = ours_R - theirs_R
    low, high = interval(diff_R, level)
    verdict = decide(low, high, higher_is_better=higher_is_better)
    return Difference(ours - theirs, low, high, p_value(diff_R), verdict)


def p_value(diff_R: Floats) -> float:
    """Return twice the smaller share of resamples at or past 0, at most 1, at least 1/(R + 1)."""
    known = diff_R[~np.isnan(diff_R)]
    below, above = int((known <= 0).sum()), int((known >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(known) + 1))


def decide(low: float, high: float, *, higher_is_better: bool = True) -> Verdict:
    """Return a verdict from an interval of a difference; one without a value is a tie.

    >>> decide(0.01, 0.03), decide(-0.01, 0.03), decide(0.01, 0.03, higher_is_better=False)
    ('better', 'tie', 'worse')
    """
    if low > 0:
        return "better" if higher_is_better else "worse"
    if high < 0:
        return "worse" if higher_is_better else "better"
    return "tie"


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for being several, in the order given (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])  # 3 × .01; 2 × .03; max(2 × .03, 1 × .04)
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(len(p), 0, -1)
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(value) for value in out]


def minimal_detectable_effect(diff_R: Floats, *, level: float = LEVEL, power: float = 0.8) -> float:
    """Return the true difference that a test at ``level`` would find with ``power``.

    That is 2.8 standard errors of the paired difference at the defaults.
    """
    if not (0 < level < 1 and 0 < power < 1):
        raise UsageError(f"level and power must be between 0 and 1, got {level} and {power}")
    factor = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    return float(factor * np.nanstd(diff_R, ddof=1))


def _draw(num_users: int, num_resamples: int, generator: np.random.Generator) -> Counts:
    draws = generator.integers(0, num_users, size=(num_resamples, num_users))
    draws *= num_resamples
    draws += np.arange(num_resamples)[:, None]
    counts = np.bincount(draws.ravel(), minlength=num_users * num_resamples)
    return np.minimum(counts, 255).astype(np.uint8).reshape(num_users, num_resamples)


def _statistic(metric: str, labels_B: npt.ArrayLike, scores_B: Array) -> Statistic:
    if metric not in BINARY_METRICS:
        raise UsageError(f"no metric is called {metric!r}; {did_you_mean(metric, BINARY_METRICS)}")
    return BINARY_METRICS[metric].statistic(labels_B, scores_B)


def _seeds(scores_SB: npt.ArrayLike) -> Array:
    scores = np.asarray(scores_SB)
    if scores.ndim != 2 or not len(scores):
        raise DataError(f"scores must be one row a seed, (S, B), got the shape {scores.shape}")
    return scores
