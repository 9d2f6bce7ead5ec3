"""From raw values to classes: by a list of values, by keywords, or by thresholds.

Shapes: B values, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitus.errors import DataError, UsageError
from habitus.registry import did_you_mean
from habitus.tasks.classes import Classes, ClassTaskConfig

NO_CLASS = -1
"""Where a value is missing or of no class: that user is not asked."""


@dataclass(frozen=True, kw_only=True)
class RuledConfig(ClassTaskConfig):
    """Which raw values are which class: at most one rule; without one, a value is a class's name.

    Keywords are those of PASUM's Tables 9 and 10: a user is classified "as long as the relevant
    keywords are matched". Differs from the paper: who matches two classes is not asked, where the
    paper does not say.
    """

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → its raw values."""
    keywords: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → words, one of which stands somewhere in the raw value; upper and lower case are
    one."""
    edges: tuple[float, ...] = ()
    """Rising thresholds between the classes: class ``i`` is from edge ``i - 1`` up to below edge
    ``i``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("values", "keywords", "edges") if getattr(self, name)]
        if len(given) > 1:
            raise UsageError(f"task {self.name!r}: give one of {' and '.join(given)}, not both")
        for lists in (self.values, self.keywords):
            _check_lists(self, lists)
        rising = list(self.edges) == sorted(set(self.edges))
        if self.edges and not (rising and len(self.edges) == len(self.classes) - 1):
            raise UsageError(
                f"task {self.name!r} has {len(self.classes)} classes, so it needs "
                f"{len(self.classes) - 1} rising edges, got {list(self.edges)}"
            )


def classes_of(raw_B: pa.ChunkedArray, config: RuledConfig) -> Classes:
    """Return the class of each value, ``(B)``, -1 for none.

    Raises:
        DataError: thresholds, and a value that is no number.
    """
    if config.edges:
        return _between(raw_B, config)
    text_B = _texts(raw_B)
    # each distinct value is looked at once
    distinct = pc.unique(text_B).drop_null()
    match = _by_keywords(config) if config.keywords else _by_values(config)
    class_V = np.array([*map(match, distinct.to_pylist()), NO_CLASS], np.int64)
    place_B = pc.fill_null(pc.index_in(text_B, value_set=distinct), len(distinct))
    return np.asarray(class_V[place_B.to_numpy()], np.int64)


def _between(raw_B: pa.ChunkedArray, config: RuledConfig) -> Classes:
    try:
        number_B = pc.fill_null(pc.cast(raw_B, pa.float64()), np.nan).to_numpy()
    except pa.ArrowException as error:
        raise DataError(f"task {config.name!r} has edges, so it needs numbers: {error}") from error
    class_B = np.searchsorted(config.edges, number_B, side="right")
    return np.asarray(np.where(np.isnan(number_B), NO_CLASS, class_B), np.int64)


def _by_values(config: RuledConfig) -> Callable[[str], int]:
    lists = config.values or {name: (name,) for name in config.classes}
    class_of = {v: config.classes.index(name) for name, values in lists.items() for v in values}
    return lambda text: class_of.get(text, NO_CLASS)


def _by_keywords(config: RuledConfig) -> Callable[[str], int]:
    words = [[w.casefold() for w in config.keywords[name]] for name in config.classes]

    def match(text: str) -> int:
        folded = text.casefold()
        found = [c for c, listed in enumerate(words) if any(word in folded for word in listed)]
        return found[0] if len(found) == 1 else NO_CLASS

    return match


def _texts(raw_B: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values as text; the members of a list are joined."""
    if pa.types.is_list(raw_B.type) or pa.types.is_large_list(raw_B.type):
        joined = [pc.binary_join(pc.cast(c, pa.list_(pa.string())), "; ") for c in raw_B.chunks]
        return pa.chunked_array(joined, pa.string())
    return pc.cast(raw_B, pa.string())


def _check_lists(config: RuledConfig, lists: Mapping[str, tuple[str, ...]]) -> None:
    """Every class has a list that is not empty, and no value stands in two."""
    if not lists:
        return
    for name in lists:
        if name not in config.classes:
            hint = did_you_mean(name, config.classes)
            raise UsageError(f"task {config.name!r} has no class {name!r}; {hint}")
    empty = [name for name in config.classes if not lists.get(name)]
    if empty:
        raise UsageError(f"task {config.name!r} lists nothing for class {empty[0]!r}")
    listed = [value for values in lists.values() for value in values]
    twice = sorted({value for value in listed if listed.count(value) > 1})
    if twice:
        raise UsageError(f"task {config.name!r} lists {twice[0]!r} twice; give it one class")
