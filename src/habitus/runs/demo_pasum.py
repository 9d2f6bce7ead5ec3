"""The demo of PASUM: text graphs on real people's baskets, and all of it on made-up people's posts.

Two reports. *Baskets*: the words of what households of The Complete Journey bought, pre-trained by
split halves (improvements I1.3), since nobody there follows anybody; the questions are those of
the first demo. *People who post*: made-up people with posts, follows and communities, pre-trained
by follows (inter-user) and by communities (intra-user), with the six questions of the paper; what
is planted there is known, so it shows that the parts work and nothing about real people.

With ``data`` one of the real sets with posts, there is one report, on that set.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from habitus.comparisons.tfidf_linear import TfidfLinear
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import DataError, UsageError
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Method, comparison_method
from habitus.objectives.contrast import ContrastConfig
from habitus.probes.fine_tune import FineTuneConfig
from habitus.registry import did_you_mean
from habitus.representations.model import Model
from habitus.runs.class_experiment import ClassExperiment, run_class_experiment, text_comparisons
from habitus.runs.demo import DATA_NAME, DemoPlan, ingest_step
from habitus.runs.experiment import Experiment, Show, run_experiment
from habitus.runs.pasum import PasumRun, pasum
from habitus.runs.pasum_wiring import text_source
from habitus.runs.steps import Json, Steps
from habitus.tasks.classes import ClassTask
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.pasum import debate_forum_tasks, legislature_tasks, pasum_tasks

Rules = Literal["keywords", "tags"]
RUNGS: Final = ("tfidf_linear", "wide_mlp")
"""What a claim about graphs of words has to beat (improvements I1)."""
TUNED_RUNGS: Final = ("deep_sets", "gin")
"""Graph encoders without pre-training, trained on each task."""
SHORT: Final = FineTuneConfig(
    learning_rates=(1e-3,), weight_decays=(0.0,), max_epochs=12, patience=4
)
"""Fine-tuning in the minutes of two cores; other presets have the grid of A-P22."""
COUNTS_IN_SIGHT: Final = (
    "The features of the aggregates were chosen while scores of these same test households were in "
    "sight: they are a little flattered."
)
PAPER_WORDS: Final = "PASUM as the paper has it, at this budget: sums, raw triplets, eq. 8."


@dataclass(frozen=True, kw_only=True)
class PostsDemo:
    """A set with posts: its questions, and how its communities are read."""

    title: str
    tasks: Callable[[], Sequence[ClassTask]]
    communities: Rules
    planted: bool = False
    """Made up: every task may be asked."""


POSTS: Final[Mapping[str, PostsDemo]] = {
    "synthetic_posts": PostsDemo(
        title="Made-up people who post: six questions with planted answers",
        tasks=pasum_tasks,
        communities="keywords",
        planted=True,
    ),
    "debate_forum_in_order": PostsDemo(
        title="What debaters wrote says where they will write",
        tasks=lambda: debate_forum_tasks(in_order=True),
        communities="tags",
    ),
    "debate_forum": PostsDemo(
        title="What debaters wrote, up to a day",
        tasks=debate_forum_tasks,
        communities="tags",
    ),
    "legislature": PostsDemo(
        title="What members of a parliament said",
        tasks=legislature_tasks,
        communities="tags",
    ),
}
BASKETS: Final = "complete_journey"


def run_demo_pasum(
    root: Path, plan: DemoPlan, *, show: Show, card: Callable[[Model], str], data: str | None = None
) -> Iterator[tuple[str, Json]]:
    """Yield the name and the results of each report; steps are kept below ``root`` and reused.

    Args:
        root: where steps are kept.
        plan: preset, seeds, whether it is quick, whether sensitive tasks are asked.
        show: told how far it is.
        card: writes the card of a model.
        data: one set; None for the two that packages alone carry.

    Raises:
        DataError: a set is not at hand.
        UsageError: no such set.
    """
    names = [BASKETS, "synthetic_posts"] if data is None else [data]
    unknown = [name for name in names if name not in (BASKETS, *POSTS)]
    if unknown:
        raise UsageError(
            f"no pasum demo is called {unknown[0]!r}; {did_you_mean(unknown[0], [BASKETS, *POSTS])}"
        )
    for name in names:
        make = _baskets if name == BASKETS else _posts(name)
        # Stages of two sets that were called alike would share one clock.
        told = show if len(names) == 1 else partial(_show_of, show, name.replace("_", " "))
        yield name, make(root, plan, told, card)


def _show_of(show: Show, name: str, stage: str, done: int, total: int, note: str) -> None:
    show(f"{name}: {stage}", done, total, note)


def basket_run(preset: str) -> PasumRun:
    """Return a run for sets without follows: split halves only."""
    run = pasum(preset)
    contrast = ContrastConfig(inter_weight=0.0, half_weight=1.0)
    relations = replace(run.relations, negatives="uniform")
    return replace(run, triplet=None, contrast=contrast, relations=relations)


def _baskets(root: Path, plan: DemoPlan, show: Show, card: Callable[[Model], str]) -> Json:
    from habitus.datasets.complete_journey import CompleteJourney

    steps, dataset = Steps(root / "steps"), CompleteJourney()
    traces, ingested = ingest_step(dataset, steps, show)
    run = basket_run("quick" if plan.quick else plan.preset)
    tasks = complete_journey_tasks()
    if plan.sensitive:
        tasks = [*tasks, *complete_journey_tasks(sensitive=True)]

    def rungs(train: Snapshot) -> Sequence[Method]:
        text = text_source(traces, run, steps.folder("work", {"traces": traces.digest}))
        tfidf = TfidfLinear(text=text)
        tfidf.fit(train, 0)
        key = digest_of([traces.digest, train.as_of, train.users_U.tolist()])
        words = "TF-IDF of the same words, on its strongest directions."
        return [comparison_method(tfidf, "comparison", words, key)]

    experiment = Experiment(
        traces=traces,
        tasks=tasks,
        run=run,
        steps=steps,
        show=show,
        card=card,
        data_name=DATA_NAME,
        notices=dataset.notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        resampling=resampling(plan),
        allow_sensitive=plan.sensitive,
        more_methods=rungs,
    )
    results = run_experiment(experiment)
    results["data"]["ingest"] = ingested
    results["notes"].append(COUNTS_IN_SIGHT)
    results["title"] = "What the words of a year's baskets say about the next months"
    return results


def _posts(name: str) -> Callable[[Path, DemoPlan, Show, Callable[[Model], str]], Json]:
    def run(root: Path, plan: DemoPlan, show: Show, card: Callable[[Model], str]) -> Json:
        return run_posts(name, root, plan, show, card)

    return run


def run_posts(
    name: str, root: Path, plan: DemoPlan, show: Show, card: Callable[[Model], str]
) -> Json:
    """Return the results on one set with posts."""
    demo, steps = POSTS[name], Steps(root / "steps")
    traces, notices = traces_step(name, steps, show)
    preset = "quick" if plan.quick else plan.preset
    run = with_communities(pasum(preset), demo.communities)
    paper = with_communities(pasum("quick_paper" if plan.quick else "paper_ci"), demo.communities)
    allowed = plan.sensitive or demo.planted
    tasks = [task for task in demo.tasks() if allowed or not task.config.sensitive]
    text = text_source(traces, run, steps.folder("work", {"traces": traces.digest}))
    tuning = tuning_of(plan)
    # What is planted needs no second bag of words, and thousands of users make each one slow.
    rungs = [
        *(RUNGS[:1] if plan.quick or demo.planted else RUNGS),
        *([] if tuning is None else TUNED_RUNGS),
    ]
    experiment = ClassExperiment(
        traces=traces,
        tasks=tasks,
        run=run,
        others={"paper": (paper, "PASUM (paper)", PAPER_WORDS)},
        comparisons=text_comparisons(rungs, text, tuning),
        tuning=tuning,
        steps=steps,
        show=show,
        card=card,
        data_name=name,
        notices=notices,
        pretrain_seeds=tuple(range(plan.seeds)),
        trials=ClassTrials(seeds=(0, 1), split_seeds=(1, 2)) if plan.quick else ClassTrials(),
        resampling=resampling(plan),
        allow_sensitive=allowed,
    )
    return {**run_class_experiment(experiment), "title": demo.title}


def with_communities(run: PasumRun, rule: Rules) -> PasumRun:
    """Return the run with tags read as keywords of domains, or as domains themselves."""
    return replace(run, communities=replace(run.communities, rule=rule))


def tuning_of(plan: DemoPlan) -> FineTuneConfig | None:
    """Return how encoders are trained on each task; None where the plan leaves that out."""
    if not plan.fine_tune:
        return None
    if plan.quick:
        return replace(SHORT, max_epochs=1)
    return SHORT if plan.preset == "ci" else FineTuneConfig()


def resampling(plan: DemoPlan) -> Resampling:
    """Return how often users are drawn anew."""
    return Resampling(num_resamples=1_000) if plan.quick else Resampling()


def traces_step(name: str, steps: Steps, show: Show) -> tuple[Traces, tuple[str, ...]]:
    """Return the traces of a named set, ingested now or reused, and its notices.

    Raises:
        DataError: the set is not at hand; the message says how to get it.
    """
    dataset = DATASETS[name]()
    problem = dataset.missing()
    if problem is not None:
        raise DataError(problem)

    def make(folder: Path) -> dict[str, Any]:
        # Traces are written whole: a folder that is there was finished just before an interrupt.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        return {"events": dataset.ingest(folder / "traces").num_events}

    show("ingest", 0, 1, dataset.description)
    folder, facts = steps.run("traces", {"dataset": name}, make)
    show("ingest", 1, 1, f"{facts['events']:,} events")
    return Traces(folder / "traces"), dataset.notices
