"""``habitus verify``: recompute every known answer that the project claims."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from habitus.evaluation.known_answers import Answer, Outcome


def verify_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Known answers to recompute; all of them if none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Recompute every known answer and print ours beside what it must be.

    Exits 1 where one is missed. An answer whose data is not here is shown as not run, and why.
    """
    from habitus.evaluation.known_answers import KNOWN_ANSWERS, recompute

    entries = list(names or KNOWN_ANSWERS)
    for entry in entries:
        KNOWN_ANSWERS[entry]  # an unknown name is an error before anything is computed
    console = Console(stderr=True)
    outcomes = []
    for entry in entries:
        with console.status(f"recomputing {entry}"):
            outcomes.append(recompute(entry))
    if as_json:
        typer.echo(json.dumps(to_json(outcomes), indent=2, ensure_ascii=False))
    else:
        show(outcomes, Console())
    if not all(outcome.holds for outcome in outcomes):
        raise typer.Exit(1)


def to_json(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return plain values: what holds, every figure, and what was not run."""
    return {
        "holds": all(outcome.holds for outcome in outcomes),
        "answers": [
            {"entry": o.entry, **_plain(a), "holds": a.holds} for o in outcomes for a in o.answers
        ],
        "not_run": [
            {"entry": o.entry, "why": o.not_run} for o in outcomes if o.not_run is not None
        ],
    }


def show(outcomes: list[Outcome], console: Console) -> None:
    """Print a table, and a sentence that sums it up."""
    table = Table("known answer", "ours", "expected", "tolerance", "", "source", box=None)
    for outcome in outcomes:
        table.add_section()
        table.add_row(f"[bold]{outcome.entry}", *[""] * 5)
        previous = ""
        for answer in outcome.answers:
            mark = "[green]holds" if answer.holds else "[bold red]missed"
            numbers = (_digits(x) for x in (answer.ours, answer.expected, answer.tolerance))
            source = "″" if answer.source == previous else answer.source
            previous = answer.source
            table.add_row(f"  {answer.name}", *numbers, mark, source)
        if outcome.not_run is not None:
            table.add_row("  [yellow]not run", *[""] * 4, outcome.not_run)
    console.print(table)
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    missed = sum(not answer.holds for answer in answers)
    skipped = sum(outcome.not_run is not None for outcome in outcomes)
    console.print(
        f"{len(answers) - missed} of {len(answers)} figures hold, {missed} missed"
        + (f"; {skipped} known answers were not run" if skipped else "")
    )


def _plain(answer: Answer) -> dict[str, Any]:
    ours = answer.ours if math.isfinite(answer.ours) else None
    return {**answer._asdict(), "ours": ours}


def _digits(value: float) -> str:
    """Return a number in at most four significant digits past the point's zeros.

    >>> _digits(0.0115368), _digits(7.0), _digits(5e-05), _digits(0.0)
    ('0.01154', '7', '5e-05', '0')
    """
    return f"{value:.4g}"
