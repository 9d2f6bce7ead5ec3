"""``habitus evaluate`` on a file of class tasks: the plan and its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from habitus.data.traces import Traces
    from habitus.evaluation.class_asked import Protocol
    from habitus.evaluation.features import Method
    from habitus.representations.model import Model
    from habitus.runs.model_rows import ModelRows
    from habitus.tasks.classes import ClassTask


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line said."""

    tasks: Path
    models: Sequence[Path]
    representations: Sequence[Path]
    compare: Sequence[str]
    seeds: int
    splits: int
    resamples: int
    allow_sensitive: bool
    cache: Path
    threads: int

    def __post_init__(self) -> None:
        from habitus.errors import UsageError

        if min(self.seeds, self.resamples, self.threads) < 1 or self.splits < 0:
            raise UsageError("--seeds, --resamples and --threads must be at least 1, --splits 0")
        if self.models and self.representations:
            raise UsageError("give --model or --representations, not both")


def load_models(paths: Sequence[Path]) -> list[Model]:
    """Return models whose scores are to be averaged.

    Raises:
        DataError: one is missing or damaged.
        UsageError: two are the same, which would only count it twice.
    """
    from habitus.errors import UsageError
    from habitus.representations.model import load

    path_of: dict[str | None, Path] = {}
    models = []
    for path in paths:
        model = load(path)
        other = path_of.setdefault(model.digest, path)
        if other is not path:
            raise UsageError(
                f"{other} and {path} are the same model: several --model are pre-trainings with "
                f"different --seed, whose scores are averaged; give each once"
            )
        models.append(model)
    return models


def evaluate_class_file(
    traces: Traces, asked: Asked, progress: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """Return the results of the class tasks of a file, leak checks included."""
    from habitus.evaluation.asked import guard_sensitive
    from habitus.evaluation.class_canaries import run_class_canaries
    from habitus.evaluation.class_harness import evaluate_classes
    from habitus.evaluation.class_plan import ClassPlan
    from habitus.evaluation.class_predictions import ClassTrials
    from habitus.evaluation.comparing import Resampling
    from habitus.evaluation.results import plain
    from habitus.runs.class_experiment import first_cutoff, map_of_classes
    from habitus.runs.saved import saved_entries
    from habitus.tasks.entries import read_class_tasks

    tasks = read_class_tasks(asked.tasks)
    guard_sensitive(tasks, allowed=asked.allow_sensitive)
    rows = _rows(traces, asked, tasks)
    ours, protocol = _ours(traces, asked, tasks, rows)
    plan = ClassPlan(
        traces=traces,
        tasks=tasks,
        methods=[*_controls(traces, tasks, asked), *ours],
        protocol=protocol,
        trials=ClassTrials(
            seeds=tuple(range(asked.seeds)), split_seeds=tuple(range(1, asked.splits + 1))
        ),
        resampling=Resampling(num_resamples=asked.resamples),
        allow_sensitive=asked.allow_sensitive,
        threads=asked.threads,
        cache=asked.cache,
        progress=progress,
    )
    found = evaluate_classes(plan)
    # stored representations cannot be made again from altered traces
    guarded = plan.methods[-1] if rows is None else rows.unkept()
    canaries = [] if asked.representations else run_class_canaries(plan, guarded)
    if rows is not None:
        asked_of = {task["name"] for task in found["tasks"]}
        shown = [task for task in tasks if task.name in asked_of]
        plane = map_of_classes(traces, shown, first_cutoff(traces, tasks), rows.models[0])
        found |= plain({**saved_entries(rows), "map": plane})
    return found | {"canaries": canaries}


def _controls(traces: Traces, tasks: Sequence[ClassTask], asked: Asked) -> list[Method]:
    """Return what is always compared, fitted on the training users before the first cutoff."""
    from habitus.data.snapshot import Snapshot
    from habitus.evaluation.class_asked import CLASS_SPLIT
    from habitus.evaluation.features import compared_methods, control_methods
    from habitus.runs.class_experiment import first_cutoff

    train = CLASS_SPLIT.rows(traces, "train")
    snapshot = Snapshot(traces, first_cutoff(traces, tasks), train)
    return [
        *control_methods(snapshot, range(asked.seeds)),
        *compared_methods(asked.compare, snapshot, classes=True),
    ]


def _rows(traces: Traces, asked: Asked, tasks: Sequence[ClassTask]) -> ModelRows | None:
    """Return the rows of the models, their controls included; None where there is no model."""
    from habitus.evaluation.class_asked import guard_late
    from habitus.runs.saved import saved_rows

    if not asked.models:
        return None
    models = load_models(asked.models)
    guard_late([model.about.get("run") or {} for model in models], tasks)
    return saved_rows(traces, models, asked.cache)


def _ours(
    traces: Traces, asked: Asked, tasks: Sequence[ClassTask], rows: ModelRows | None
) -> tuple[list[Method], Protocol]:
    """Return the rows of models or stored vectors, and what their pre-training saw."""
    from habitus.data.snapshot import parse_as_of
    from habitus.errors import UsageError
    from habitus.evaluation.class_asked import CLASS_SPLIT, protocol_of
    from habitus.evaluation.features import encoder_method
    from habitus.evaluation.stored import StoredRepresentations

    if rows is not None:
        runs = [model.about.get("run") or {} for model in rows.models]
        return [*rows.controls(), rows.ours()], protocol_of(runs, traces, CLASS_SPLIT)
    if not asked.representations:
        return [], protocol_of([], traces, CLASS_SPLIT)
    halves = [task.name for task in tasks if task.config.part != "all"]
    if halves:
        raise UsageError(
            f"{', '.join(halves)}: stored representations have read all posts, and these tasks "
            f"allow one half; give --model"
        )
    stored = StoredRepresentations(asked.representations)
    stored.require(parse_as_of(task.config.as_of, traces) for task in tasks)
    words = "Vectors that were encoded before."
    method = encoder_method("ours", "representations", "ours", words, stored, stored.key)
    return [method], "transductive-text"
