"""The harness: tasks × methods into the results of the honest table (D12).

Shapes: none; the parts in this folder do the arithmetic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Job
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from habitus.config import digest_of
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.evaluation import results
from habitus.evaluation.asked import AskedTask, PartUsers, ask, guard_sensitive, users_by_cutoff
from habitus.evaluation.binary_table import TaskTable
from habitus.evaluation.comparing import Resampling, difference_entries, summary_entries
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import Prediction, ProbeTrials, cached, predict
from habitus.evaluation.vectors import FeatureStore
from habitus.tasks.dated import DatedTask

if TYPE_CHECKING:
    from threadpoolctl import threadpool_limits

Progress = Callable[[int, int, str], None]
"""Steps done, steps in all, and what the last one was."""
CODE = 1
"""Counted up when predictions of equal inputs change: kept ones are then made again."""


@dataclass(frozen=True, kw_only=True)
class EvaluationPlan:
    """What to evaluate, and how."""

    traces: Traces
    tasks: Sequence[DatedTask]
    methods: Sequence[Method]
    """In the order of the table's rows."""
    split: UserSplit = field(default_factory=UserSplit)
    trials: ProbeTrials = field(default_factory=ProbeTrials)
    resampling: Resampling = field(default_factory=Resampling)
    reference: str = "aggregates"
    """The method that the summary measures every other one against."""
    min_positive: int = 10
    """Of either answer among test users, below which a task is left out with a note."""
    allow_sensitive: bool = False
    threads: int = 2
    cache: Path | None = None
    """Where vectors and predictions are kept, so that an interrupted evaluation goes on."""
    progress: Progress | None = None

    @property
    def users(self) -> PartUsers:
        """Rows of the users of each part."""
        return {part: self.split.rows(self.traces, part) for part in ("train", "valid", "test")}


def evaluate(plan: EvaluationPlan) -> dict[str, Any]:
    """Return the parts of the results that follow from tasks and methods.

    Keys: format, seeds, split, tasks, methods, cells, differences, summary, notes. A task that
    cannot tell methods apart is left out, with a note. Notes of methods follow.

    Raises:
        GuardError: a sensitive task that nobody allowed, or no task left.
        UsageError: a method or task name that stands twice.
    """
    _check(plan)
    tasks, notes = ask_all(plan)
    store = store_of(plan, tasks)
    steps = _steps_of(plan, len(store.users_at), len(tasks))
    # Encoders use all threads; probes and intervals run several at once, on one thread each.
    _compute_vectors(plan, store, steps)
    workers = max(1, min(plan.threads, os.cpu_count() or 1))
    with one_thread(), ThreadPoolExecutor(workers, initializer=one_thread) as pool:
        try:
            found = _evaluate(plan, tasks, store, steps, pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    notes += [note for method in plan.methods for note in method.notes]
    plain: dict[str, Any] = results.plain({**found, "notes": notes})
    return plain


def _evaluate(
    plan: EvaluationPlan,
    tasks: Sequence[AskedTask],
    store: FeatureStore,
    steps: Steps,
    pool: ThreadPoolExecutor,
) -> dict[str, Any]:
    predictions = _predict_all(plan, tasks, store, steps, pool)
    tables = [TaskTable(task, predictions, plan.traces, plan.resampling) for task in tasks]
    cells = []
    for task_cells in pool.map(lambda table: [table.cell(m) for m in plan.methods], tables):
        cells += task_cells
        steps.did(f"intervals of {task_cells[0]['task']}")
    summary = summary_entries(tables, plan.methods, plan.resampling, plan.reference)
    steps.did("mean over tasks")
    return {
        "format": results.FORMAT,
        "seeds": list(plan.trials.seeds),
        "split": results.split_entry(plan.split, plan.users),
        "tasks": [results.task_entry(task) for task in tasks],
        "methods": [
            results.method_entry(
                method,
                store.width(method),
                [] if method.predicts is not None else method.probes,
            )
            for method in plan.methods
        ],
        "cells": cells,
        "differences": difference_entries(tables, plan.methods),
        "summary": summary,
    }


def one_thread() -> threadpool_limits:
    """Hold the calling thread's numerical libraries to one thread each; undone on leaving.

    OpenMP keeps its limit per thread, so each worker calls this; BLAS keeps one for all.
    """
    # What is not loaded yet would not be limited: scikit-learn brings an OpenMP of its own.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


class Steps:
    """Counts what is done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.done, self.total = progress, 0, total

    def did(self, what: str) -> None:
        """Count one step, and say which."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total, what)


def _steps_of(plan: EvaluationPlan, num_cutoffs: int, num_tasks: int) -> Steps:
    vectors = len(sources_of(plan.methods)) * num_cutoffs
    return Steps(plan.progress, vectors + num_tasks * (len(plan.methods) + 1) + 1)


def check_names(methods: Sequence[Method], tasks: Sequence[str]) -> None:
    """Raise :class:`UsageError` where there is nothing to do, or a name stands twice."""
    if not methods or not tasks:
        raise UsageError("an evaluation needs at least one method and one task")
    for what, names in (("method", [m.name for m in methods]), ("task", list(tasks))):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"two {what}s are called {twice[0]!r}; give each its own name")


