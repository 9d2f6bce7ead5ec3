"""Predictions into the honest table: intervals, differences, strata, the mean over tasks (D4, D6).

Within a task users are resampled stratified by label, once for all methods, so every difference is
paired. For the mean over tasks, users are resampled jointly: a resample draws the same people for
all tasks, whose labels differ, so it is not stratified.

Shapes: U test users, B test rows of a task, S seeds, R resamples.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    distribution,
    estimate,
    holm,
    interval,
    paired_difference,
    resample_counts,
)
from habitus.evaluation.features import Method
from habitus.evaluation.strata import strata_of
from habitus.metrics import Metric, Statistic
from habitus.random import numpy_generator

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]
BEFORE_TRAINING = ("untrained", "warm_start")
"""The controls that say what pre-training adds."""
MIN_IN_STRATUM = 5
"""Of each answer, below which a stratum has no score worth printing."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How often users are drawn anew."""

    num_resamples: int = 10_000
    num_resamples_beside: int = 2_000
    """For what no claim rests on: metrics beside the main score, and strata."""
    seed: int = 0


class ScoreTable(ABC):
    """One task: all methods on the same resamples."""

    metrics: ClassVar[Mapping[str, Metric]]
    """What each cell holds."""
    main_score: str

    def __init__(self, name: str, test: Snapshot, classes_B: Classes, how: Resampling) -> None:
        self.name, self.test, self.classes_B, self.how = name, test, classes_B, how
        self.main_R: dict[str, Floats] = {}
        self.main: dict[str, Estimate] = {}
        """By method; one that was left out of this task is not there."""

    @cached_property
    def counts_BR(self) -> Counts:
        """How often each resample draws each test user; each class keeps its size."""
        generator = numpy_generator(self.how.seed, "bootstrap", self.name)
        return resample_counts(self.classes_B, self.how.num_resamples, generator)

    @cached_property
    def strata(self) -> Mapping[str, npt.NDArray[np.bool_]]:
        """Which test users are in each stratum."""
        return {str(name): in_B for name, in_B in strata_of(self.test).items()}

    @abstractmethod
    def statistics(self, metric: str, method: str, rows: Rows | None = None) -> list[Statistic]:
        """Return the metric as a function of weights, for each seed; of some test users only."""

    def values(self, metric: str, method: str, rows: Rows | None = None) -> tuple[float, ...]:
        """Return the metric of each seed on the users as they are."""
        ones_B1 = np.ones((self.test.num_users if rows is None else len(rows), 1))
        return tuple(float(s(ones_B1)[0]) for s in self.statistics(metric, method, rows))

    def metric_entries(self, method: str) -> dict[str, Any]:
        """Return every metric with its interval; keep the main score for what compares."""
        return {metric: self._metric(metric, method) for metric in self.metrics}

    def _metric(self, metric: str, method: str) -> dict[str, Any]:
        main = metric == self.main_score
        counts_BR = self.counts_BR if main else self.counts_BR[:, : self.how.num_resamples_beside]
        dist_R = distribution(self.statistics(metric, method), counts_BR, self.test.num_users)
        found = estimate(self.values(metric, method), dist_R)
        if main:
            self.main_R[method], self.main[method] = dist_R, found
        return found._asdict()

    def stratum_estimate(self, in_B: npt.NDArray[np.bool_], method: str) -> dict[str, Any] | None:
        """Return the main score of a stratum; None where a class is too rare in it."""
        rows = np.flatnonzero(in_B)
        sizes = np.bincount(self.classes_B[rows], minlength=self.num_classes)
        if sizes.min() < MIN_IN_STRATUM:
            return None
        counts_BR = self.counts_BR[rows, : self.how.num_resamples_beside]
        statistics = self.statistics(self.main_score, method, rows)
        low, high = interval(distribution(statistics, counts_BR, len(rows)))
        value = float(np.mean(self.values(self.main_score, method, rows)))
        return {"value": value, "low": low, "high": high}

    @property
    def num_classes(self) -> int:
        """How many answers there are."""
        return 2

    @property
    def higher_is_better(self) -> bool:
        """Which way the main score points."""
        return self.metrics[self.main_score].higher_is_better


