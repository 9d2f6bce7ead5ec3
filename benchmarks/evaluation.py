"""The evaluation of the demo on The Complete Journey: aggregates, probes, the whole table.

Vectors stand in for an encoder's: 128 random projections of the aggregates. Measured in one
run: seconds of one core for the aggregates of one cutoff and for one fit of each probe, and the
wall time of eight tasks × six methods × five seeds with all intervals.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import Entry, record
from habitus.comparisons.aggregates import Aggregates
from habitus.data.snapshot import Snapshot
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.datasets.complete_journey import CompleteJourney
from habitus.evaluation.asked import ask, labels_of
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Method, concatenated, control_methods, encoder_method
from habitus.evaluation.harness import EvaluationPlan, evaluate, one_thread, store_of
from habitus.evaluation.predictions import ProbeTrials
from habitus.probes import PROBES, Labelled
from habitus.probes.base import Matrix
from habitus.tasks.complete_journey import complete_journey_tasks

AS_OF = "2017-10-01"
WIDTH = 128


class Projected:
    """Random projections of the aggregates: vectors of an encoder's width that know something."""

    def __init__(self, aggregates: Aggregates) -> None:
        self.aggregates = aggregates
        size = (len(aggregates.feature_names), WIDTH)
        self.axes = np.random.default_rng(0).standard_normal(size).astype(np.float32)

    def encode(self, snapshot: Snapshot) -> Matrix:
        """Return the projections, ``(U, D)``."""
        return np.asarray(self.aggregates.represent(snapshot) @ self.axes / 40, np.float32)


def main(quick: bool) -> None:
    """Print and keep the figures."""
    if (missing := CompleteJourney().missing()) is not None:
        record("evaluation", [Entry(name="evaluation", measured=None, unit="s", note=missing)])
        return
    with tempfile.TemporaryDirectory() as folder:
        traces = CompleteJourney().ingest(Path(folder) / "traces")
        record("evaluation", [*parts(traces), whole(traces, quick)], quick=quick)


def methods_of(traces: Traces) -> list[Method]:
    """Return six methods, as many as the demo has."""
    train = Snapshot(traces, AS_OF, UserSplit().rows(traces, "train"))
    controls, aggregates = control_methods(train), Aggregates()
    aggregates.fit(train)
    model = Projected(aggregates)
    untrained = encoder_method("untrained", "untrained", "control", "", model, "untrained")
    ours = encoder_method("ours", "ours", "ours", "", model, "ours")
    both = concatenated("both", "both", "ours", "", ours, controls[-1])
    return [*controls, untrained, ours, both]


def parts(traces: Traces) -> list[Entry]:
    """Return the seconds of the parts, on one thread each."""
    plan = EvaluationPlan(traces=traces, tasks=complete_journey_tasks(), methods=methods_of(traces))
    users, counts = plan.users, plan.methods[2]
    assert counts.represent is not None
    everybody = Snapshot(traces, AS_OF)
    represent = counts.represent
    entries = [entry("aggregates of all households", lambda: represent(everybody), 2.0)]
    task = ask(plan.tasks[0], traces, users)
    store = store_of(plan, [task])
    train, valid = (
        Labelled(
            np.concatenate([store.take(counts, a.cutoff, a.users_B) for a in answers]),
            labels_of(answers),
        )
        for answers in (task.train, task.valid)
    )
    with one_thread():
        for name, bar in (("logistic", 1.0), ("gbdt", 1.0)):
            rows = f"{len(train.y_B):,} × {train.x_BD.shape[1]:,}"
            fit = PROBES[name]().fit
            entries.append(
                entry(f"{name} on {rows}", lambda fit=fit: fit(train, valid, 0), bar)  # type: ignore[misc]
            )
    return entries


def entry(name: str, work: Callable[[], object], bar: float) -> Entry:
    """Return the best of three times of some work."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return Entry(name=name, measured=min(times), unit="s", bar=bar, at_most=True)


def whole(traces: Traces, quick: bool) -> Entry:
    """Return the seconds of the whole table."""
    began = time.perf_counter()
    found = evaluate(
        EvaluationPlan(
            traces=traces,
            tasks=complete_journey_tasks()[: 2 if quick else None],
            methods=methods_of(traces),
            trials=ProbeTrials(seeds=(0,) if quick else (0, 1, 2, 3, 4)),
            resampling=Resampling(num_resamples=1_000 if quick else 10_000),
        )
    )
    scores = {mean["method"]: f"{mean['value']:.3f}" for mean in found["summary"]}
    name = f"{len(found['tasks'])} tasks × 6 methods × {len(found['seeds'])} seeds"
    seconds = time.perf_counter() - began
    note = f"mean AUROC {scores}"
    return Entry(name=name, measured=seconds, unit="s", bar=150, at_most=True, note=note)
