"""Small checks that compose: each names the path of what is wrong, such as ``cells[3].probe``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from habitus.errors import DataError

Check = Callable[[object, str], None]
"""Takes a value and its path; raises :class:`DataError` where the value is wrong."""


def wrong(path: str, wanted: str, value: object) -> DataError:
    """Return the error that says what stands at ``path`` and what should.

    >>> str(wrong("split.train", "a whole number", "many"))
    "split.train must be a whole number, got 'many'"
    """
    shown = repr(value)
    shown = shown if len(shown) < 80 else f"{shown[:77]}…"
    return DataError(f"{path} must be {wanted}, got {shown}")


def text(value: object, path: str) -> None:
    """A string, perhaps empty."""
    if not isinstance(value, str):
        raise wrong(path, "text", value)


def flag(value: object, path: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(path, "true or false", value)


def whole(value: object, path: str) -> None:
    """A whole number, zero or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise wrong(path, "a whole number, zero or more", value)


def anything(value: object, path: str) -> None:
    """Any value at all."""


def number(low: float = -math.inf, high: float = math.inf) -> Check:
    """Return the check for a finite number between ``low`` and ``high``, both included."""
    span = "" if low == -math.inf else f" from {low:g}"
    span += "" if high == math.inf else f" to {high:g}"

    def check(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong(path, f"a number{span}", value)
        if not math.isfinite(value):
            raise wrong(path, f"a finite number{span} (write null for a missing one)", value)
        if not low <= value <= high:
            raise wrong(path, f"a number{span}", value)

    return check


def nullable(inner: Check) -> Check:
    """Return the check that also takes null."""

    def check(value: object, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def one_of(*allowed: str) -> Check:
    """Return the check for one of a few strings."""

    def check(value: object, path: str) -> None:
        if value not in allowed:
            raise wrong(path, f"one of {', '.join(map(repr, allowed))}", value)

    return check


def listing(inner: Check) -> Check:
    """Return the check for a list whose members all pass."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, (list, tuple)):
            raise wrong(path, "a list", value)
        for i, member in enumerate(value):
            inner(member, f"{path}[{i}]")

    return check


def mapping(inner: Check) -> Check:
    """Return the check for an object of any keys whose values all pass."""

    def check(value: object, path: str) -> None:
        for key, member in members(value, path).items():
            inner(member, f"{path}.{key}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Return the check for an object of known keys; null passes for an optional one."""
    optional = optional or {}

    def check(value: object, path: str) -> None:
        values = members(value, path)
        for key, inner in required.items():
            if key not in values:
                raise DataError(f"{f'{path}.{key}'.lstrip('.')} is missing")
            inner(values[key], f"{path}.{key}".lstrip("."))
        for key, inner in optional.items():
            if values.get(key) is not None:
                inner(values[key], f"{path}.{key}".lstrip("."))

    return check


def members(value: object, path: str) -> Mapping[str, Any]:
    """Return the value as an object with text keys, or say that it is none."""
    if not isinstance(value, Mapping):
        raise wrong(path or "the results", "an object of keys and values", value)
    for key in value:
        if not isinstance(key, str):
            raise wrong(path or "the results", "an object whose keys are text", key)
    return value