def pairs_to_compare(methods: Sequence[Method]) -> list[tuple[str, str]]:
    """Return (ours, against): each of ours with each other method, two of ours once."""
    return [
        (ours.name, other.name)
        for i, ours in enumerate(methods)
        if ours.group == "ours"
        for j, other in enumerate(methods)
        if other.group != "ours" or j < i
    ]


def difference_entries(
    tables: Sequence[ScoreTable], methods: Sequence[Method]
) -> list[dict[str, Any]]:
    """Return every paired difference of the main score; p is corrected over the tasks (Holm)."""
    entries = []
    for ours, against in pairs_to_compare(methods):
        both = [table for table in tables if {ours, against} <= table.main.keys()]
        found = [_difference(table, ours, against) for table in both]
        corrected = holm([d.p for d in found])
        entries += [
            {
                "task": table.name,
                "method": ours,
                "against": against,
                "metric": table.main_score,
                **d._asdict(),
                "p_holm": p,
            }
            for table, d, p in zip(both, found, corrected, strict=True)
        ]
    return entries


def summary_entries(
    tables: Sequence[ScoreTable], methods: Sequence[Method], how: Resampling, reference: str
) -> list[dict[str, Any]]:
    """Return the mean main score over tasks of each method, and its distance to the reference.

    A method that was left out of a task has no mean that could be held against others. ``against``
    is the distance to the reference; ``beside``, of ours, those to all other comparisons and to the
    same encoder before training.
    """
    named = [m for m in methods if all(m.name in table.main for table in tables)]
    mean = {m.name: float(np.mean([t.main[m.name].value for t in tables])) for m in named}
    mean_R = _means_over_resamples(tables, [m.name for m in named], how)

    def distance(name: str, against: str) -> dict[str, Any]:
        d = paired_difference(mean[name], mean[against], mean_R[name], mean_R[against])
        return {"method": against, **d._asdict()}

    entries = []
    for method in named:
        name, (low, high) = method.name, interval(mean_R[method.name])
        entry: dict[str, Any] = {"method": name, "metric": tables[0].main_score}
        entry |= {"value": mean[name], "low": low, "high": high, "against": None}
        if reference in mean and name != reference:
            entry["against"] = distance(name, reference)
        if method.group == "ours":
            others = [m.name for m in named if m.group == "comparison" or m.name in BEFORE_TRAINING]
            entry["beside"] = [distance(name, other) for other in others if other != reference]
        entries.append(entry)
    return entries


def _means_over_resamples(
    tables: Sequence[ScoreTable], names: Sequence[str], how: Resampling
) -> dict[str, Floats]:
    """Return the mean over tasks of each method in each resample, ``(R)``."""
    if len(tables) == 1:
        # The mean over one task is that task, its resamples included.
        return {name: tables[0].main_R[name] for name in names}
    counts_UR, places = _joint_counts(tables, how)
    return {
        name: np.mean(
            [
                distribution(
                    table.statistics(table.main_score, name),
                    counts_UR,
                    table.test.num_users,
                    places[table.name],
                )
                for table in tables
            ],
            axis=0,
        )
        for name in names
    }


def _difference(table: ScoreTable, ours: str, against: str) -> Difference:
    return paired_difference(
        table.main[ours].value,
        table.main[against].value,
        table.main_R[ours],
        table.main_R[against],
        higher_is_better=table.higher_is_better,
    )


def _joint_counts(tables: Sequence[ScoreTable], how: Resampling) -> tuple[Counts, dict[str, Rows]]:
    """Return one draw of all test users, and the place in it of each task's users."""
    users_U = np.unique(np.concatenate([table.test.users_U for table in tables]))
    generator = numpy_generator(how.seed, "bootstrap", "all tasks")
    strata_U = np.zeros(len(users_U), np.int64)
    counts_UR = resample_counts(strata_U, how.num_resamples, generator)
    return counts_UR, {t.name: np.searchsorted(users_U, t.test.users_U) for t in tables}
