"""Known answers about matching: linear CCA as it was measured elsewhere, on the sets at hand.

The recipe is plain: TF-IDF of plain counts, 400 singular vectors, a ridge as large as the mean
variance, 25 variates that count alike. What was measured elsewhere was not tuned either, and its
settings are not known, so ours need only be as good, within the error of people drawn anew. CCA
with settings chosen on validation users is better on all three sets; it is what an encoder has to
beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from habitus.comparisons.cca_matching import plain_cca
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.known_answers import Answer, NotRunError
from habitus.evaluation.matching import METRICS, MatchingTable, MatchingTask
from habitus.evaluation.matching_pool import MatchingPool
from habitus.evaluation.matching_split import MatchingSplit
from habitus.metrics import hit_rate, mrr

ERRORS: Final = 3.0
"""Standard errors that ours may be off."""


def matching_by_chance() -> Iterable[Answer]:
    """Of 1,000 who are all as near, the tenth best hold the right one once in a hundred."""
    tied = np.full(1, 999)
    harmonic = float((1 / np.arange(1, 1001)).mean())
    source = "closed form: the rank is uniform on 1 … 1,000"
    yield Answer("R@1, chance", hit_rate([0], tied, 1), 1 / 1_000, 1e-9, source)
    yield Answer("R@10, chance", hit_rate([0], tied, 10), 10 / 1_000, 1e-9, source)
    yield Answer("MRR, chance", mrr([0], tied), harmonic, 1e-9, source)


def cca_art_office() -> Iterable[Answer]:
    """Linear CCA among the 1,000 test users of Amazon Arts and Office."""
    yield from _measured("art_office", 1_000, (0.024, 0.107, 0.054))


def cca_food_kitchen() -> Iterable[Answer]:
    """Linear CCA among 1,000 valid and test users of Amazon Grocery and Kitchen."""
    yield from _measured("food_kitchen", 1_000, (0.013, 0.064, 0.036))


def cca_complete_journey() -> Iterable[Answer]:
    """Linear CCA among 500 test households of The Complete Journey, food against the rest."""
    yield from _measured("complete_journey_services", 500, (0.038, 0.156, 0.084))


def _measured(name: str, size: int, expected: Sequence[float]) -> Iterable[Answer]:
    from habitus.datasets import DATASETS

    dataset = DATASETS[name]()
    if reason := dataset.missing():
        raise NotRunError(reason)
    with TemporaryDirectory() as folder:
        traces = dataset.ingest(Path(folder) / "traces")
        yield from cca_answers(traces, MatchingSplit(pool=size), expected)


def cca_answers(
    traces: Traces, split: MatchingSplit, expected: Sequence[float]
) -> Iterable[Answer]:
    """Yield each metric of plain CCA beside what was measured elsewhere."""
    train = Snapshot(traces, None, split.pairs(traces))
    task = MatchingTask(MatchingPool.draw(traces, split).snapshot(traces))
    how = Resampling(num_resamples=1_000)
    table = MatchingTable({"cca": [task.match(plain_cca(train))]}, how)
    source = f"measured elsewhere; {ERRORS:g} standard errors over users"
    for metric, value in zip(METRICS, expected, strict=True):
        found = table.estimate("cca", metric)
        # A 95 % interval is 2 × 1.96 standard errors wide.
        error = (found.high - found.low) / (2 * 1.96)
        yield Answer(f"{metric}, linear CCA", found.value, value, ERRORS * error, source)
