"""``habitus report``: results into one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report_command(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.json", help="What habitus evaluate wrote.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where to write; the folder of RESULTS.json if left out."
        ),
    ] = None,
) -> None:
    """Write report.html and report.json, and print the scores and both paths."""
    from habitus.reports import read_results, terminal_table, write_report

    values = read_results(results)
    paths = write_report(values, out if out is not None else results.parent)
    console = Console()
    console.print(terminal_table(values))
    for path in paths:
        # Whole on one line, so that it can be copied or piped.
        console.print(str(path), soft_wrap=True, markup=False, highlight=False)
