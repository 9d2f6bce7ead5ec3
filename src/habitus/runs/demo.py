"""The demo: one whole run on The Complete Journey, from the package to the results."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from habitus.data.traces import Traces
from habitus.datasets.complete_journey import CompleteJourney
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.predictions import ProbeTrials
from habitus.representations.model import Model
from habitus.runs.channel import channel
from habitus.runs.experiment import Experiment, Show, run_experiment
from habitus.runs.steps import Json, Steps
from habitus.tasks.complete_journey import complete_journey_tasks

DATA_NAME = "The Complete Journey"
QUICK_RESAMPLES = 1_000
CHOSEN_IN_SIGHT = (
    "The settings of the encoder (warm start, pooled channels) and the features of the aggregates "
    "were chosen while scores of these same test households were in sight: both are a little "
    "flattered, and only new households could say by how much."
)


@dataclass(frozen=True, kw_only=True)
class DemoPlan:
    """How much of the demo to run."""

    preset: str = "ci"
    quick: bool = False
    """A few steps only: shows that everything runs, and nothing about quality."""
    seeds: int = 1
    """How often to repeat the pre-training."""
    sensitive: bool = False
    """Add the demographic tasks, which profile people."""
    fine_tune: bool = False
    """Add rows that train an encoder on each task, end to end; class tasks only, and slow."""


def run_demo(root: Path, plan: DemoPlan, *, show: Show, card: Callable[[Model], str]) -> Json:
    """Return the results; steps are kept below ``root`` and reused.

    Raises:
        DataError: the package with the data is missing, or another release.
    """
    steps = Steps(root / "steps")
    dataset = CompleteJourney()
    traces, ingested = ingest_step(dataset, steps, show)
    tasks = complete_journey_tasks()
    if plan.sensitive:
        tasks = [*tasks, *complete_journey_tasks(sensitive=True)]
    experiment = Experiment(
        traces=traces,
        tasks=tasks,
        run=channel("quick" if plan.quick else plan.preset),
        steps=steps,
        show=show,
        card=card,
        data_name=DATA_NAME,
        notices=dataset.notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        trials=ProbeTrials(),
        resampling=Resampling(num_resamples=QUICK_RESAMPLES) if plan.quick else Resampling(),
        allow_sensitive=plan.sensitive,
    )
    results = run_experiment(experiment)
    results["data"]["ingest"] = ingested
    results["notes"].append(CHOSEN_IN_SIGHT)
    return results


def ingest_step(dataset: CompleteJourney, steps: Steps, show: Show) -> tuple[Traces, Json]:
    """Return the traces, ingested now or reused, and the counts of the ingest."""
    show("ingest", 0, 1, dataset.description)

    def make(folder: Path) -> Json:
        began = time.perf_counter()
        # Traces are written whole: a folder that is there was finished just before an interrupt.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        traces = dataset.ingest(folder / "traces")
        return {**ingest_counts(traces), "seconds": time.perf_counter() - began}

    problem = dataset.missing()
    if problem is not None:
        from habitus.errors import DataError

        raise DataError(problem)
    folder, facts = steps.run("traces", {"dataset": dataset.name}, make)
    show("ingest", 1, 1, f"{facts['rows']:,} events")
    return Traces(folder / "traces"), facts


def ingest_counts(traces: Traces) -> Json:
    """Return what the manifest says became of the rows: of events, and all that opted out."""
    tables = traces.manifest.source["counts"]
    counts = {name: tables["events"][name] for name in ("rows", "bad", "duplicates")}
    return {**counts, "opted_out": sum(table["opted_out"] for table in tables.values())}
