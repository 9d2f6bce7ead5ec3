"""``habitus datasets`` lists the named sources; ``habitus get`` turns one into traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from habitus.errors import UsageError


def datasets_command() -> None:
    """List the named sources: what they are, whether they are at hand, and their terms."""
    from habitus.datasets import DATASETS

    console = Console()
    for name in DATASETS:
        dataset = DATASETS[name]()
        missing = dataset.missing()
        state = ("at hand", "green") if missing is None else ("not at hand", "yellow")
        console.print(Text.assemble((name, "bold"), "  ", state))
        console.print(Text(dataset.description))
        if missing is not None:
            console.print(Text(f"To get it: {missing}"))
        for notice in dataset.notices:
            console.print(Text(notice, "dim"))
        console.print()


def get_command(
    name: Annotated[str, typer.Argument(help="One of those that 'habitus datasets' lists.")],
    out: Annotated[Path, typer.Option(help="The traces directory to make.")],
) -> None:
    """Turn a named source into traces."""
    from habitus.datasets import DATASETS

    dataset = DATASETS[name]()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already: choose another --out, or remove it")
    console = Console(soft_wrap=True)
    with console.status(f"getting {name}"):
        traces = dataset.ingest(out)
    console.print(
        f"{traces.num_users:,} users, {traces.num_events:,} events in "
        f"{len(traces.columns)} channels: {out}"
    )
    for notice in dataset.notices:
        console.print(Text(notice, "dim"))
