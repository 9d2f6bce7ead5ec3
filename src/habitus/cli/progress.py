"""Progress at the terminal: what is done, how fast, and how long it still takes."""

from __future__ import annotations

import time
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

QUARTER_SECONDS = 1.0
"""A new quarter is told where the last line is so old: a short stage tells its end only."""
QUIET_SECONDS = 10.0
"""After so long a line is printed wherever things stand."""


class Bar(Protocol):
    """One line of progress."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how much is done, and a remark such as a rate."""
        ...


class Lines:
    """What is printed where nobody watches: a line now and then, as in a log file.

    Args:
        label: what is under way.
        console: where lines go.
        clock: seconds, ascending.
    """

    def __init__(
        self, label: str, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label, self._console, self._clock = label, console, clock
        self._began = self._printed = clock()
        self._first: int | None = None
        self._quarters = 0
        self._print("…")

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Print a line if a quarter more is done, or after some time, and at the end."""
        if self._first is None:
            # A run that goes on where another stopped did not do what it finds done.
            self._first = done
        now, quarters = self._clock(), 4 * done // total if total else 0
        new, waited = quarters > self._quarters, now - self._printed
        is_end = new and quarters >= 4
        if not (is_end or (new and waited >= QUARTER_SECONDS) or waited >= QUIET_SECONDS):
            return
        self._quarters, self._printed = quarters, now
        self._print(": " + ", ".join(self._words(done, total, note, now - self._began)))

    def _words(self, done: int, total: int, note: str, seconds: float) -> Iterator[str]:
        yield f"{done:,}/{total:,} ({100 * done // total} %)" if total else f"{done:,} done"
        rate = (done - (self._first or 0)) / seconds if seconds > 0 else 0.0
        if rate > 0 and "/s" not in note:
            yield f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"
        if total > done and rate > 0:
            yield f"{_clock_time((total - done) / rate)} left"
        elif total:
            yield f"took {_clock_time(seconds)}"
        if note:
            yield note

    def _print(self, words: str) -> None:
        space = "" if words.startswith(":") else " "
        text = f"{self._label}{space}{words}"
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def bar(label: str, console: Console | None = None) -> Iterator[Bar]:
    """Show one line of progress while the block runs.

    Where nobody watches (no terminal) lines are printed now and then; see :class:`Lines`.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield Lines(label, console)
        return
    with _progress(console) as progress:
        task = progress.add_task(label, total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield show


@contextmanager
def stages(console: Console | None = None) -> Iterator[Callable[[str, int, int, str], None]]:
    """Show one line for each stage of a longer run, as its stages come."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _stage_lines(console)
        return
    with _progress(console) as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, note="")
            progress.update(tasks[stage], completed=done, total=total, note=note)

        yield show


def _stage_lines(console: Console) -> Callable[[str, int, int, str], None]:
    lines: dict[str, Lines] = {}

    def show(stage: str, done: int, total: int, note: str = "") -> None:
        if stage not in lines:
            lines[stage] = Lines(stage, console)
        lines[stage](done, total, note)

    return show


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
    return Progress(*columns, console=console)


def _clock_time(seconds: float) -> str:
    """Return hours, minutes and seconds, or tenths of a few seconds.

    >>> _clock_time(3725.4), _clock_time(30), _clock_time(0.34)
    ('1:02:05', '0:30', '0.3 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