def _check(plan: EvaluationPlan) -> None:
    check_names(plan.methods, [task.name for task in plan.tasks])
    if not plan.trials.seeds:
        raise UsageError("an evaluation needs at least one probe seed")
    for method in plan.methods:
        if method.predicts is None and not method.at(0).sources():
            raise UsageError(f"method {method.name!r} answers class tasks only: leave it out here")
    if numbers := [task.name for task in plan.tasks if task.is_number]:
        raise UsageError(
            f"{', '.join(numbers)}: an evaluation asks yes or no, and these ask for numbers; "
            f"'habitus analyze seesaw' asks both kinds of its sets"
        )
    guard_sensitive(plan.tasks, allowed=plan.allow_sensitive)


def ask_all(plan: EvaluationPlan) -> tuple[list[AskedTask], list[str]]:
    """Return the tasks that can tell methods apart, and a note for each that cannot.

    Raises:
        GuardError: no task is left.
    """
    tasks, notes, users = [], [], plan.users
    for dated in plan.tasks:
        try:
            tasks.append(ask(dated, plan.traces, users, min_positive=plan.min_positive))
        except GuardError as error:
            notes.append(str(error))
    if not tasks:
        raise GuardError("no task is left to evaluate: " + "; ".join(notes))
    return tasks, notes


def store_of(plan: EvaluationPlan, tasks: Sequence[AskedTask]) -> FeatureStore:
    """Return the store of the vectors that the tasks need."""
    return FeatureStore(plan.traces, users_by_cutoff(tasks), _folder(plan, "vectors"))


def _folder(plan: EvaluationPlan, name: str) -> Path | None:
    return None if plan.cache is None else plan.cache / name


def sources_of(methods: Sequence[Method]) -> list[Method]:
    """Return what makes vectors, each once: a part may also be a method of its own."""
    sources = [source for method in methods for source in method.sources()]
    return list({source.fingerprint: source for source in sources}.values())


def _compute_vectors(plan: EvaluationPlan, store: FeatureStore, steps: Steps) -> None:
    for source in sources_of(plan.methods):
        for cutoff in store.users_at:
            store.vectors(source, cutoff)
            steps.did(f"vectors of {source.label}")


def _predict_all(
    plan: EvaluationPlan,
    tasks: Sequence[AskedTask],
    store: FeatureStore,
    steps: Steps,
    pool: ThreadPoolExecutor,
) -> dict[tuple[str, str], Prediction]:
    jobs: dict[Job[Prediction], tuple[str, str]] = {}
    for task in tasks:
        for method in plan.methods:
            job = pool.submit(_predict_one, plan, task, method, store)
            jobs[job] = (task.name, method.name)
    made: dict[tuple[str, str], Prediction] = {}
    for job in as_completed(jobs):
        made[jobs[job]] = job.result()
        steps.did(f"{jobs[job][0]}: {jobs[job][1]}")
    return made


def _predict_one(
    plan: EvaluationPlan, task: AskedTask, method: Method, store: FeatureStore
) -> Prediction:
    folder = _folder(plan, "predictions")
    inputs = {
        "code": CODE,
        "traces": plan.traces.digest,
        "split": plan.split.to_dict(),
        "task": task.dated.to_dict(),
        "method": method.fingerprint,
        "probes": list(method.probes),
        "seeds": list(plan.trials.seeds),
        "train_share": plan.trials.train_share,
    }
    file = None if folder is None else folder / f"{digest_of(inputs)}.json"
    return cached(file, lambda: predict(task, method, store, plan.trials))
