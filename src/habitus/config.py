"""Config: frozen, keyword-only dataclasses that go to a dictionary and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, Union

import yaml

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
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the config; raise :class:`UsageError` for an unknown key or a wrong type."""
        if not isinstance(values, Mapping):
            raise UsageError(f"{cls.__name__} needs a mapping of keys to values, got {values!r}")
        hints = typing.get_type_hints(cls)
        names = [f.name for f in dataclasses.fields(cls)]
        for key in values:
            if key not in names:
                raise UsageError(f"{cls.__name__} has no key {key!r}; {did_you_mean(key, names)}")
        missing = [
            f.name
            for f in dataclasses.fields(cls)
            if f.name not in values
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise UsageError(f"{cls.__name__} needs {', '.join(missing)}")
        return cls(**{k: _parse(hints[k], v, f"{cls.__name__}.{k}") for k, v in values.items()})

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


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _parse(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Return ``value`` as ``hint``, or say what is wrong with it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _parse_union(arguments, value, where)
    if origin is Literal:
        if not any(value == a and type(value) is type(a) for a in arguments):
            allowed = ", ".join(map(repr, arguments))
            raise UsageError(f"{where} must be one of {allowed}, got {value!r}")
        return value
    if origin is tuple:
        return _parse_tuple(arguments, value, where)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be a mapping, got {value!r}")
        return {str(k): _parse(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    return _parse_scalar(hint, value, where)


def _parse_tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{where} must be a list, got {value!r}")
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise UsageError(f"{where} must hold {len(hints)} values, got {len(value)}: {value!r}")
    return tuple(
        _parse(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(hints, value, strict=True))
    )


def _parse_union(choices: tuple[Any, ...], value: Any, where: str) -> Any:  # noqa: ANN401
    if value is None and type(None) in choices:
        return None
    problems = []
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _parse(choice, value, where)
        except UsageError as error:
            problems.append(str(error))
    raise UsageError("; or ".join(problems))


def _parse_scalar(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    if isinstance(hint, type) and issubclass(hint, Config):
        return value if isinstance(value, hint) else hint.from_dict(value)
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
    name = getattr(hint, "__name__", str(hint))
    raise UsageError(f"{where} must be of type {name}, got {value!r}")


def override(config: ConfigT, assignments: Iterable[str]) -> ConfigT:
    """Return a config with some values changed: ``"training.max_steps=100"``, the value as YAML.

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Sizes(Config):
    ...     width: int = 64
    >>> override(Sizes(), ["width=8"])
    Sizes(width=8)

    Raises:
        UsageError: no ``=``, an unknown key, or a value of the wrong type or that is no YAML.
    """
    values = config.to_dict()
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"write a setting as key=value, got {assignment!r}")
        *parents, last = path.strip().split(".")
        place: Any = values
        for parent in parents:
            if not isinstance(place, dict) or parent not in place:
                known = list(place) if isinstance(place, dict) else []
                raise UsageError(f"no setting {path!r}; {did_you_mean(parent, known)}")
            place = place[parent]
        if not isinstance(place, dict) or last not in place:
            known = list(place) if isinstance(place, dict) else []
            raise UsageError(f"no setting {path!r}; {did_you_mean(last, known)}")
        try:
            place[last] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(f"the value of {path!r} is no YAML: {text!r}") from error
    return type(config).from_dict(values)
