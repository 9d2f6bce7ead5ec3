"""``habitus evaluate``: tasks × methods into results."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from habitus.data.traces import Traces
    from habitus.evaluation.features import Method
    from habitus.evaluation.harness import EvaluationPlan


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
    """Ask what comes after a cutoff of people that no method was fitted on.

    Majority, random vectors and aggregates are always in the table.
    """
    from habitus.cli.progress import bar
    from habitus.data.traces import Traces
    from habitus.errors import UsageError
    from habitus.evaluation.asked import guard_sensitive
    from habitus.evaluation.comparing import Resampling
    from habitus.evaluation.harness import EvaluationPlan
    from habitus.evaluation.predictions import ProbeTrials
    from habitus.tasks.dated import read_tasks

    if min(seeds, resamples, threads) < 1:
        raise UsageError("--seeds, --resamples and --threads must be at least 1")
    opened = Traces(traces)
    asked = read_tasks(tasks, opened)
    guard_sensitive(asked, allowed=allow_sensitive)
    first = min(task.cutoffs.test for task in asked)
    with bar("evaluate") as show:
        plan = EvaluationPlan(
            traces=opened,
            tasks=asked,
            methods=[
                *_controls(opened, first, seeds),
                *_ours(model or [], representations or [], first),
            ],
            trials=ProbeTrials(seeds=tuple(range(seeds))),
            resampling=Resampling(num_resamples=resamples),
            allow_sensitive=allow_sensitive,
            threads=threads,
            cache=cache or out.with_name(out.name + ".cache"),
            progress=show,
        )
        found = _results(plan, traces.name, stored=bool(representations))
    _write(found, out)


def _results(plan: EvaluationPlan, name: str, *, stored: bool) -> dict[str, Any]:
    from habitus.evaluation import results
    from habitus.evaluation.canaries import run_canaries
    from habitus.evaluation.harness import evaluate

    found = evaluate(plan)
    # stored representations cannot be made again from altered traces
    canaries = [] if stored else run_canaries(plan, plan.methods[-1])
    return found | {
        "title": f"What comes next: {name}",
        "command": "habitus " + shlex.join(sys.argv[1:]),
        "created": results.now(),
        "data": results.plain(results.data_entry(plan.traces, name)),
        "versions": results.versions_entry(),
        "machine": results.machine_entry(plan.threads),
        "canaries": canaries,
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
