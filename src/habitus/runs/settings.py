"""What can be set of a run: every key with its value, what is allowed and what it means.

All of it is read from the configs themselves, so that a new field is listed as soon as it is there.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from typing import NamedTuple

from habitus.config import Config, allowed, as_yaml, meanings

CHOSEN = ("name", "preset")
"""Fields of a run that say which it is: they are chosen, not set."""
_END = re.compile(r"(?<=[.?])\s+(?=[A-Z`])|(?<=\.)$")


class Setting(NamedTuple):
    """One value that can be set, or a part that holds several."""

    key: str
    """Such as ``training.max_steps``."""
    value: str | None
    """As YAML, on one line, ready to be given back; None for a part."""
    allowed: str
    """What else it may be; empty for a part."""
    meaning: str
    """The first sentence of what its docstring says."""


def settings_of(config: Config, head: str = "") -> Iterator[Setting]:
    """Yield the settings of a config in the order of its fields, single values before parts.

    >>> from habitus.data.split import UserSplit
    >>> next(settings_of(UserSplit(), "split."))[:3]
    ('split.train', '0.6', 'a number')
    """
    hints, told = typing.get_type_hints(type(config)), meanings(type(config))
    names = [f.name for f in dataclasses.fields(config) if head or f.name not in CHOSEN]
    parts = [name for name in names if isinstance(getattr(config, name), Config)]
    for name in (name for name in names if name not in parts):
        value = as_yaml(getattr(config, name))
        yield Setting(head + name, value, allowed(hints[name]), first_sentence(told[name]))
    for name in parts:
        part = getattr(config, name)
        about = told[name] or " ".join((inspect.getdoc(type(part)) or "").split())
        yield Setting(head + name, None, "", first_sentence(about))
        yield from settings_of(part, f"{head}{name}.")


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, its markup taken off.

    >>> first_sentence("Such as ``a``, e.g. 3.5 of them. More of :class:`this`.")
    'Such as a, e.g. 3.5 of them.'
    """
    bare = re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("`", "")
    return _END.split(bare, maxsplit=1)[0]
