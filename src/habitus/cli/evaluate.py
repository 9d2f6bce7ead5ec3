"""``habitus evaluate``: tasks × methods into results."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.cli.evaluate_classes import Asked
    from habitus.data.traces import Traces
    from habitus.evaluation.features import Method
    from habitus.runs.model_rows import ModelRows
    from habitus.tasks.dated import DatedTask


Models = Annotated[
    Optional[list[Path]],  # noqa: UP045 - typer reads the annotation
    typer.Option(
        metavar="DIR", help="A model directory; give several for several pre-training seeds."
    ),
]
Representations = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(
        metavar="DIR",
        help="Vectors of 'habitus encode', a folder for each cutoff: vectors/2020-03-01 …; or "
        "vectors, the folder of all.",
    ),
]
Names = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        metavar="NAME", help="A further system, such as tfidf_linear for text; repeatable."
    ),
]
Flag = Annotated[
    bool,
    # Its negative would take a column of the help that cuts the other names.
    typer.Option("--allow-sensitive", help="Run tasks that profile sensitive traits of people."),
]


def evaluate_command(
    traces: Annotated[Path, typer.Argument(help="A traces directory, from habitus ingest.")],
    tasks: Annotated[Path, typer.Option(help="A YAML list of {kind, name, question, …}.")],
    out: Annotated[Path, typer.Option(help="The results file to write.")],
    model: Models = None,
    representations: Representations = None,
    compare: Names = None,
    seeds: Annotated[int, typer.Option(help="Probe seeds.")] = 5,
    splits: Annotated[int, typer.Option(help="Random splits of the users, for class tasks.")] = 5,
    resamples: Annotated[int, typer.Option(help="Resamples of users for the intervals.")] = 10_000,
    allow_sensitive: Flag = False,
    cache: Annotated[
        Path | None,
        typer.Option(help="Where to keep vectors and predictions, to go on later; OUT.cache."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Probes that are fitted at once.")] = 2,
) -> None:
    """Ask what comes after a cutoff, or which class they are in, of people kept apart.

    Majority, random vectors and aggregates are always in the table. A tasks file is all of one
    sort: yes-or-no tasks at cutoffs, or class tasks.
    """
    from habitus.cli.evaluate_classes import Asked, evaluate_class_file
    from habitus.cli.progress import bar
    from habitus.data.traces import Traces
    from habitus.errors import UsageError
    from habitus.tasks.entries import sort_of

    if out.is_dir():
        raise UsageError(f"{out} is a directory: give a file, such as {out / 'results.json'}")
    opened = Traces(traces)
    asked = Asked(
        tasks=tasks,
        models=model or [],
        representations=representations or [],
        compare=compare or [],
        seeds=seeds,
        splits=splits,
        resamples=resamples,
        allow_sensitive=allow_sensitive,
        cache=cache or out.with_name(out.name + ".cache"),
        threads=threads,
    )
    if sort_of(tasks) == "classes":
        with bar("evaluate") as show:
            found = evaluate_class_file(opened, asked, show)
        title = f"Who they are: {traces.name}"
    else:
        found = _evaluate_dated(opened, asked)
        title = f"What comes next: {traces.name}"
    _write(found | _about(opened, traces.name, title, threads), out)


def _evaluate_dated(traces: Traces, asked: Asked) -> dict[str, Any]:
    """Return the results of the yes-or-no tasks of a file, leak checks included."""
    from habitus.cli.progress import bar
    from habitus.evaluation.asked import guard_sensitive
    from habitus.evaluation.canaries import run_canaries
    from habitus.evaluation.comparing import Resampling
    from habitus.evaluation.harness import EvaluationPlan, evaluate
    from habitus.evaluation.predictions import ProbeTrials
    from habitus.tasks.dated import read_tasks

    notes: list[str] = []
    tasks = read_tasks(asked.tasks, traces, notes.append)
    guard_sensitive(tasks, allowed=asked.allow_sensitive)
    first = min(task.cutoffs.test for task in tasks)
    _require_cutoffs(asked.representations, tasks)
    with bar("evaluate") as show:
        rows = _model_rows(traces, asked, first)
        plan = EvaluationPlan(
            traces=traces,
            tasks=tasks,
            methods=_methods(traces, asked, rows, first),
            trials=ProbeTrials(seeds=tuple(range(asked.seeds))),
            resampling=Resampling(num_resamples=asked.resamples),
            allow_sensitive=asked.allow_sensitive,
            threads=asked.threads,
            cache=asked.cache,
            progress=show,
        )
        found = evaluate(plan)
    # stored representations cannot be made again from altered traces
    guarded = plan.methods[-1] if rows is None else rows.unkept()
    canaries = [] if asked.representations else run_canaries(plan, guarded)
    if rows is not None:
        found |= _of_models(rows, tasks)
    return found | {"canaries": canaries, "notes": [*notes, *found["notes"]]}


def _model_rows(traces: Traces, asked: Asked, first: str) -> ModelRows | None:
    """Return the rows of the models, their controls included; None where there is no model."""
    from habitus.cli.evaluate_classes import load_models
    from habitus.data.split import UserSplit
    from habitus.evaluation.asked import guard_pretraining
    from habitus.runs.saved import saved_rows

    if not asked.models:
        return None
    models = load_models(asked.models)
    for model in models:
        guard_pretraining(model.about.get("run") or {}, first, UserSplit())
    return saved_rows(traces, models, asked.cache)


def _methods(traces: Traces, asked: Asked, rows: ModelRows | None, first: str) -> list[Method]:
    """Return the rows of the table (D12)."""
    from habitus.data.snapshot import Snapshot
    from habitus.data.split import UserSplit
    from habitus.evaluation.features import compared_methods, concatenated
    from habitus.runs.experiment import BOTH

    train = Snapshot(traces, first, UserSplit().rows(traces, "train"))
    controls = [*_controls(traces, first, asked.seeds)]
    controls[-1:-1] = compared_methods(asked.compare, train)
    if rows is None:
        return [*controls, *_stored([*asked.representations])]
    *rest, counts = controls
    ours = rows.ours()
    both = concatenated("ours+aggregates", "habitus + aggregates", "ours", BOTH, ours, counts)
    return [*rest, *rows.controls(), counts, ours, both]


def _of_models(rows: ModelRows, tasks: list[DatedTask]) -> dict[str, Any]:
    """Return what results say of a model beside its scores: training, encoding and the map."""
    from habitus.data.split import UserSplit
    from habitus.evaluation.results import plain
    from habitus.runs.experiment import map_of_users
    from habitus.runs.saved import saved_entries

    test = UserSplit().rows(rows.traces, "test")
    plane = map_of_users(rows.traces, tasks, test, rows.models[0])
    return dict(plain({**saved_entries(rows), "map": plane}))


def _about(traces: Traces, name: str, title: str, threads: int) -> dict[str, Any]:
    """Return what results say of how they were made."""
    from habitus.evaluation import results

    return {
        "title": title,
        "command": "habitus " + shlex.join(sys.argv[1:]),
        "created": results.now(),
        "data": results.plain(results.data_entry(traces, name)),
        "versions": results.versions_entry(),
        "machine": results.machine_entry(threads),
    }


def _controls(traces: Traces, as_of: str, seeds: int) -> list[Method]:
    from habitus.data.snapshot import Snapshot
    from habitus.data.split import UserSplit
    from habitus.evaluation.features import control_methods

    train = UserSplit().rows(traces, "train")
    return control_methods(Snapshot(traces, as_of, train), range(seeds))


def _require_cutoffs(representations: Sequence[Path], tasks: Sequence[DatedTask]) -> None:
    """Raise :class:`DataError` where vectors of a cutoff of the tasks are not stored."""
    from habitus.evaluation.stored import StoredRepresentations

    if representations:
        cutoffs = [(*task.cutoffs.train_times(), task.cutoffs.test_time) for task in tasks]
        StoredRepresentations(representations).require(t for times in cutoffs for t in times)


def _stored(representations: list[Path]) -> list[Method]:
    from habitus.evaluation.features import encoder_method
    from habitus.evaluation.stored import StoredRepresentations

    if not representations:
        return []
    stored = StoredRepresentations(representations)
    label, words = "representations", "Vectors that were encoded before."
    return [encoder_method("ours", label, "ours", words, stored, stored.key)]


def _write(found: dict[str, Any], out: Path) -> None:
    from habitus.evaluation.results import write_results
    from habitus.reports import terminal_table

    file = write_results(found, out)
    console = Console()
    console.print(terminal_table(found))
    console.print(str(file), soft_wrap=True, markup=False, highlight=False)
