"""Experiment: traces, tasks and a run into the results of the honest table, in resumable steps.

Pre-training reads train users before the earliest test cutoff, so that nothing that any test asks
about was seen. The same probes answer for every method (D5).

Shapes: U users, D representation width.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import Future
from habitus.data.traces import Rows, Traces
from habitus.evaluation.canaries import run_canaries
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Method, concatenated, control_methods
from habitus.evaluation.harness import EvaluationPlan, evaluate
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.results import data_entry, machine_entry, plain, versions_entry
from habitus.representations.model import Model
from habitus.runs.base import Run
from habitus.runs.model_rows import ModelRows, map_entry, with_events
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.routing import routing_entries
from habitus.runs.routing_agreement import agreement_entries
from habitus.runs.steps import Json, Steps
from habitus.tasks.dated import DatedTask

Show = Callable[[str, int, int, str], None]
"""Gets the stage, how much of it is done, how much there is, and a remark."""

MoreMethods = Callable[[Snapshot], Sequence[Method]]
"""Gets the training snapshot and returns further rows of the table."""

BOTH = "The vector and the counts, side by side."


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is run, and where its steps are kept."""

    traces: Traces
    tasks: Sequence[DatedTask]
    run: Run
    others: Mapping[str, tuple[Run, str, str]] = field(default_factory=dict)
    """Further pre-trained rows: name → run, label and description."""
    steps: Steps
    show: Show
    card: Callable[[Model], str]
    """Writes the card of a model directory."""
    data_name: str
    notices: Sequence[str] = ()
    pretrain_seeds: tuple[int, ...] = (0,)
    trials: ProbeTrials = field(default_factory=ProbeTrials)
    resampling: Resampling = field(default_factory=Resampling)
    allow_sensitive: bool = False
    threads: int = 2
    more_methods: MoreMethods | None = None

    @property
    def work(self) -> Path:
        """Where runs keep what they make of the traces."""
        return self.steps.folder("work", {"traces": self.traces.digest})

    @property
    def as_of(self) -> str:
        """The cutoff of pre-training: the earliest test cutoff of any task."""
        return format_time(min(task.cutoffs.test_time for task in self.tasks))


def run_experiment(experiment: Experiment) -> Json:
    """Return results, format 1, but for command and title, which are the caller's.

    Interrupted, it goes on where it was when it is run again with the same arguments.

    Raises:
        GuardError: a sensitive task that nobody allowed, or no task left.
    """
    made = [pretrained(experiment, seed) for seed in experiment.pretrain_seeds]
    rows = model_rows(experiment, [model for model, _ in made])
    others = [_other_row(experiment, name) for name in experiment.others]
    plan = EvaluationPlan(
        traces=experiment.traces,
        tasks=experiment.tasks,
        methods=all_methods(experiment, rows, others),
        split=experiment.run.split,
        trials=experiment.trials,
        resampling=experiment.resampling,
        allow_sensitive=experiment.allow_sensitive,
        threads=experiment.threads,
        cache=experiment.steps.folder("evaluation", {"traces": experiment.traces.digest}),
        progress=partial(experiment.show, "evaluate"),
    )
    results = evaluate(plan)
    model, facts = made[0]
    asked = first_asked(experiment.traces, experiment.tasks, plan.users["test"])
    results["split"]["as_of_pretrain"] = experiment.as_of
    results |= {
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "preset": experiment.run.preset,
        "config": _configs(experiment),
        "pretrain_seeds": list(experiment.pretrain_seeds),
        "versions": versions_entry(),
        "machine": machine_entry(torch.get_num_threads()),
        "data": data_entry(experiment.traces, experiment.data_name, experiment.notices),
        "pretraining": facts,
        "encoding": rows.encoding_entry(),
        "map": map_of_users(experiment.traces, experiment.tasks, plan.users["test"], model),
        "routing": routing_entries(model, asked),
        "routing_agreement": agreement_entries([model for model, _ in made], asked),
        "canaries": run_canaries(plan, rows.unkept()),
    }
    return dict(plain(results))


