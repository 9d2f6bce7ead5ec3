"""Config: frozen, keyword-only dataclasses that go to a dictionary and back."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import re
import shlex
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, Union

import yaml

from habitus.errors import UsageError
from habitus.registry import did_you_mean

ConfigT = TypeVar("ConfigT", bound="Config")

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
"""YAML 1.1 takes 1e-3, which has no point, for a string."""

_UNIONS = (Union, types.UnionType)


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
        return _parse_config(cls, values, cls.__name__)

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


def meanings(config_type: type[Config]) -> dict[str, str]:
    """Return the docstring under each field, on one line; empty where there is none.

    They are read from the source, as comments are not kept: the nearest class that tells of a
    field is believed.
    """
    found = {field.name: "" for field in dataclasses.fields(config_type)}
    for base in reversed([b for b in config_type.__mro__ if dataclasses.is_dataclass(b)]):
        try:
            (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except OSError:
            # Python without its sources still has the fields.
            continue
        assert isinstance(node, ast.ClassDef)
        for statement, after in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found[statement.target.id] = _text_of(after) or found.get(statement.target.id, "")
    return found


def _text_of(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""


_WORDS: typing.Final[Mapping[Any, str]] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    type(None): "null",
    Any: "anything",
}


def allowed(hint: Any) -> str:  # noqa: ANN401 - any annotation
    """Return what a field with this annotation may hold, in the words of a YAML file.

    >>> allowed(tuple[int, ...] | None)
    'a list of whole numbers or null'
    """
    if hint in _WORDS:
        return _WORDS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(map(str, arguments))
    if origin in _UNIONS:
        return " or ".join(map(allowed, arguments))
    if origin is tuple:
        return _allowed_list(arguments)
    if _is_mapping(hint):
        return f"a mapping of {' to '.join(_many(a) for a in arguments)}"
    if isinstance(hint, type) and issubclass(hint, Config):
        return f"a mapping with keys of {', '.join(f.name for f in dataclasses.fields(hint))}"
    return str(hint)


def _allowed_list(hints: tuple[Any, ...]) -> str:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return f"a list of {_many(hints[0])}"
    if len(set(hints)) == 1:
        return f"a list of {len(hints)} {_many(hints[0])}"
    return f"a list of {', '.join(map(allowed, hints))}"


def _many(hint: Any) -> str:  # noqa: ANN401 - any annotation
    head, space, rest = allowed(hint).removeprefix("a ").partition(" of ")
    return f"{head}{'' if head == 'anything' else 's'}{space}{rest}"


def _is_mapping(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _parse_config(hint: type[ConfigT], value: Any, where: str) -> ConfigT:  # noqa: ANN401
    if isinstance(value, hint):
        return value
    if not isinstance(value, Mapping):
        raise UsageError(f"{where or 'a config'} must be {allowed(hint)}, got {value!r}")
    hints, fields = typing.get_type_hints(hint), dataclasses.fields(hint)
    for key in value:
        if key not in [f.name for f in fields]:
            near = did_you_mean(key, [f.name for f in fields])
            raise UsageError(f"{where or 'a config'} has no key {key!r}; {near}")
    missing = [f.name for f in fields if f.name not in value and not _has_default(f)]
    if missing:
        raise UsageError(f"{where or 'a config'} needs {', '.join(missing)}")
    head = where and f"{where}."
    return hint(**{k: _parse(hints[k], v, f"{head}{k}") for k, v in value.items()})


def _has_default(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _parse(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    """Return ``value`` as ``hint``, or say what is wrong with it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _parse_union(hint, value, where)
    if origin is Literal:
        if not any(value == a and type(value) is type(a) for a in arguments):
            among = ", ".join(map(repr, arguments))
            raise UsageError(f"{where} must be one of {among}, got {value!r}")
        return value
    if origin is tuple:
        return _parse_tuple(hint, value, where)
    if _is_mapping(hint):
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be {allowed(hint)}, got {value!r}")
        return {str(k): _parse(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(hint, type) and issubclass(hint, Config):
        return _parse_config(hint, value, where)
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
        _parse(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(hints, value, strict=True))
    )


def _parse_union(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401
    choices = [c for c in typing.get_args(hint) if c is not type(None)]
    if value is None and len(choices) < len(typing.get_args(hint)):
        return None
    if len(choices) == 1 and isinstance(value, (Mapping, list, tuple)):
        # What is wrong lies further in, and is told there.
        return _parse(choices[0], value, where)
    for choice in choices:
        try:
            return _parse(choice, value, where)
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
        _assign(values, type(config), assignment)
    return _parse_config(type(config), values, "")


def _assign(values: dict[str, Any], hint: Any, assignment: str) -> None:  # noqa: ANN401
    """Change one value of nested dictionaries; say what is wrong, and how it would be right."""
    path, equals, text = (part.strip() for part in assignment.partition("="))
    place: Any = values
    *parents, last = path.split(".")
    for parent in parents:
        below = place.get(parent) if isinstance(place, dict) else None
        hint = _hint_below(hint, parent)
        if below is None and _config_of(hint) is not None:
            # A part that is off is on as soon as something of it is set.
            below = place[parent] = {}
        place = below
    hint = _hint_below(hint, last)
    if hint is None or not isinstance(place, dict):
        raise UsageError(f"no setting {path!r}; {_nearest(path, place, values)}")
    old = place.get(last)
    example = _assignment(path, hint, old)
    if not equals:
        raise UsageError(f"write a setting as key=value, such as {example}, got {assignment!r}")
    try:
        place[last] = read_yaml(text)
        _parse(hint, place[last], path)
    except yaml.YAMLError as error:
        raise UsageError(
            f"the value of {path!r} is no YAML, such as {example}: {text!r}"
        ) from error
    except UsageError as error:
        raise UsageError(f"{error}; write it like {example}") from error


def _assignment(path: str, hint: Any, value: Any) -> str:  # noqa: ANN401
    """Return how a setting is written at a terminal: as it is, or with some value if it is none."""
    if (config_type := _config_of(hint)) is not None:
        first = dataclasses.fields(config_type)[0].name
        below = typing.get_type_hints(config_type)[first]
        return _assignment(f"{path}.{first}", below, (value or {}).get(first))
    return shlex.quote(f"{path}={as_yaml(_example(hint) if value in (None, []) else value)}")


class _Loader(yaml.SafeLoader):
    """Reads 2017-10-01 as a text, as dates are written everywhere here."""


_Loader.yaml_implicit_resolvers = {
    start: [(tag, shape) for tag, shape in found if not tag.endswith(":timestamp")]
    for start, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str) -> Any:  # noqa: ANN401 - anything that YAML can hold
    """Return plain values; dates are texts, so that one that there is not is told like any other.

    >>> read_yaml("{first: 2017-10-01, test: 2017-13-01, days: 30}")
    {'first': '2017-10-01', 'test': '2017-13-01', 'days': 30}

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - an heir of the safe one


def as_yaml(value: Any) -> str:  # noqa: ANN401 - any plain value
    """Return a plain value on one line, as :func:`override` reads it.

    >>> as_yaml({"betas": (0.9, 0.98), "clip_norm": None})
    '{betas: [0.9, 0.98], clip_norm: null}'
    """
    text = yaml.safe_dump(_plain(value), default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _config_of(hint: Any) -> type[Config] | None:  # noqa: ANN401
    """Return the config that a field may hold, None where it holds something else."""
    choices = typing.get_args(hint) if typing.get_origin(hint) in _UNIONS else (hint,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, Config)), None)


def _hint_below(hint: Any, name: str) -> Any:  # noqa: ANN401
    """Return the annotation of ``name`` in a config or a mapping; None where there is none."""
    if (config_type := _config_of(hint)) is not None:
        return typing.get_type_hints(config_type).get(name)
    return typing.get_args(hint)[1] if _is_mapping(hint) else None


def _example(hint: Any) -> Any:  # noqa: ANN401
    """Return some value of an annotation, plain."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        return _example(next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return [_example(a) for a in arguments if a is not Ellipsis]
    return {str: "name", int: 1, float: 0.5, bool: True, Path: "file"}.get(hint, {})


def _nearest(path: str, place: Any, values: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Return the end of an error message: the setting that was most likely meant."""
    head, _, last = path.rpartition(".")
    keys = list(_keys(values))
    beside = [key for key in keys if key.rpartition(".")[0] == head]
    near = _closest(last, beside) if not head or head in keys else None
    # Else the parts before it are forgotten, or misspelt.
    near = near or _closest(last, keys, 0.8) or next(iter(get_close_matches(path, keys, 1)), None)
    if near and near != head:
        return f"did you mean {near!r}?"
    return f"known there: {', '.join(place if isinstance(place, dict) and place else values)}"


def _closest(last: str, keys: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the key that ends most like ``last``, if any does."""
    key_of = {key.rpartition(".")[2]: key for key in reversed([*keys])}
    return next((key_of[name] for name in get_close_matches(last, key_of, 1, cutoff)), None)


def _keys(values: Mapping[str, Any], head: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield head + name
        if isinstance(value, Mapping):
            yield from _keys(value, f"{head}{name}.")
