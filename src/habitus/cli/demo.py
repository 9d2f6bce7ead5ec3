"""``habitus demo``: a whole run from nothing to a report, on data that comes with a package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

TITLE = "What a year of groceries says about the next months"


def demo_command(
    system: Annotated[
        str,
        typer.Argument(
            help="channel: purchases as they are; pasum: words as graphs; clue: item texts; "
            "supermoe: channels with experts."
        ),
    ] = "channel",
    quick: Annotated[
        bool, typer.Option(help="A few steps only, to see that everything runs.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="How often to repeat the pre-training.")] = 1,
    preset: Annotated[str, typer.Option(help="Sizes and budget: paper, ci or quick.")] = "ci",
    data: Annotated[
        str | None,
        typer.Option(help="A named set instead of the usual ones; for pasum and supermoe."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where steps and reports go; runs/demo, or runs/demo-SYSTEM."),
    ] = None,
    fine_tune: Annotated[
        bool, typer.Option(help="pasum: also train encoders on each task, end to end; slow.")
    ] = False,
    allow_sensitive: Annotated[
        bool, typer.Option(help="Add the demographic tasks, which profile sensitive traits.")
    ] = False,
) -> None:
    """Get data, pre-train, encode, evaluate, and write a report.

    What is done is kept: Ctrl-C loses little, and the same command goes on.
    """
    from habitus.errors import UsageError
    from habitus.registry import did_you_mean
    from habitus.runs.demo import DemoPlan

    if seeds < 1:
        raise UsageError(f"--seeds must be at least 1, got {seeds}")
    if system not in DEMOS:
        raise UsageError(f"no demo is called {system!r}; {did_you_mean(system, DEMOS)}")
    if system in ("channel", "clue") and data is not None:
        raise UsageError("--data goes with a system that has several sets: pasum or supermoe")
    plan = DemoPlan(
        preset=preset, quick=quick, seeds=seeds, sensitive=allow_sensitive, fine_tune=fine_tune
    )
    words = ["habitus demo", *([system] if system != "channel" else [])]
    words += ["--quick"] if quick else []
    words += [f"--seeds {seeds}"] if seeds > 1 else []
    words += [f"--preset {preset}"] if preset != "ci" else []
    words += [f"--data {data}"] if data is not None else []
    words += ["--fine-tune"] if fine_tune else []
    words += ["--allow-sensitive"] if allow_sensitive else []
    folder = "demo" if system == "channel" else f"demo-{system}"
    DEMOS[system](out or Path("runs") / folder, plan, " ".join(words), data)


def _channel(out: Path, plan: Any, command: str, _: str | None) -> None:  # noqa: ANN401 - DemoPlan, not imported yet
    from habitus.cli.progress import stages
    from habitus.datasets.complete_journey import CompleteJourney
    from habitus.reports import model_card
    from habitus.representations.model import Model
    from habitus.runs.card import card_info
    from habitus.runs.demo import DATA_NAME, run_demo

    def card(model: Model) -> str:
        return model_card(card_info(model, DATA_NAME, CompleteJourney.notices))

    with stages() as show:
        results = run_demo(out, plan, show=show, card=card)
    _write({**results, "command": command, "title": TITLE}, out)


def _pasum(out: Path, plan: Any, command: str, data: str | None) -> None:  # noqa: ANN401
    from habitus.cli.progress import stages
    from habitus.reports import model_card, write_report
    from habitus.representations.model import Model
    from habitus.runs.card import card_info
    from habitus.runs.demo_pasum import run_demo_pasum

    made: dict[str, Mapping[str, Any]] = {}

    def card(model: Model) -> str:
        return model_card(card_info(model))

    with stages() as show:
        for name, results in run_demo_pasum(out, plan, show=show, card=card, data=data):
            # Written as soon as it is there: the next set may be stopped.
            write_report({**results, "command": command}, out / name)
            made[name] = results
    for name, found in made.items():
        _write({**found, "command": command}, out / name)


def _clue(out: Path, plan: Any, command: str, _: str | None) -> None:  # noqa: ANN401
    from habitus.cli.progress import stages
    from habitus.reports import model_card
    from habitus.representations.model import Model
    from habitus.runs.card import card_info
    from habitus.runs.demo_clue import run_demo_clue

    def card(model: Model) -> str:
        return model_card(card_info(model))

    with stages() as show:
        made = dict(run_demo_clue(out, plan, show=show, card=card))
    for name, results in made.items():
        _write({**results, "command": command}, out / name)


def _supermoe(out: Path, plan: Any, command: str, data: str | None) -> None:  # noqa: ANN401
    from habitus.cli.progress import stages
    from habitus.reports import model_card
    from habitus.representations.model import Model
    from habitus.runs.card import card_info
    from habitus.runs.demo_supermoe import run_demo_supermoe

    def card(model: Model) -> str:
        return model_card(card_info(model))

    with stages() as show:
        results = run_demo_supermoe(out, plan, show=show, card=card, data=data)
    _write({**results, "command": command}, out)


def _write(results: Mapping[str, Any], out: Path) -> None:
    from habitus.reports import terminal_table, write_report

    paths = write_report(results, out)
    console = Console()
    console.print(terminal_table(results))
    for path in paths:
        console.print(str(path), soft_wrap=True, markup=False, highlight=False)


DEMOS: Final = {"channel": _channel, "clue": _clue, "pasum": _pasum, "supermoe": _supermoe}
"""Name of a system → what runs its demo, given a folder, a plan, the command and a set."""
