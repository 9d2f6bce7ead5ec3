"""``habitus evaluate``: tasks × methods into results."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.cli.evaluate_classes import Asked
    from habitus.data.traces import Traces
    from habitus.evaluation.features import Method


def evaluate_command(
    traces: Annotated[Path, typer.Argument(help="A traces directory, from habitus ingest.")],
    tasks: Annotated[Path, typer.Option(help="A YAML list of {kind, name, question, …}.")],
    out: Annotated[Path, typer.Option(help="The results file to write.")],
    model: Annotated[
        list[Path] | None,
        typer.Option(help="A model directory; give several for several pre-training seeds."),
    ] = None,
    representations: Annotated[
        list[Path] | None,
        typer.Option(help="A representations directory; one for each cutoff of the tasks."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Probe seeds.")] = 5,
    splits: Annotated[int, typer.Option(help="Random splits of the users, for class tasks.")] = 5,
    resamples: Annotated[int, typer.Option(help="Resamples of users for the intervals.")] = 10_000,
    allow_sensitive: Annotated[
        bool, typer.Option(help="Run tasks that profile sensitive traits of people.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(help="Where to keep vectors and predictions, to go on later; OUT.cache."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Probes that are fitted at once.")] = 2,
) -> None:
    """Ask what comes after a cutoff, or which class they are in, of people kept apart for it.

    Majority, random vectors and aggregates are always in the table. A tasks file is all of one
    sort: yes-or-no tasks at cutoffs, or class tasks.
    """
    from habitus.cli.evaluate_classes import Asked, evaluate_class_file
    from habitus.cli.progress import bar
    from habitus.data.traces import Traces
    from habitus.errors import UsageError
    from habitus.tasks.entries import sort_of

    if min(seeds, resamples, threads) < 1 or splits < 0:
        raise UsageError("--seeds, --resamples and --threads must be at least 1, --splits 0")
    opened = Traces(traces)
    asked = Asked(
        tasks=tasks,
        models=model or [],
        representations=representations or [],
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
    with bar("evaluate") as show:
        plan = EvaluationPlan(
            traces=traces,
            tasks=tasks,
            methods=[
                *_controls(traces, first, asked.seeds),
                *_ours([*asked.models], [*asked.representations], first),
            ],
            trials=ProbeTrials(seeds=tuple(range(asked.seeds))),
            resampling=Resampling(num_resamples=asked.resamples),
            allow_sensitive=asked.allow_sensitive,
            threads=asked.threads,
            cache=asked.cache,
            progress=show,
        )
        found = evaluate(plan)
    # stored representations cannot be made again from altered traces
    canaries = [] if asked.representations else run_canaries(plan, plan.methods[-1])
    return found | {"canaries": canaries, "notes": [*notes, *found["notes"]]}


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


def _ours(models: list[Path], representations: list[Path], as_of: str) -> list[Method]:
    from habitus.data.split import UserSplit
    from habitus.errors import UsageError
    from habitus.evaluation.asked import guard_pretraining
    from habitus.evaluation.features import encoder_method, over_seeds
    from habitus.evaluation.stored import StoredRepresentations
    from habitus.representations.model import load

    if models and representations:
        raise UsageError("give --model or --representations, not both")
    if representations:
        stored = StoredRepresentations(representations)
        label, words = "representations", "Vectors that were encoded before."
        return [encoder_method("ours", label, "ours", words, stored, stored.key)]
    made = []
    for model in map(load, models):
        guard_pretraining(model.about.get("run") or {}, as_of, UserSplit())
        words = "The pre-trained encoder's vectors."
        made.append(encoder_method("ours", "habitus", "ours", words, model, str(model.digest)))
    return [over_seeds(made)] if made else []


def _write(found: dict[str, Any], out: Path) -> None:
    from habitus.evaluation.results import write_results
    from habitus.reports import terminal_table

    file = write_results(found, out)
    console = Console()
    console.print(terminal_table(found))
    console.print(str(file), soft_wrap=True, markup=False, highlight=False)
