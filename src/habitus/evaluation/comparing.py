"""Predictions into the honest table: intervals, differences, strata, the mean over tasks (D4, D6).

Within a task users are resampled stratified by label, once for all methods, so every difference is
paired. For the mean over tasks, users are resampled jointly: a resample draws the same households
for all tasks, whose labels differ, so it is not stratified.

Shapes: U test users, B test rows of a task, S seeds, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.asked import AskedTask
from habitus.evaluation.bootstrap import (
    Counts,
    Difference,
    Estimate,
    estimate,
    holm,
    interval,
    metric_distribution,
    metric_values,
    paired_difference,
    resample_counts,
    user_strata,
)
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import Prediction
from habitus.evaluation.results import calibration_entry
from habitus.evaluation.strata import strata_of
from habitus.metrics import BINARY_METRICS
from habitus.random import numpy_generator

Floats = npt.NDArray[np.float64]
Predictions = Mapping[tuple[str, str], Prediction]
"""(task, method) → what it says."""
MIN_IN_STRATUM = 5
"""Of either answer, below which a stratum has no AUROC worth printing."""


@dataclass(frozen=True, kw_only=True)
class Resampling:
    """How often users are drawn anew."""

    num_resamples: int = 10_000
    num_resamples_beside: int = 2_000
    """For what no claim rests on: metrics beside the main score, and strata."""
    seed: int = 0


class TaskTable:
    """One task: all methods on the same resamples."""

    def __init__(
        self, task: AskedTask, predictions: Predictions, traces: Traces, how: Resampling
    ) -> None:
        self.task, self.predictions, self.traces, self.how = task, predictions, traces, how
        self.main_R: dict[str, Floats] = {}
        self.main: dict[str, Estimate] = {}

    @cached_property
    def counts_BR(self) -> Counts:
        """How often each resample draws each test user."""
        generator = numpy_generator(self.how.seed, "bootstrap", self.task.name)
        strata_B = user_strata(self.task.test.y_B)
        return resample_counts(strata_B, self.how.num_resamples, generator)

    @cached_property
    def strata(self) -> Mapping[str, npt.NDArray[np.bool_]]:
        """Which test users are in each stratum."""
        test = self.task.test
        found = strata_of(Snapshot(self.traces, test.cutoff, test.users_B))
        return {str(name): in_B for name, in_B in found.items()}

    def cell(self, method: Method) -> dict[str, Any]:
        """Return everything about the method in this task."""
        prediction = self.predictions[self.task.name, method.name]
        labels_B, scores_SB = self.task.test.y_B, prediction.scores_SB
        return {
            "task": self.task.name,
            "method": method.name,
            "probe": prediction.probe,
            "validation": prediction.validation,
            "metrics": {name: self._metric(name, method.name) for name in BINARY_METRICS},
            "strata": {name: self._stratum(in_B, scores_SB) for name, in_B in self.strata.items()},
            "calibration": calibration_entry(labels_B, scores_SB),
        }

    def _metric(self, metric: str, method: str) -> dict[str, Any]:
        main = metric == self.task.dated.task.main_score
        counts_BR = self.counts_BR if main else self.counts_BR[:, : self.how.num_resamples_beside]
        scores_SB = self.predictions[self.task.name, method].scores_SB
        dist_R = metric_distribution(metric, self.task.test.y_B, scores_SB, counts_BR)
        found = estimate(metric_values(metric, self.task.test.y_B, scores_SB), dist_R)
        if main:
            self.main_R[method], self.main[method] = dist_R, found
        return found._asdict()

    def _stratum(self, in_B: npt.NDArray[np.bool_], scores_SB: Floats) -> dict[str, Any]:
        y_B = self.task.test.y_B[in_B]
        num_yes = int(y_B.sum())
        entry: dict[str, Any] = {"num_users": len(y_B), "num_positive": num_yes, "auroc": None}
        if min(num_yes, len(y_B) - num_yes) >= MIN_IN_STRATUM:
            counts_BR = self.counts_BR[in_B, : self.how.num_resamples_beside]
            dist_R = metric_distribution("auroc", y_B, scores_SB[:, in_B], counts_BR)
            value = float(np.mean(metric_values("auroc", y_B, scores_SB[:, in_B])))
            low, high = interval(dist_R)
            entry["auroc"] = {"value": value, "low": low, "high": high}
        return entry


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
    tables: Sequence[TaskTable], methods: Sequence[Method]
) -> list[dict[str, Any]]:
    """Return every paired difference of the main score; p is corrected over the tasks (Holm)."""
    entries = []
    for ours, against in pairs_to_compare(methods):
        found = [_difference(table, ours, against) for table in tables]
        corrected = holm([d.p for d in found])
        entries += [
            {
                "task": table.task.name,
                "method": ours,
                "against": against,
                "metric": table.task.dated.task.main_score,
                **d._asdict(),
                "p_holm": p,
            }
            for table, d, p in zip(tables, found, corrected, strict=True)
        ]
    return entries


def summary_entries(
    tables: Sequence[TaskTable],
    methods: Sequence[Method],
    predictions: Predictions,
    how: Resampling,
    reference: str,
) -> list[dict[str, Any]]:
    """Return the mean main score over tasks of each method, and its distance to the reference."""
    counts_UR, places = _joint_counts([table.task for table in tables], how)
    mean, mean_R = {}, {}
    for method in methods:
        dist = [
            metric_distribution(
                task.dated.task.main_score,
                task.test.y_B,
                predictions[task.name, method.name].scores_SB,
                counts_UR,
                places[task.name],
            )
            for task in (table.task for table in tables)
        ]
        mean_R[method.name] = np.mean(dist, axis=0)
        mean[method.name] = float(np.mean([t.main[method.name].value for t in tables]))
    score = tables[0].task.dated.task.main_score
    entries = []
    for method in methods:
        low, high = interval(mean_R[method.name])
        entry = {"method": method.name, "metric": score, "value": mean[method.name]}
        entry |= {"low": low, "high": high, "against": None}
        if reference in mean and method.name != reference:
            ours, theirs = method.name, reference
            d = paired_difference(mean[ours], mean[theirs], mean_R[ours], mean_R[theirs])
            entry["against"] = {"method": reference, **d._asdict()}
        entries.append(entry)
    return entries


def _difference(table: TaskTable, ours: str, against: str) -> Difference:
    return paired_difference(
        table.main[ours].value,
        table.main[against].value,
        table.main_R[ours],
        table.main_R[against],
        higher_is_better=BINARY_METRICS[table.task.dated.task.main_score].higher_is_better,
    )


def _joint_counts(
    tasks: Sequence[AskedTask], how: Resampling
) -> tuple[Counts, dict[str, npt.NDArray[np.int64]]]:
    """Return one draw of all test users, and the place in it of each task's users."""
    users_U = np.unique(np.concatenate([task.test.users_B for task in tasks]))
    generator = numpy_generator(how.seed, "bootstrap", "all tasks")
    strata_U = np.zeros(len(users_U), np.int64)
    counts_UR = resample_counts(strata_U, how.num_resamples, generator)
    return counts_UR, {t.name: np.searchsorted(users_U, t.test.users_B) for t in tasks}
