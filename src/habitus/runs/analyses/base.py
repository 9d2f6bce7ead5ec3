"""What analyses share: which set, how much of it, and what their results always say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch

from habitus.comparisons import Comparison
from habitus.config import Config, override
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import GuardError, UsageError
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.results import data_entry, machine_entry, plain, versions_entry
from habitus.probes.fine_tune import FineTuneConfig
from habitus.registry import did_you_mean
from habitus.representations.model import Model
from habitus.runs.base import Run
from habitus.runs.class_experiment import ClassExperiment
from habitus.runs.demo import DemoPlan
from habitus.runs.demo_pasum import POSTS, PostsDemo, traces_step, tuning_of, with_communities
from habitus.runs.experiment import Experiment, Show
from habitus.runs.pasum import PasumRun, pasum
from habitus.runs.steps import Json, Steps
from habitus.tasks.classes import ClassTask
from habitus.tasks.dated import DatedTask

FORMAT: Final = 1
"""Of the results of an analysis, as ``habitus.reports.analysis`` reads them."""
ALL: Final = "all"
"""In the place of a set: every set that is at hand, for analyses that say so."""


@dataclass(frozen=True, kw_only=True)
class AnalysisPlan:
    """On which set, and how much of the work.

    An analysis that needs posts and tasks asks for :attr:`posts`, which other sets do not have.

    Raises:
        GuardError: every task of a set with posts profiles people, and nobody allowed it.
        UsageError: no such set, or no such task of it.
    """

    data: str
    """A name in :data:`habitus.datasets.DATASETS`, or :data:`ALL`."""
    root: Path
    """Steps are kept below it; two analyses below one root share their pre-trainings."""
    show: Show
    card: Callable[[Model], str]
    preset: str = "ci"
    quick: bool = False
    """A few steps only: shows that everything runs, and nothing about quality."""
    seeds: int = 1
    """How often to repeat each pre-training."""
    sensitive: bool = False
    """Ask the tasks that profile people, too."""
    task: str | None = None
    """Only this question; None asks all of the set."""
    fine_tune: bool = False
    """Where an analysis can, also train encoders on each task, end to end: slow."""
    models: tuple[Path, ...] = ()
    """Model directories that are rows of their own, where an analysis has such rows."""
    settings: tuple[str, ...] = ()
    """``key=value`` of every pre-training of text graphs, ours and the paper's alike."""
    variants: tuple[str, ...] = ()
    """Of an ablation, those that stand beside ours; empty for all."""

    def __post_init__(self) -> None:
        if self.data not in (ALL, *DATASETS):
            raise UsageError(
                f"no set is called {self.data!r}; {did_you_mean(self.data, [ALL, *DATASETS])}"
            )
        # A wrong task is said before anything is read.
        assert self.data not in POSTS or self.tasks

    @property
    def posts(self) -> PostsDemo:
        """What is known of a set with posts.

        Raises:
            UsageError: the set is of another kind.
        """
        if self.data not in POSTS:
            raise UsageError(f"{self.data} is no set with posts; {did_you_mean(self.data, POSTS)}")
        return POSTS[self.data]

    @property
    def steps(self) -> Steps:
        """Where steps are kept."""
        return Steps(self.root / "steps")

    @cached_property
    def source(self) -> tuple[Traces, tuple[str, ...]]:
        """The traces of the set, ingested now or before, and its notices.

        Raises:
            UsageError: the plan is for all sets.
        """
        if self.data == ALL:
            raise UsageError("this analysis is about one set: name it with --data")
        return traces_step(self.data, self.steps, self.show)

    @property
    def traces(self) -> Traces:
        """The traces of the set."""
        return self.source[0]

    @cached_property
    def tasks(self) -> list[ClassTask]:
        """The questions that may be asked.

        Raises:
            GuardError: all of them profile people, and nobody allowed it.
            UsageError: the set has no posts, or no task of the name.
        """
        demo = self.posts
        allowed, every = self.sensitive or demo.planted, demo.tasks()
        names = [task.name for task in every]
        if self.task is not None and self.task not in names:
            raise UsageError(
                f"{self.data} has no task {self.task!r}; {did_you_mean(self.task, names)}"
            )
        wanted = [task for task in every if self.task in (None, task.name)]
        tasks = [task for task in wanted if allowed or not task.config.sensitive]
        if not tasks:
            raise GuardError(
                f"every question asked of {self.data} profiles people: allow them with "
                f"--allow-sensitive if you may do so and have a reason"
            )
        return tasks

    @property
    def run(self) -> PasumRun:
        """The run that the analysis is about."""
        return self._set(pasum("quick" if self.quick else self.preset))

    @property
    def paper(self) -> PasumRun:
        """The paper's choices at the same budget and size, of the same words of train users.

        At the paper's own size its words would be those of 1,000 occurrences, of which sets
        smaller than its own have few.
        """
        if self.quick or self.preset == "ci":
            return self._set(pasum("quick_paper" if self.quick else "paper_ci"))
        paper, ours = pasum("paper"), pasum(self.preset)
        return self._set(
            replace(
                paper,
                protocol=ours.protocol,
                vocabulary=ours.vocabulary,
                relations=replace(paper.relations, valid_share=ours.relations.valid_share),
            )
        )

    def _set(self, run: PasumRun) -> PasumRun:
        """Return a run that reads the communities of this set, with the settings of the plan."""
        return override(with_communities(run, self.posts.communities), self.settings)

    @property
    def tuning(self) -> FineTuneConfig | None:
        """How encoders are trained on each task; None where that is left out."""
        amounts = DemoPlan(preset=self.preset, quick=self.quick, fine_tune=self.fine_tune)
        return tuning_of(amounts)

    @property
    def trials(self) -> ClassTrials:
        """Seeds of probes and of random splits."""
        return ClassTrials(seeds=(0, 1), split_seeds=(1,)) if self.quick else ClassTrials()

    @property
    def resampling(self) -> Resampling:
        """How often users are drawn anew."""
        return Resampling(num_resamples=1_000) if self.quick else Resampling()

    def experiment(
        self,
        run: PasumRun,
        *,
        others: Mapping[str, tuple[PasumRun, str, str]] | None = None,
        comparisons: Sequence[Comparison] = (),
        tuning: FineTuneConfig | None = None,
        trials: ClassTrials | None = None,
    ) -> ClassExperiment:
        """Return an experiment with the tasks of the set, to be run."""
        return ClassExperiment(
            traces=self.traces,
            tasks=self.tasks,
            run=run,
            others=dict(others or {}),
            comparisons=comparisons,
            tuning=tuning,
            steps=self.steps,
            show=self.show,
            card=self.card,
            data_name=self.data,
            notices=self.source[1],
            pretrain_seeds=tuple(range(self.seeds)),
            trials=trials or self.trials,
            resampling=self.resampling,
            allow_sensitive=self.sensitive or self.posts.planted,
        )

    def dated_experiment(
        self,
        run: Run,
        tasks: Sequence[DatedTask],
        trials: ProbeTrials,
        *,
        others: Mapping[str, tuple[Run, str, str]] | None = None,
    ) -> Experiment:
        """Return an experiment with tasks at cutoffs, to be run; of a set of channels."""
        return Experiment(
            traces=self.traces,
            tasks=tasks,
            run=run,
            others=dict(others or {}),
            steps=self.steps,
            show=self.show,
            card=self.card,
            data_name=self.data,
            notices=self.source[1],
            pretrain_seeds=tuple(range(self.seeds)),
            trials=trials,
            resampling=self.resampling,
        )


