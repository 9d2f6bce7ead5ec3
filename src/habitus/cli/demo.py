"""``habitus demo``: the whole run on real people's shopping, from nothing to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def demo_command(
    quick: Annotated[
        bool, typer.Option(help="A few steps only, to see that everything runs.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="How often to repeat the pre-training.")] = 1,
    preset: Annotated[str, typer.Option(help="Sizes and budget: paper, ci or quick.")] = "ci",
    out: Annotated[Path, typer.Option(help="Where the steps and the report go.")] = Path(
        "runs/demo"
    ),
    allow_sensitive: Annotated[
        bool, typer.Option(help="Add the demographic tasks, which profile sensitive traits.")
    ] = False,
) -> None:
    """Get The Complete Journey, pre-train, encode, evaluate, and write a report.

    What is done is kept: Ctrl-C loses little, and the same command goes on.
    """
    from habitus.cli.progress import stages
    from habitus.datasets.complete_journey import CompleteJourney
    from habitus.errors import UsageError
    from habitus.reports import model_card, terminal_table, write_report
    from habitus.representations.model import Model
    from habitus.runs.card import card_info
    from habitus.runs.demo import DATA_NAME, DemoPlan, run_demo

    if seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {seeds}")
    plan = DemoPlan(preset=preset, quick=quick, seeds=seeds, sensitive=allow_sensitive)

    def card(model: Model) -> str:
        return model_card(card_info(model, DATA_NAME, CompleteJourney.notices))

    with stages() as show:
        results = run_demo(out, plan, show=show, card=card)
    words = ["habitus demo", *(["--quick"] if quick else [])]
    words += [f"--seeds {seeds}"] if seeds > 1 else []
    words += [f"--preset {preset}"] if preset != "ci" else []
    words += ["--allow-sensitive"] if allow_sensitive else []
    results["command"] = " ".join(words)
    results["title"] = "What a year of groceries says about the next months"
    paths = write_report(results, out)
    console = Console()
    console.print(terminal_table(results))
    for path in paths:
        console.print(str(path), soft_wrap=True, markup=False, highlight=False)
