"""Experiment with class tasks: traces, tasks and runs into the results of the honest table.

PASUM P20-P22: users are parted 8:1:1; the encoder is pre-trained, then read frozen by a linear
probe and fine-tuned; both stand beside the systems of the paper's tables.

Shapes: U users.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from habitus.comparisons import COMPARISONS, Comparison
from habitus.comparisons.aggregates import Aggregates
from habitus.comparisons.text_comparison import TextComparison
from habitus.comparisons.text_graph_classifier import TextGraphClassifier
from habitus.config import digest_of
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.tokens import TextSource
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.evaluation.class_asked import CLASS_SPLIT, protocol_of
from habitus.evaluation.class_canaries import run_class_canaries
from habitus.evaluation.class_harness import evaluate_classes
from habitus.evaluation.class_plan import ClassPlan
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import Method, comparison_method
from habitus.evaluation.fine_tuned import FineTunedModel
from habitus.evaluation.results import data_entry, machine_entry, plain, versions_entry
from habitus.probes.fine_tune import FineTuneConfig
from habitus.representations.model import Model
from habitus.runs.base import Run
from habitus.runs.experiment import Show
from habitus.runs.model_rows import ENCODERS, ModelRows, map_entry, with_events
from habitus.runs.pretrain_step import pretrained_step
from habitus.runs.steps import Json, Steps
from habitus.tasks.classes import ClassTask

FINE_TUNED = "Each task trains a copy of the encoder with a linear head on it, end to end (P20)."
TUNED_NAME = "ours_tuned"


@dataclass(frozen=True, kw_only=True)
class ClassExperiment:
    """What is run, and where its steps are kept."""

    traces: Traces
    tasks: Sequence[ClassTask]
    run: Run
    """Ours; its split and cutoff are set to those of the tasks."""
    others: Mapping[str, tuple[Run, str, str]] = field(default_factory=dict)
    """Further pre-trained rows: name → run, label and description."""
    comparisons: Sequence[Comparison] = ()
    """Not yet fitted; they are, on the training snapshot."""
    tuning: FineTuneConfig | None = None
    """How ours is fine-tuned on each task (P20); None leaves that row out."""
    steps: Steps
    show: Show
    card: Callable[[Model], str]
    """Writes the card of a model directory."""
    data_name: str
    notices: Sequence[str] = ()
    pretrain_seeds: tuple[int, ...] = (0,)
    trials: ClassTrials = field(default_factory=ClassTrials)
    resampling: Resampling = field(default_factory=Resampling)
    allow_sensitive: bool = False
    threads: int = 2

    @property
    def work(self) -> Path:
        """Where runs keep what they make of the traces."""
        return self.steps.folder("work", {"traces": self.traces.digest})

    @cached_property
    def as_of(self) -> str | int | None:
        """The cutoff of pre-training: the earliest of any task; None where no task has one."""
        return first_cutoff(self.traces, self.tasks)

    def dated(self, run: Run, seed: int) -> Run:
        """Return a run with the cutoff, the split and the seed of this experiment."""
        return replace(run, as_of=self.as_of, split=CLASS_SPLIT).with_seed(seed)


def run_class_experiment(experiment: ClassExperiment) -> Json:
    """Return results, format 1, but for command and title, which are the caller's.

    Interrupted, it goes on where it was when it is run again with the same arguments.

    Raises:
        GuardError: a sensitive task that nobody allowed, or no task left.
    """
    plan, ours, facts = plan_class_experiment(experiment)
    results = evaluate_classes(plan)
    run = experiment.dated(experiment.run, experiment.pretrain_seeds[0])
    results["split"]["as_of_pretrain"] = "all" if run.as_of is None else str(run.as_of)
    results |= {
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "preset": run.preset,
        "config": {
            "ours": run.to_dict(),
            **{n: r.to_dict() for n, (r, *_) in experiment.others.items()},
        },
        "pretrain_seeds": list(experiment.pretrain_seeds),
        "versions": versions_entry(),
        "machine": machine_entry(torch.get_num_threads()),
        "data": data_entry(experiment.traces, experiment.data_name, experiment.notices),
        "pretraining": facts,
        "encoding": ours.encoding_entry(),
        "map": map_of_classes(
            experiment.traces, experiment.tasks, experiment.as_of, ours.models[0]
        ),
        "canaries": run_class_canaries(plan, ours.unkept()),
    }
    return dict(plain(results))


def plan_class_experiment(experiment: ClassExperiment) -> tuple[ClassPlan, ModelRows, Json]:
    """Pre-train and fit, now or before; return what is to be evaluated, ours, and its facts."""
    ours, facts = pretrained_rows(experiment, experiment.run)
    others = [
        pretrained_rows(experiment, run, name, label, words)[0]
        for name, (run, label, words) in experiment.others.items()
    ]
    plan = ClassPlan(
        traces=experiment.traces,
        tasks=experiment.tasks,
        methods=_methods(experiment, ours, others),
        protocol=protocol_of(
            [run.to_dict() for rows in (ours, *others) for run in rows.runs],
            experiment.traces,
            CLASS_SPLIT,
        ),
        trials=experiment.trials,
        resampling=experiment.resampling,
        allow_sensitive=experiment.allow_sensitive,
        threads=experiment.threads,
        cache=experiment.steps.folder("evaluation", {"traces": experiment.traces.digest}),
        progress=partial(experiment.show, "evaluate"),
    )
    return plan, ours, facts


def pretrained_rows(
    experiment: ClassExperiment,
    run: Run,
    name: str = "ours",
    label: str = ENCODERS["ours"][0],
    words: str = "",
) -> tuple[ModelRows, Json]:
    """Return the pre-trained row of a run, one model a seed, and the facts of the first.

    Args:
        experiment: whose traces, split and seeds.
        run: what to pre-train; made now or reused.
        name: of the row; ``ours`` is what a report is about.
        label: what tables call it.
        words: a sentence about it.
    """
    runs = [experiment.dated(run, seed) for seed in experiment.pretrain_seeds]
    made = [_pretrained(experiment, seeded, label) for seeded in runs]
    row = ENCODERS["ours"] if name == "ours" else (label, "comparison", words)
    rows = ModelRows(
        traces=experiment.traces,
        steps=experiment.steps,
        models=[model for model, _ in made],
        runs=runs,
        work=experiment.work,
        name=name,
        row=row,
    )
    return rows, made[0][1]


def pretrained_facts(experiment: ClassExperiment, run: Run) -> Json:
    """Return the facts of the first pre-training of a run, made now or reused."""
    return _pretrained(experiment, experiment.dated(run, experiment.pretrain_seeds[0]), run.name)[1]


def _pretrained(experiment: ClassExperiment, run: Run, label: str) -> tuple[Model, Json]:
    several = len(experiment.pretrain_seeds) > 1
    stage = f"pretrain {label}" + (f", seed {run.seed}" if several else "")
    return pretrained_step(
        experiment.traces,
        run,
        experiment.steps,
        partial(experiment.show, stage),
        experiment.card,
        experiment.work,
        lambda first, done, total: experiment.show(f"{stage}: {first}", done, total, ""),
    )


def _methods(
    experiment: ClassExperiment, ours: ModelRows, others: Sequence[ModelRows]
) -> list[Method]:
    """Return the rows of the table; majority and a guess are the harness's to add."""
    run = ours.runs[0]
    train = run.snapshot(experiment.traces, "train")
    key = digest_of([experiment.traces.digest, train.as_of, train.users_U.tolist()])
    fitted = []
    for comparison in (Aggregates(), *experiment.comparisons):
        experiment.show(f"fit {comparison.label}", 0, 1, "")
        comparison.fit(train, 0)
        experiment.show(f"fit {comparison.label}", 1, 1, "")
        words = (type(comparison).__doc__ or "").strip().splitlines()[0]
        fitted.append(comparison_method(comparison, "comparison", words, key))
    tuned = [] if experiment.tuning is None else [_tuned(ours, experiment.tuning)]
    experiment.show("build untrained encoders", 0, 1, "")
    controls = ours.controls()
    experiment.show("build untrained encoders", 1, 1, "")
    rows = [*controls, *fitted, *(other.ours() for other in others)]
    return [*rows, ours.ours(), *tuned]


