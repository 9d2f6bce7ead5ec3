"""From raw values to classes: by a list of values, by keywords, or by thresholds.

Shapes: B users, V distinct values, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.keywords import keyword_pattern
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError
from habitus.registry import did_you_mean
from habitus.tasks.classes import Classes, ClassTaskConfig

NO_CLASS = -1
"""Where a value is missing or of no class: that user is not asked."""


@dataclass(frozen=True, kw_only=True)
class RuledConfig(ClassTaskConfig):
    """Which raw values are which class: at most one rule; without one, a value is a class's name.

    Keywords are those of PASUM's Tables 9 and 10: a user is classified "as long as the relevant
    keywords are matched"; what matching is, :mod:`habitus.data.keywords` says. Where a user has
    several values, a list, each is looked at. Differs from the paper: who is of two classes, by one
    value or by several, is not asked, where the paper does not say.
    """

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → its raw values."""
    keywords: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Class → words, one of which stands in the raw value: as a whole word, or anywhere in scripts
    that do not write words apart. Upper and lower case are one."""
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
    """Return the class of each user, ``(B)``, -1 for none.

    Args:
        raw_B: one value a user, or a list of values.
        config: the rule.

    Raises:
        DataError: thresholds, and a value that is no number.
    """
    if config.edges:
        return _between(raw_B, config)
    user_N, text_N = _values(raw_B)
    # each distinct value is looked at once
    distinct = pc.unique(text_N)
    match = _by_keywords(config) if config.keywords else _by_values(config)
    places = pc.index_in(text_N, value_set=distinct).to_numpy()
    of_class_VC = np.array([*map(match, distinct.to_pylist())], np.bool_)
    of_class_BC = np.zeros((len(raw_B), len(config.classes)), np.bool_)
    np.logical_or.at(of_class_BC, user_N, of_class_VC.reshape(-1, len(config.classes))[places])
    alone_B = of_class_BC.sum(axis=1) == 1
    return np.where(alone_B, of_class_BC.argmax(axis=1), NO_CLASS).astype(np.int64)


def _between(raw_B: pa.ChunkedArray, config: RuledConfig) -> Classes:
    try:
        number_B = pc.fill_null(pc.cast(raw_B, pa.float64()), np.nan).to_numpy()
    except pa.ArrowException as error:
        raise DataError(
            f"task {config.name!r} has edges, so it needs one number of each user: {error}"
        ) from error
    class_B = np.searchsorted(config.edges, number_B, side="right")
    return np.asarray(np.where(np.isnan(number_B), NO_CLASS, class_B), np.int64)


def _by_values(config: RuledConfig) -> Callable[[str], list[bool]]:
    lists = [frozenset(config.values.get(name, (name,))) for name in config.classes]
    return lambda text: [text in values for values in lists]


def _by_keywords(config: RuledConfig) -> Callable[[str], list[bool]]:
    finds = [
        keyword_pattern(word.casefold() for word in config.keywords[name])
        for name in config.classes
    ]
    return lambda text: [one.search(text.casefold()) is not None for one in finds]


def _values(raw_B: pa.ChunkedArray) -> tuple[Rows, pa.Array]:
    """Return user and text of each value; a missing one is none."""
    raw = raw_B.combine_chunks()
    user_N = np.arange(len(raw), dtype=np.int64)
    if pa.types.is_list(raw.type) or pa.types.is_large_list(raw.type):
        user_N, raw = pc.list_parent_indices(raw).to_numpy(), pc.list_flatten(raw)
    text_N = pc.cast(raw, pa.string())
    is_there_N = pc.is_valid(text_N)
    return user_N[is_there_N.to_numpy(zero_copy_only=False)], text_N.filter(is_there_N)


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
