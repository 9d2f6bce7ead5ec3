"""Experiment: traces, tasks and a run into the results of the honest table, in resumable steps.

Pre-training reads train users before the earliest test cutoff, so that nothing that any test asks
about was seen. The same probes answer for every method (D5).

Shapes: U users, D representation width.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot, format_time
from habitus.data.split import Future
from habitus.data.traces import Traces
from habitus.evaluation.canaries import run_canaries
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import (
    Group,
    Method,
    concatenated,
    control_methods,
    encoder_method,
    over_seeds,
)
from habitus.evaluation.harness import EvaluationPlan, evaluate
from habitus.evaluation.predictions import ProbeTrials
from habitus.evaluation.results import data_entry, machine_entry, plain, versions_entry
from habitus.representations.encode import EncodeConfig, encode
from habitus.representations.model import Model, Vectors, load
from habitus.runs.base import Run
from habitus.runs.pretrain import pretrain
from habitus.runs.steps import Json, Steps
from habitus.tasks.dated import DatedTask

Show = Callable[[str, int, int, str], None]
"""Gets the stage, how much of it is done, how much there is, and a remark."""

MoreMethods = Callable[[Snapshot], Sequence[Method]]
"""Gets the training snapshot and returns further rows of the table."""

ENCODERS: dict[str, tuple[str, Group, str]] = {
    "untrained": (
        "untrained encoder",
        "control",
        "The same encoder with its first, random weights.",
    ),
    "warm_start": (
        "warm start only",
        "control",
        "The same encoder with embeddings from latent semantic analysis, not yet trained.",
    ),
    "ours": ("habitus", "ours", "The pre-trained encoder's vector."),
}
"""Name → label, group and description of the rows that are encoders."""
BOTH = "The vector and the counts, side by side."


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is run, and where its steps are kept."""

    traces: Traces
    tasks: Sequence[DatedTask]
    run: Run
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
    methods = all_methods(experiment, [model for model, _ in made])
    plan = EvaluationPlan(
        traces=experiment.traces,
        tasks=experiment.tasks,
        methods=methods,
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
    results["split"]["as_of_pretrain"] = experiment.as_of
    results |= {
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "preset": experiment.run.preset,
        "config": experiment.run.to_dict(),
        "pretrain_seeds": list(experiment.pretrain_seeds),
        "versions": versions_entry(),
        "machine": machine_entry(torch.get_num_threads()),
        "data": data_entry(experiment.traces, experiment.data_name, experiment.notices),
        "pretraining": facts,
        "encoding": encoding_entry(experiment, model),
        "map": map_entry(experiment, model),
        "canaries": run_canaries(plan, _unkept(model)),
    }
    return dict(plain(results))


def pretrained(experiment: Experiment, seed: int) -> tuple[Model, Json]:
    """Return the model of one seed and the facts of its pre-training, made now or reused."""
    run = replace(experiment.run, as_of=experiment.as_of).with_seed(seed)
    label = "pretrain" if len(experiment.pretrain_seeds) == 1 else f"pretrain, seed {seed}"

    def on_step(step: int, steps: int, metrics: Mapping[str, float]) -> None:
        note = f"loss {metrics['loss']:.3f} · {metrics['users_per_second']:,.0f} users/s"
        experiment.show(label, step, steps, note)

    def make(folder: Path) -> Json:
        training_folder, work = folder / "training", experiment.work
        made = pretrain(experiment.traces, run, training_folder, work=work, on_step=on_step)
        made.model.save(folder / "model", card=experiment.card(made.model), overwrite=True)
        training = made.training
        return {
            "curves": training.curves(),
            "steps": training.steps,
            "best_step": training.best_step,
            "seconds": training.seconds,
            "parameters": sum(p.numel() for p in made.model.encoder.parameters()),
            "flops_true": training.flops_true,
            "flops_executed": training.flops_executed,
            "users_per_second": training.users_per_second,
            "events_per_second": training.events_per_second,
            "padding_share": training.padding_share,
            "peak_memory_bytes": training.peak_memory_bytes,
            "num_train": made.num_train,
        }

    inputs = {
        "run": run.to_dict(),
        "traces": experiment.traces.digest,
        "threads": torch.get_num_threads(),
    }
    folder, facts = experiment.steps.run("model", inputs, make)
    return load(folder / "model"), facts


def all_methods(experiment: Experiment, models: Sequence[Model]) -> list[Method]:
    """Return the rows of the honest table (D12), fitted on the training snapshot."""
    traces, run = experiment.traces, replace(experiment.run, as_of=experiment.as_of)
    snapshot = Snapshot(traces, experiment.as_of, run.split.rows(traces, "train"))
    majority, noise, counts = control_methods(snapshot, experiment.trials.seeds)
    runs = [run.with_seed(seed) for seed in experiment.pretrain_seeds]
    encoders = {"untrained": [r.build(traces, experiment.work)[0] for r in runs]}
    if run.begins_warm:
        encoders["warm_start"] = [r.begin(traces, experiment.work)[0] for r in runs]
    controls = [_over_seeds(experiment, name, made) for name, made in encoders.items()]
    ours = _over_seeds(experiment, "ours", models)
    both = concatenated("ours+aggregates", "habitus + aggregates", "ours", BOTH, ours, counts)
    more = () if experiment.more_methods is None else experiment.more_methods(snapshot)
    return [majority, noise, *controls, counts, *more, ours, both]


def encoding_entry(experiment: Experiment, model: Model) -> Json:
    """Return what encoding cost, from the buckets of every cutoff."""
    files = sorted(experiment.steps.root.glob("vectors-*/vectors/manifest.json"))
    manifests = [json.loads(file.read_text()) for file in files]
    mine = [m for m in manifests if m["model_digest"] == model.digest]
    count, seconds = sum(m["num_users"] for m in mine), sum(m["seconds"] for m in mine)
    return {
        "users_per_second": count / seconds if seconds else None,
        "bytes_per_user": model.representation_dim * 2,
        "representation_dim": model.representation_dim,
        "num_representations": count,
        "seconds": seconds,
    }


def map_entry(experiment: Experiment, model: Model) -> Json:
    """Return the test users' representations on two principal components; no ids."""
    from sklearn.decomposition import PCA

    traces = experiment.traces
    first = min(experiment.tasks, key=lambda task: task.cutoffs.test_time)
    users_U = experiment.run.split.rows(traces, "test")
    users_U = users_U[Snapshot(traces, first.cutoffs.test, users_U).lengths_U > 0]
    snapshot = Snapshot(traces, first.cutoffs.test, users_U)
    z_UD = model.encode(snapshot)
    z_UD = (z_UD - z_UD.mean(0)) / (z_UD.std(0) + 1e-6)
    components = PCA(2, random_state=0).fit(z_UD)
    point_U2 = components.transform(z_UD)
    future = Future(traces, snapshot.as_of, first.cutoffs.horizon, users_U)
    colors: dict[str, Any] = {"events before the cutoff": snapshot.lengths_U}
    for task in experiment.tasks:
        if task.cutoffs.test == first.cutoffs.test and not task.task.config.sensitive:
            colors[task.name] = task.task.labels(future)
    return {
        "x": np.round(point_U2[:, 0], 3),
        "y": np.round(point_U2[:, 1], 3),
        "colors": colors,
        "method": "PCA",
        "explained": components.explained_variance_ratio_,
    }


class _Kept:
    """An encoder whose vectors are kept in steps, so that an interrupted encoding goes on."""

    def __init__(self, experiment: Experiment, model: Model, key: str) -> None:
        self.experiment, self.model, self.key = experiment, model, key

    def encode(self, snapshot: Snapshot) -> Vectors:
        """Return the vectors of the snapshot's users, ``(U, D)``."""
        inputs = {
            "key": self.key,
            "traces": snapshot.traces.digest,
            "as_of": snapshot.as_of,
            "users": digest_of(snapshot.users_U.tolist()),
        }

        def make(folder: Path) -> Json:
            config = EncodeConfig(dtype="float32", bucket_users=512)
            made = encode(self.model, snapshot, folder / "vectors", config)
            return {"num_users": made.manifest.num_users}

        folder, _ = self.experiment.steps.run("vectors", inputs, make)
        vectors: Vectors = np.load(folder / "vectors" / "vectors.npy")
        return vectors


def _over_seeds(experiment: Experiment, name: str, models: Sequence[Model]) -> Method:
    """Return the method of one encoder per pre-training seed."""
    label, group, description = ENCODERS[name]
    methods = []
    for seed, model in zip(experiment.pretrain_seeds, models, strict=True):
        run = replace(experiment.run, as_of=experiment.as_of).with_seed(seed)
        key = model.digest or digest_of([name, run.to_dict(), experiment.traces.digest])
        kept = _Kept(experiment, model, key)
        methods.append(encoder_method(name, label, group, description, kept, key))
    return over_seeds(methods)


def _unkept(model: Model) -> Method:
    """Return ours without kept vectors: a canary that reads old ones could not fail."""
    label, group, description = ENCODERS["ours"]
    return encoder_method("ours", label, group, description, model, str(model.digest))