def _tuned(ours: ModelRows, tuning: FineTuneConfig) -> Method:
    model = ours.models[0]
    return Method(
        name=TUNED_NAME,
        label="habitus, fine-tuned",
        group="ours",
        description=FINE_TUNED,
        fingerprint=digest_of([TUNED_NAME, model.digest, tuning.to_dict()]),
        classifies=FineTunedModel(model, tuning),
    )


def map_of_classes(
    traces: Traces, tasks: Sequence[ClassTask], as_of: str | int | None, model: Model
) -> Json | None:
    """Return the map of the test users, coloured by their classes; sensitive ones are left out.

    None of fewer than three users, who span no plane.
    """
    test = CLASS_SPLIT.rows(traces, "test")
    snapshot = with_events(Snapshot(traces, as_of, test))
    if snapshot.num_users < 3:
        return None
    colors = {}
    for task in tasks:
        if task.config.sensitive:
            continue
        users_B, class_B = task.answers(traces, CLASS_SPLIT.rows(traces, "train"))
        class_U = np.full(traces.num_users, np.nan)
        class_U[users_B] = class_B
        colors[task.name] = class_U[snapshot.users_U]
    return map_entry(model, snapshot, colors)


def first_cutoff(traces: Traces, tasks: Sequence[ClassTask]) -> str | int | None:
    """Return the earliest cutoff of any task; None where no task has one."""
    found = [task.config.as_of for task in tasks if task.config.as_of is not None]
    if traces.manifest.time_unit == "order":
        # Numbers of last events to leave out: the first cutoff is the largest.
        return max((int(as_of) for as_of in found), default=None)
    return min(found, key=lambda as_of: parse_time(str(as_of)), default=None)


def text_comparisons(
    names: Sequence[str], text: TextSource, tuning: FineTuneConfig | None = None
) -> list[Comparison]:
    """Return comparisons that read words, all from one source, by name.

    Args:
        names: of comparisons.
        text: where words come from.
        tuning: how graph encoders without pre-training are trained; None for as they are.

    Raises:
        UsageError: no such comparison, or one that reads no words.
    """
    found: list[Comparison] = []
    for name in names:
        kind: Callable[..., Comparison] = COMPARISONS[name]
        if not issubclass(COMPARISONS[name], TextComparison):
            raise UsageError(f"comparison {name!r} reads no words; name one that does")
        made = kind(text=text)
        if isinstance(made, TextGraphClassifier) and tuning is not None:
            made = kind(replace(made.config, training=tuning), text)
        found.append(made)
    return found
