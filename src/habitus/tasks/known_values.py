"""Values that a task asks for and the data does not hold: a misspelt one makes everybody a no."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.columns import TASK
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks.base import Task
from habitus.tasks.has import HasValue
from habitus.tasks.labeled import Labeled
from habitus.tasks.passed import Passed
from habitus.tasks.profile import ProfileIs

NEAR: Final = 3
"""Values that are suggested for one that does not occur."""
LOOKED_THROUGH: Final = 5_000
"""Values that are compared letter by letter; of a longer list, those that begin alike."""


class Wanted(NamedTuple):
    """What a task looks for, and where."""

    place: str
    """Such as ``channel 'service'``."""
    values: tuple[str, ...]
    known: pa.StringArray
    """Every value that occurs there."""


def check_values(task: Task, traces: Traces) -> list[str]:
    """Return a sentence for each value that a task asks for and that never occurs.

    Raises:
        DataError: none of its values occurs, so that every answer would be no; or a channel that
            the data lacks, or in which values cannot be looked for.
    """
    wanted_of = WANTED.get(type(task))
    wanted = None if wanted_of is None else wanted_of(task, traces)
    if wanted is None:
        return []
    is_known = pc.is_in(pa.array(wanted.values, pa.string()), value_set=wanted.known).to_pylist()
    unknown = [v for v, known in zip(wanted.values, is_known, strict=True) if not known]
    sentences = [
        f"task {task.config.name!r}: {value!r} never occurs in {wanted.place}; "
        f"{_suggestion(value, wanted.known)}"
        for value in unknown
    ]
    if len(unknown) == len(wanted.values):
        raise DataError("\n".join([*sentences, "so the answer would be no for everybody"]))
    return sentences


def _of_has(task: Task, traces: Traces) -> Wanted:
    assert isinstance(task, HasValue)
    channel = task.config.channel
    column = traces.columns.get(channel)
    if column is not None and column.kind not in ("category", "id"):
        kinds = {n: c for n, c in traces.columns.items() if c.kind in ("category", "id")}
        raise DataError(
            f"task {task.config.name!r}: channel {channel!r} is {column.kind}, and values can only "
            f"be looked for in a category or an ID: {', '.join(kinds) or 'there is none'}"
        )
    return Wanted(f"channel {channel!r}", task.config.values, traces.dictionary(channel))


def _of_profile(task: Task, traces: Traces) -> Wanted | None:
    assert isinstance(task, ProfileIs)
    table, attribute = traces.table("profiles"), task.config.attribute
    if table is None or attribute not in table.column_names:
        return None
    known = pc.unique(pc.cast(table[attribute], pa.string())).drop_null()
    return Wanted(f"attribute {attribute!r}", task.config.values, known)


def _of_labeled(task: Task, traces: Traces) -> Wanted | None:
    assert isinstance(task, (Labeled, Passed))
    table = traces.table("labels")
    if table is None:
        return None
    known = pc.unique(pc.cast(table[TASK], pa.string())).drop_null()
    given = task.config.given if isinstance(task, Passed) else ()
    return Wanted("the labels table", (task.config.label, *given), known)


WANTED: Final[dict[type[Task], Callable[[Task, Traces], Wanted | None]]] = {
    HasValue: _of_has,
    ProfileIs: _of_profile,
    Labeled: _of_labeled,
    Passed: _of_labeled,
}
"""Kinds of task that name values; a task of another kind has nothing to check."""


def _suggestion(value: str, known: pa.StringArray) -> str:
    """Return the nearest values, or some of them."""
    if not len(known):
        return "nothing occurs there"
    if len(known) > LOOKED_THROUGH:
        alike = pc.starts_with(known, value[:2], ignore_case=True)
        known = known.filter(alike).slice(0, LOOKED_THROUGH)
    plain = {text.casefold(): text for text in known.to_pylist()}
    near = difflib.get_close_matches(value.casefold(), plain, n=NEAR)
    if near:
        return f"did you mean {' or '.join(repr(plain[text]) for text in near)}?"
    some = ", ".join(repr(text) for text in list(plain.values())[:NEAR])
    return f"there is {some}{' …' if len(plain) > NEAR else ''}" if some else "nothing is near it"
