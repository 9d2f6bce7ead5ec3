"""The bootstrap of the evaluation against scikit-learn's metrics in a loop over resamples.

One task, one method, one seed, the test households of the demo: 617 users. The loop is timed on
few resamples and scaled: 10,000 would take minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.harness import Entry, record
from habitus.evaluation.bootstrap import (
    NUM_RESAMPLES,
    Counts,
    metric_distribution,
    resample_counts,
)
from habitus.metrics.arrays import Floats

NUM_USERS = 617
SLOW: dict[str, Callable[..., float]] = {
    "auroc": roc_auc_score,
    "auprc": average_precision_score,
}


def main(quick: bool) -> None:
    """Print and keep the figures."""
    generator = np.random.default_rng(0)
    entries = []
    for num_positives in (60, 300):
        labels = (np.arange(NUM_USERS) < num_positives).astype(float)
        scores = generator.normal(size=NUM_USERS) + labels
        began = time.perf_counter()
        counts_UR = resample_counts(labels, NUM_RESAMPLES, generator)
        drawing = time.perf_counter() - began
        for metric, slow in SLOW.items():
            fast = fast_seconds(metric, labels, scores, counts_UR)
            loop = loop_seconds(slow, labels, scores, counts_UR[:, : 30 if quick else 200])
            where = f"{metric}, {num_positives} positives of {NUM_USERS}"
            note = f"{NUM_RESAMPLES:,} resamples; drawing them, once a task, took {drawing:.2f} s"
            entries += [
                Entry(name=where, measured=fast, unit="s", bar=0.1, at_most=True, note=note),
                Entry(name=f"{where}, over the loop", measured=loop / fast, unit="×", bar=50),
            ]
    record("bootstrap", entries, quick=quick)


def fast_seconds(
    metric: str,
    labels: Floats,
    scores: Floats,
    counts_UR: Counts,
) -> float:
    """Return the seconds that our distribution takes, the best of three."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        metric_distribution(metric, labels, scores[None], counts_UR)
        times.append(time.perf_counter() - began)
    return min(times)


def loop_seconds(
    slow: Callable[..., float],
    labels: Floats,
    scores: Floats,
    counts_UR: Counts,
) -> float:
    """Return the seconds that scikit-learn would take for all resamples."""
    began = time.perf_counter()
    for counts_U in counts_UR.T:
        slow(labels, scores, sample_weight=counts_U)
    return float((time.perf_counter() - began) * NUM_RESAMPLES / counts_UR.shape[1])
