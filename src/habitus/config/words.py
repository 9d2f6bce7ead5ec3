"""What a field may hold, and what it means, in words for people who have not read the code."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Union

UNIONS: Final = (Union, types.UnionType)
"""What a choice of annotations may be."""


def meanings(config_type: type[Any]) -> dict[str, str]:
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


_WORDS: Final[Mapping[Any, str]] = {
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
    if origin in UNIONS:
        return " or ".join(map(allowed, arguments))
    if origin is tuple:
        return _allowed_list(arguments)
    if is_mapping(hint):
        return f"a mapping of {' to '.join(_many(a) for a in arguments)}"
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
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


def is_mapping(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    """Return whether an annotation is one of a mapping, such as ``dict[str, int]``."""
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, Mapping)
