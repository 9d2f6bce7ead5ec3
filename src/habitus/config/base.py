"""Config: frozen, keyword-only dataclasses that go to a dictionary and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from habitus.config.words import UNIONS, allowed, is_mapping
from habitus.errors import UsageError
from habitus.registry import did_you_mean

ConfigT = TypeVar("ConfigT", bound="Config")

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""YAML 1.1 takes 1e-3, which has no point, for a string."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one component, beside its class.

    Heirs are frozen, keyword-only dataclasses whose fields are numbers, strings, booleans, paths,
    tuples, dictionaries or other configs. An unknown key is an error.

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Sizes(Config):
    ...     width: int = 64
    >>> Sizes.from_dict({"width": 8})
    Sizes(width=8)
    >>> Sizes.from_dict({"widht": 8})
    Traceback (most recent call last):
    habitus.errors.UsageError: Sizes has no key 'widht'; did you mean 'width'?
    """

    def to_dict(self) -> dict[str, Any]:
        """Return plain values only: what JSON and YAML can hold."""
        return {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the config; raise :class:`UsageError` for an unknown key or a wrong type."""
        return parse_config(cls, values, cls.__name__)

    def fingerprint(self) -> str:
        """Return 16 hex digits that change when any value changes."""
        return digest_of(self.to_dict())


def digest_of(value: Any) -> str:  # noqa: ANN401 - anything that JSON can hold
    """Return 16 hex digits of a JSON-able value, the same on every machine; 1 and 1.0 are equal.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:  # noqa: ANN401
    # A field of floats holds 1 when it is written in Python and 1.0 when it is read from a file.
    if isinstance(value, Mapping):
        return {k: _canonical(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return plain values only: what JSON and YAML can hold."""
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def parse_config(hint: type[ConfigT], value: Any, where: str) -> ConfigT:  # noqa: ANN401
    """Return a config of plain values; ``where`` is what messages call it, empty for a whole one.

    Raises:
        UsageError: an unknown key, a missing one, or a value of the wrong type.
    """
    if isinstance(value, hint):
        return value
    if not isinstance(value, Mapping):
        raise UsageError(f"{where or 'the whole'} must be {allowed(hint)}, got {value!r}")
    hints, fields = typing.get_type_hints(hint), dataclasses.fields(hint)
    for key in value:
        if key not in [f.name for f in fields]:
            near = did_you_mean(key, [f.name for f in fields])
            raise UsageError(f"{where or 'the whole'} has no key {key!r}; {near}")
    missing = [f.name for f in fields if f.name not in value and not _has_default(f)]
    if missing:
        raise UsageError(f"{where or 'the whole'} needs {', '.join(missing)}")
    head = where and f"{where}."
    return hint(**{k: parse_value(hints[k], v, f"{head}{k}") for k, v in value.items()})


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def parse_value(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Return ``value`` as ``hint``, or say what is wrong with it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in UNIONS:
        return _parse_union(hint, value, where)
    if origin is Literal:
        if not any(value == a and type(value) is type(a) for a in arguments):
            among = ", ".join(map(repr, arguments))
            raise UsageError(f"{where} must be one of {among}, got {value!r}")
        return value
    if origin is tuple:
        return _parse_tuple(hint, value, where)
    if is_mapping(hint):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be {allowed(hint)}, got {value!r}")
        return {str(k): parse_value(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Config):
        return parse_config(hint, value, where)
    return _parse_scalar(hint, value, where)


def _parse_tuple(hint: Any, value: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    hints = typing.get_args(hint)
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{where} must be {allowed(hint)}, got {value!r}")
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise UsageError(f"{where} must hold {len(hints)} values, got {len(value)}: {value!r}")
    return tuple(
        parse_value(h, v, f"{where}[{i}]")
        for i, (h, v) in enumerate(zip(hints, value, strict=True))
    )


def _parse_union(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    choices = [c for c in typing.get_args(hint) if c is not type(None)]
    if value is None and len(choices) < len(typing.get_args(hint)):
        return None
    if len(choices) == 1 and isinstance(value, (Mapping, list, tuple)):
        # What is wrong lies further in, and is told there.
        return parse_value(choices[0], value, where)
    for choice in choices:
        try:
            return parse_value(choice, value, where)
        except UsageError:
            continue
    raise UsageError(f"{where} must be {allowed(hint)}, got {value!r}")


def _parse_scalar(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if hint is Any:
        return value
    if hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    wrong_bool = isinstance(value, bool) and hint is not bool
    if isinstance(hint, type) and isinstance(value, hint) and not wrong_bool:
        return value
    raise UsageError(f"{where} must be {allowed(hint)}, got {value!r}")
