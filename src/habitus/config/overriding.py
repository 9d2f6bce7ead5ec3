"""Settings from the command line: ``training.max_steps=100``, each told where it is wrong."""

from __future__ import annotations

import dataclasses
import shlex
import typing
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml

from habitus.config.base import Config, ConfigT, parse_config, parse_value, plain
from habitus.config.words import UNIONS, is_mapping
from habitus.errors import UsageError


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
    return parse_config(type(config), values, "")


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
        parse_value(hint, place[last], path)
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
    text = yaml.safe_dump(plain(value), default_flow_style=True, sort_keys=False, width=10**6)
    return text.removesuffix("\n").removesuffix("\n...")


def _config_of(hint: Any) -> type[Config] | None:  # noqa: ANN401
    """Return the config that a field may hold, None where it holds something else."""
    choices = typing.get_args(hint) if typing.get_origin(hint) in UNIONS else (hint,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, Config)), None)


def _hint_below(hint: Any, name: str) -> Any:  # noqa: ANN401
    """Return the annotation of ``name`` in a config or a mapping; None where there is none."""
    if (config_type := _config_of(hint)) is not None:
        return typing.get_type_hints(config_type).get(name)
    return typing.get_args(hint)[1] if is_mapping(hint) else None


def _example(hint: Any) -> Any:  # noqa: ANN401
    """Return some value of an annotation, plain."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in UNIONS:
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
