"""The harness of class tasks: tasks × methods into the results of the honest table (P21, D12).

Shapes: none; the parts in this folder do the arithmetic.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from habitus.config import digest_of
from habitus.data.traces import Rows
from habitus.errors import GuardError
from habitus.evaluation import results
from habitus.evaluation.class_asked import PARTS, AskedClasses
from habitus.evaluation.class_plan import (
    Asked,
    ClassPlan,
    answers_itself,
    ask_all_classes,
)
from habitus.evaluation.class_predictions import (
    ClassPrediction,
    cached_classes,
    predict_classes,
)
from habitus.evaluation.class_table import ClassTable, Scores, scores
from habitus.evaluation.comparing import difference_entries, summary_entries
from habitus.evaluation.features import Method
from habitus.evaluation.halved import Halves
from habitus.evaluation.harness import Steps, one_thread, sources_of
from habitus.evaluation.vectors import FeatureStore

CODE = 1
"""Counted up when predictions of equal inputs change: kept ones are then made again."""


class Trial(NamedTuple):
    """One fit: a method on a task under a split, with the probe seed in one place."""

    task: str
    method: str
    split_seed: int
    place: int


def evaluate_classes(plan: ClassPlan) -> dict[str, Any]:
    """Return the parts of the results that follow from tasks and methods.

    Keys: format, protocol, seeds, split_seeds, split, tasks, methods, cells, differences, summary,
    notes. A task with too few users of a class is left out, with a note; so is, of one task, a
    method that cannot answer it.

    Raises:
        GuardError: a sensitive task that nobody allowed, or no task left.
        UsageError: nothing to do, a name that stands twice, or a method that cannot answer.
    """
    plan = plan.checked()
    with Halves(plan.traces, plan.folder("halves")) as halves:
        harness = _Harness(plan, ask_all_classes(plan, halves))
        plain: dict[str, Any] = results.plain(harness.run())
    return plain


class _Harness:
    """One evaluation."""

    def __init__(self, plan: ClassPlan, asked: Asked) -> None:
        self.plan, self.asked = plan, asked
        self.methods: Mapping[str, Method] = {method.name: method for method in plan.methods}
        self.stores = stores_of(plan, asked.tasks)
        self.notes = list(asked.notes)
        self.said: dict[Trial, ClassPrediction] = {}
        self.trials = self._trials()
        self.sources = sources_of([m for m in plan.methods if not answers_itself(m)])
        cutoffs = sum(len(store.users_at) for store in self.stores.values())
        steps = len(self.sources) * cutoffs + len(self.trials) + len(asked.tasks) + 1
        self.steps = Steps(plan.progress, steps)

    def run(self) -> dict[str, Any]:
        """Return the results."""
        # What trains or encodes uses all threads, one after another; probes and intervals run
        # several at once, on one thread each.
        self._compute_vectors()
        self._let_methods_answer()
        workers = max(1, min(self.plan.threads, os.cpu_count() or 1))
        with one_thread(), ThreadPoolExecutor(workers, initializer=one_thread) as pool:
            try:
                self._fit_probes(pool)
                return self._results(pool)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _trials(self) -> list[Trial]:
        """Return every fit: all seeds under the fixed split, one under each random split."""
        fixed, seeds = self.plan.split.seed, range(len(self.plan.trials.seeds))
        return [
            Trial(task.name, method, split, place)
            for task in self.asked.tasks
            for method in self.methods
            for split, place in (
                *((fixed, place) for place in seeds),
                *((split, i) for i, split in enumerate(self.plan.trials.split_seeds)),
            )
            if (task.name, split) in self.asked.splits
        ]

    def _compute_vectors(self) -> None:
        for source in self.sources:
            for store in self.stores.values():
                for cutoff in store.users_at:
                    store.vectors(source, cutoff)
                    self.steps.did(f"vectors of {source.label}")

    def _let_methods_answer(self) -> None:
        for trial in self.trials:
            if not answers_itself(self.methods[trial.method]):
                continue
            try:
                self.said[trial] = self._predict(trial)
            except GuardError as error:
                note = f"{trial.method} is left out of {trial.task}: {error}"
                self.notes += [] if note in self.notes else [note]
            self.steps.did(f"{trial.task}: {trial.method}")

    def _fit_probes(self, pool: ThreadPoolExecutor) -> None:
        wanted = [t for t in self.trials if not answers_itself(self.methods[t.method])]
        jobs = {pool.submit(self._predict, trial): trial for trial in wanted}
        for job in as_completed(jobs):
            self.said[jobs[job]] = job.result()
            self.steps.did(f"{jobs[job].task}: {jobs[job].method}")

    def _predict(self, trial: Trial) -> ClassPrediction:
        plan, method = self.plan, self.methods[trial.method]
        asked = self.asked.splits[trial.task, trial.split_seed]
        inputs = {
            "code": CODE,
            "traces": [plan.traces.digest, asked.seen.digest],
            "split": replace(plan.split, seed=trial.split_seed).to_dict(),
            "task": asked.task.to_dict(),
            "method": method.at(trial.place).fingerprint,
            "parts": [source.fingerprint for source in method.at(trial.place).sources()],
            "seed": plan.trials.seeds[trial.place % len(plan.trials.seeds)],
            "train_share": plan.trials.train_share,
        }
        folder = plan.folder("predictions")
        file = None if folder is None else folder / f"{digest_of(inputs)}.json"
        store = self.stores[asked.seen.digest]
        return cached_classes(
            file, lambda: predict_classes(asked, method, store, plan.trials, trial.place)
        )

    def _results(self, pool: ThreadPoolExecutor) -> dict[str, Any]:
        plan = self.plan
        tables = [ClassTable(task, self._fits(task), plan.resampling) for task in self.asked.tasks]
        cells = []
        for found in pool.map(self._cells, tables):
            cells += found
            self.steps.did(f"intervals of {found[0]['task']}")
        summary = summary_entries(tables, plan.methods, plan.resampling, plan.reference)
        self.steps.did("mean over tasks")
        return {
            "format": results.FORMAT,
            "protocol": plan.protocol,
            "seeds": list(plan.trials.seeds),
            "split_seeds": list(plan.trials.split_seeds),
            "split": results.split_entry(plan.split, _part_users(self.asked.tasks)),
            "tasks": [results.class_task_entry(task) for task in self.asked.tasks],
            "methods": [self._method_entry(method) for method in plan.methods],
            "cells": cells,
            "differences": difference_entries(tables, plan.methods),
            "summary": summary,
            "notes": [*self.notes, *(n for method in plan.methods for n in method.notes)],
        }

    def _fits(self, task: AskedClasses) -> dict[str, list[ClassPrediction]]:
        """Return what each method says under the fixed split; all seeds or nothing."""
        places = range(len(self.plan.trials.seeds))
        fits = {
            method: [Trial(task.name, method, self.plan.split.seed, place) for place in places]
            for method in self.methods
        }
        return {
            method: [self.said[trial] for trial in trials]
            for method, trials in fits.items()
            if all(trial in self.said for trial in trials)
        }

    def _cells(self, table: ClassTable) -> list[dict[str, Any]]:
        return [
            table.cell(method, self._splits(table.name, method.name))
            for method in self.plan.methods
            if method.name in table.fits
        ]

    def _splits(self, task: str, method: str) -> dict[int, Scores | None]:
        found: dict[int, Scores | None] = {}
        for place, seed in enumerate(self.plan.trials.split_seeds):
            said = self.said.get(Trial(task, method, seed, place))
            asked = self.asked.splits.get((task, seed))
            found[seed] = None if said is None or asked is None else scores(asked.test.y_B, said)
        return found

    def _method_entry(self, method: Method) -> dict[str, Any]:
        if answers_itself(method):
            return results.method_entry(method, None, [])
        [store, *_] = self.stores.values()
        return results.method_entry(method, store.width(method), ["multinomial"])


def stores_of(plan: ClassPlan, tasks: Sequence[AskedClasses]) -> dict[str, FeatureStore]:
    """Return the stores of the vectors that the tasks need, by digest of what may be read."""
    users: dict[str, dict[int, list[Rows]]] = {}
    seen = {task.seen.digest: task.seen for task in tasks}
    for task in tasks:
        users.setdefault(task.seen.digest, {}).setdefault(task.as_of, []).append(task.users)
    return {
        digest: FeatureStore(
            seen[digest],
            {as_of: np.unique(np.concatenate(rows)) for as_of, rows in sorted(by_cutoff.items())},
            plan.folder("vectors"),
        )
        for digest, by_cutoff in users.items()
    }


def _part_users(tasks: Sequence[AskedClasses]) -> dict[Any, Rows]:
    """Return everybody who is asked anything, by part."""
    return {
        part: np.unique(np.concatenate([getattr(task, part).users_B for task in tasks]))
        for part in PARTS
    }
