"""Errors at the terminal: one plain sentence, an exit code by kind, a traceback when asked for.

One rule says which code, so that like mistakes have the same one:

2   :class:`~habitus.errors.UsageError`: what was *said* is wrong, whatever the data. A name that is
    no verb, run, preset, setting, kind of task, comparison or device; a text that is no date or
    number; a key that a mapping or a tasks file cannot have; options that contradict each other; a
    place to write to that is taken.
3   :class:`~habitus.errors.DataError`: what is *there* is wrong. A file or directory that is
    missing, cannot be read or written, is cut off or of another kind, whichever option names it; or
    data that lacks what was asked of it: a column, channel, table, user, value, or any event before
    a date.
4   :class:`~habitus.errors.GuardError`: both are sound, and going on was stopped on purpose, since
    what came of it would be worth nothing or do harm: a leak, labels that are not complete yet, too
    many bad rows, too few users to learn from or to tell anything from, a sensitive task.
130 interrupted with Ctrl-C.

1, with a traceback, is a bug of ours.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from habitus.errors import DataError, HabitusError

INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


@contextmanager
def sentences(*, debug: bool = False) -> Iterator[None]:
    """Turn an error that a user can cause into a sentence on stderr and its exit code.

    Anything else is a bug of ours and keeps its traceback. ``debug`` shows the traceback of every
    error, above the sentence.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        told = explain(error)
        if told is None:
            raise
        exit_code, sentence = told
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        if debug:
            console.print_exception()
        style = "yellow" if exit_code == INTERRUPTED else "bold red"
        head, _, rest = sentence.partition(" ")
        console.print(Text.assemble((head, style), " ", rest))
        sys.exit(exit_code)


def explain(error: BaseException) -> tuple[int, str] | None:
    """Return (exit code, sentence) of an error that a user can cause, None of any other.

    >>> explain(DataError("events.csv has no column 'user_id'"))
    (3, "error: events.csv has no column 'user_id'")
    >>> explain(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted; run the same command again to resume"
    if isinstance(error, HabitusError):
        return error.exit_code, f"error: {error}"
    reason = str(error).lower()
    if getattr(error, "errno", None) == errno.ENOSPC or "no space left" in reason:
        place = f" for {name}" if (name := getattr(error, "filename", None)) else ""
        return DataError.exit_code, (
            f"error: no space left on the device{place}; free some and run the same command again"
        )
    if isinstance(error, MemoryError) or "not enough memory" in reason:
        return DataError.exit_code, (
            "error: out of memory; close other programs or give the command fewer users, events "
            "or a smaller batch, and run it again"
        )
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return DataError.exit_code, f"error: {error.filename}: {error.strerror.lower()}"
    return None
