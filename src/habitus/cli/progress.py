"""Progress at the terminal: what is done, how fast, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar(Protocol):
    """One line of progress."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how much is done, and a remark such as a rate."""
        ...


@contextmanager
def bar(label: str, console: Console | None = None) -> Iterator[Bar]:
    """Show one line of progress while the block runs.

    Where nobody watches (no terminal) only the start and the end are printed.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        console.print(f"{label} …")
    with _progress(console) as progress:
        task = progress.add_task(label, total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield show


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def stages(console: Console | None = None) -> Iterator[Callable[[str, int, int, str], None]]:
    """Show one line for each stage of a longer run, as its stages come."""
    console = console or Console(stderr=True)
    with _progress(console) as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, note="")
                if not console.is_terminal:
                    console.print(f"{stage} …")
            progress.update(tasks[stage], completed=done, total=total, note=note)

        yield show