@dataclass(kw_only=True)
class Answer:
    """What an analysis found; :func:`analysis_results` makes the rest."""

    findings: list[str] = field(default_factory=list)
    tables: list[Json] = field(default_factory=list)
    plots: list[Json] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def analysis_results(
    plan: AnalysisPlan,
    name: str,
    title: str,
    question: str,
    config: Config | Mapping[str, Any],
    answer: Answer,
    data: Sequence[Json] | None = None,
) -> Json:
    """Return results, format 1 of an analysis, but for the command, which is the caller's.

    Args:
        plan: of the analysis.
        name: of the analysis, in the table of analyses.
        title: of its page.
        question: what it answers.
        config: what decided the figures.
        answer: what was found.
        data: entries of the sets that were read; None for that of the plan.
    """
    entries = data or [data_entry(plan.traces, plan.data, plan.source[1])]
    results = {
        "format": FORMAT,
        "analysis": name,
        "title": title,
        "question": question,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "config": config.to_dict() if isinstance(config, Config) else dict(config),
        "preset": "quick" if plan.quick else plan.preset,
        "seeds": list(range(plan.seeds)),
        "versions": versions_entry(),
        "machine": machine_entry(torch.get_num_threads()),
        "data": list(entries),
        **vars(answer),
    }
    return dict(plain(results))


def estimate_of(cell: Mapping[str, Any], metric: str) -> Json:
    """Return a metric of a cell of an evaluation with its interval, for a table."""
    found = cell["metrics"][metric]
    return {name: found[name] for name in ("value", "low", "high")}


def named(run: PasumRun, label: str, **changes: object) -> tuple[PasumRun, str, str]:
    """Return a changed run as a further row of an experiment."""
    return replace(run, **changes), label, ""  # type: ignore[arg-type]
