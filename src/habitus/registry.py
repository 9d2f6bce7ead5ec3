"""A table from short names to objects, imported only when asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar, cast

from habitus.errors import UsageError

T = TypeVar("T")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of an error message: the nearest known name, or all of them.

    ``name`` is what the caller gave: in a YAML file a key may be a number.

    >>> did_you_mean("widht", ["width", "num_layers"])
    "did you mean 'width'?"
    >>> did_you_mean("zzz", ["width", "num_layers"])
    'known: width, num_layers'
    """
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


class UnknownNameError(UsageError, KeyError):
    """A name that a registry does not hold; its message reads as a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, T]):
    """Look up an object by its short name.

    Entries are ``"module:attribute"`` strings, so listing the names, as ``--help`` does, imports
    no model code and no optional dependency.

    >>> shapes = Registry[type]("shape", {"ordered": "collections:OrderedDict"})
    >>> shapes["ordered"].__name__
    'OrderedDict'
    >>> shapes["orderd"]
    Traceback (most recent call last):
    habitus.registry.UnknownNameError: no shape is called 'orderd'; did you mean 'ordered'?
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(sorted(entries.items()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise UnknownNameError(
                f"no {self.kind} is called {name!r}; {did_you_mean(name, self._entries)}"
            )
        module, _, attribute = self._entries[name].partition(":")
        return cast(T, getattr(importlib.import_module(module), attribute))