def _configs(experiment: Experiment) -> Json:
    ours = experiment.run.to_dict()
    others = {name: run.to_dict() for name, (run, *_) in experiment.others.items()}
    return {"ours": ours, **others} if others else ours


def pretrained(experiment: Experiment, seed: int, other: str | None = None) -> tuple[Model, Json]:
    """Return the model of one seed and the facts of its pre-training, made now or reused.

    Args:
        experiment: whose traces and cutoff.
        seed: of the pre-training.
        other: the row of ``experiment.others`` that is meant; None for ours.
    """
    run, label, _ = (experiment.run, "", "") if other is None else experiment.others[other]
    run = replace(run, as_of=experiment.as_of, split=experiment.run.split).with_seed(seed)
    several = len(experiment.pretrain_seeds) > 1
    label = f"pretrain {label}".strip() + (f", seed {seed}" if several else "")
    return pretrained_step(
        experiment.traces,
        run,
        experiment.steps,
        partial(experiment.show, label),
        experiment.card,
        experiment.work,
        lambda stage, done, total: experiment.show(f"{label}: {stage}", done, total, ""),
    )


def model_rows(experiment: Experiment, models: Sequence[Model]) -> ModelRows:
    """Return the rows of the table that are encoders."""
    run = replace(experiment.run, as_of=experiment.as_of)
    return ModelRows(
        traces=experiment.traces,
        steps=experiment.steps,
        models=models,
        runs=[run.with_seed(seed) for seed in experiment.pretrain_seeds],
        work=experiment.work,
    )


def _other_row(experiment: Experiment, name: str) -> Method:
    run, label, description = experiment.others[name]
    made = [pretrained(experiment, seed, name) for seed in experiment.pretrain_seeds]
    dated = replace(run, as_of=experiment.as_of, split=experiment.run.split)
    return ModelRows(
        traces=experiment.traces,
        steps=experiment.steps,
        models=[model for model, _ in made],
        runs=[dated.with_seed(seed) for seed in experiment.pretrain_seeds],
        work=experiment.work,
        name=name,
        row=(label, "comparison", description),
    ).ours()


def all_methods(
    experiment: Experiment, rows: ModelRows, others: Sequence[Method] = ()
) -> list[Method]:
    """Return the rows of the honest table (D12), fitted on the training snapshot."""
    traces = experiment.traces
    train = experiment.run.split.rows(traces, "train")
    snapshot = Snapshot(traces, experiment.as_of, train)
    majority, noise, counts = control_methods(snapshot, experiment.trials.seeds)
    more = () if experiment.more_methods is None else experiment.more_methods(snapshot)
    ours = rows.ours()
    both = concatenated("ours+aggregates", "habitus + aggregates", "ours", BOTH, ours, counts)
    return [majority, noise, *rows.controls(), counts, *more, *others, ours, both]


def first_asked(traces: Traces, tasks: Sequence[DatedTask], users_U: Rows) -> Snapshot:
    """Return those of some users who have events, at the first test cutoff."""
    first = min(tasks, key=lambda task: task.cutoffs.test_time)
    return with_events(Snapshot(traces, first.cutoffs.test, users_U))


def map_of_users(traces: Traces, tasks: Sequence[DatedTask], users_U: Rows, model: Model) -> Json:
    """Return the map of some users at the first test cutoff, coloured by the answers."""
    first = min(tasks, key=lambda task: task.cutoffs.test_time)
    snapshot = first_asked(traces, tasks, users_U)
    future = Future(traces, snapshot.as_of, first.cutoffs.horizon, snapshot.users_U)
    colors = {
        task.name: task.task.labels(future)
        for task in tasks
        if task.cutoffs.test == first.cutoffs.test and not task.task.config.sensitive
    }
    return map_entry(model, snapshot, colors)
