"""The demo of SUPERMOE: the questions of the first demo, asked of an encoder with experts.

Beside the rows of the first demo stands the dense control: one expert, everything else the same,
at the same active operations (B-27), so that what experts are worth is a line of its own. Many
tasks at once and the capacity study are analyses (``habitus analyze seesaw`` and ``capacity``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from habitus.datasets.complete_journey import CompleteJourney
from habitus.evaluation.predictions import ProbeTrials
from habitus.representations.model import Model
from habitus.runs.demo import CHOSEN_IN_SIGHT, DATA_NAME, DemoPlan, ingest_step
from habitus.runs.demo_pasum import resampling
from habitus.runs.experiment import Experiment, Show, run_experiment
from habitus.runs.steps import Json, Steps
from habitus.runs.supermoe import dense_control, supermoe
from habitus.tasks.complete_journey import complete_journey_tasks

TITLE: Final = "What experts add to a year of groceries"
CONTROL: Final = "dense"
CONTROL_WORDS: Final = (
    "The same encoder with one expert, pre-trained in the same way (B-27): BERT over channels."
)


def run_demo_supermoe(
    root: Path, plan: DemoPlan, *, show: Show, card: Callable[[Model], str]
) -> Json:
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
    run = supermoe("quick" if plan.quick else plan.preset)
    experiment = Experiment(
        traces=traces,
        tasks=tasks,
        run=run,
        others={CONTROL: (dense_control(run), "dense control", CONTROL_WORDS)},
        steps=steps,
        show=show,
        card=card,
        data_name=DATA_NAME,
        notices=dataset.notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        trials=ProbeTrials(seeds=(0, 1)) if plan.quick else ProbeTrials(),
        resampling=resampling(plan),
        allow_sensitive=plan.sensitive,
    )
    results = run_experiment(experiment)
    results["data"]["ingest"] = ingested
    results["notes"].append(CHOSEN_IN_SIGHT)
    results["title"] = TITLE
    return results
