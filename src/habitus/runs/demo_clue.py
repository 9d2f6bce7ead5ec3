"""The demo of CLUE: what households buy as groceries and as general merchandise, two services.

An item text encoder learns to tell a household on one service from its purchases on the other, and
the questions are those of the first demo: what a year's purchases say about the next months. From
packages alone. Whether people are found again across services, and what they turn to next, are
analyses of their own (``habitus analyze matching``, ``habitus analyze next_item``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from habitus.comparisons.tfidf_linear import TfidfLinear
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.evaluation.features import Method, comparison_method
from habitus.evaluation.predictions import ProbeTrials
from habitus.representations.model import Model
from habitus.runs.clue import ClueRun, clue
from habitus.runs.demo import DATA_NAME, DemoPlan, ingest_counts
from habitus.runs.demo_pasum import COUNTS_IN_SIGHT, basket_run, resampling, traces_step
from habitus.runs.experiment import Experiment, Show, run_experiment
from habitus.runs.pasum_wiring import text_source
from habitus.runs.steps import Json, Steps
from habitus.tasks.complete_journey import complete_journey_tasks

HOUSEHOLDS: Final = "complete_journey_services"
Page = Callable[[Path, DemoPlan, Show, Callable[[Model], str]], Json]


def run_demo_clue(
    root: Path, plan: DemoPlan, *, show: Show, card: Callable[[Model], str]
) -> Iterator[tuple[str, Json]]:
    """Yield the name and the results of each page; steps are kept below ``root`` and reused.

    Raises:
        DataError: the package with the data is missing, or another release.
    """
    for name, page in PAGES.items():
        yield name, page(root, plan, show, card)


def household_run(preset: str) -> ClueRun:
    """Return a run for few people with long histories: a quarter of the users at a time."""
    run = clue(preset)
    return replace(run, pairs=replace(run.pairs, batch_users=min(256, run.pairs.batch_users)))


def households(root: Path, plan: DemoPlan, show: Show, card: Callable[[Model], str]) -> Json:
    """Return the results on The Complete Journey, its departments as two services."""
    steps = Steps(root / "steps")
    traces, notices = traces_step(HOUSEHOLDS, steps, show)
    preset = "quick" if plan.quick else plan.preset
    tasks = complete_journey_tasks()
    if plan.sensitive:
        tasks = [*tasks, *complete_journey_tasks(sensitive=True)]

    def rungs(train: Snapshot) -> Sequence[Method]:
        # The words of the same item texts, as a bag.
        work = steps.folder("work", {"traces": traces.digest})
        words = basket_run("quick" if plan.quick else "ci")
        tfidf = TfidfLinear(text=text_source(traces, words, work))
        tfidf.fit(train, 0)
        key = digest_of([traces.digest, train.as_of, train.users_U.tolist()])
        remark = "TF-IDF of the same item texts, on its strongest directions."
        return [comparison_method(tfidf, "comparison", remark, key)]

    experiment = Experiment(
        traces=traces,
        tasks=tasks,
        run=household_run(preset),
        steps=steps,
        show=show,
        card=card,
        data_name=f"{DATA_NAME}, two services",
        notices=notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        trials=ProbeTrials(seeds=(0, 1)) if plan.quick else ProbeTrials(),
        resampling=resampling(plan),
        allow_sensitive=plan.sensitive,
        more_methods=rungs,
    )
    results = run_experiment(experiment)
    results["data"]["ingest"] = ingest_counts(traces)
    results["notes"].append(COUNTS_IN_SIGHT)
    results["title"] = "What purchases on two services say about the next months"
    return results


PAGES: Final[Mapping[str, Page]] = {HOUSEHOLDS: households}
"""The pages of the demo, by their set: one more is one more line."""
