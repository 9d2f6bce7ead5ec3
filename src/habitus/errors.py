"""What a caller may catch, and the exit code that the command line gives each kind.

Every message names the value, what is allowed, and what to do. Which kind a mistake is of is ruled
in :mod:`habitus.cli.errors`.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar


class HabitusError(ValueError):
    """Anything that a user of the package can cause; a :class:`ValueError`."""

    exit_code: ClassVar[int] = 1


class UsageError(HabitusError):
    """A wrong argument, option or config key."""

    exit_code = 2


class DataError(HabitusError):
    """Data that is missing, damaged or of the wrong kind."""

    exit_code = 3


class GuardError(HabitusError):
    """Something that was stopped on purpose: a leak, too many bad rows, a sensitive task."""

    exit_code = 4


class MissingExtraError(UsageError):
    """An optional dependency is not installed.

    >>> raise MissingExtraError("duckdb", extra="sql", what="SQL sources")
    Traceback (most recent call last):
    habitus.errors.MissingExtraError: SQL sources need duckdb: pip install 'habitus[sql]'
    """

    def __init__(self, package: str, *, extra: str, what: str) -> None:
        super().__init__(f"{what} need {package}: pip install 'habitus[{extra}]'")
        self._rebuild = partial(type(self), package, extra=extra, what=what)

    def __reduce__(self) -> tuple[partial[MissingExtraError], tuple[()]]:
        # Exceptions are rebuilt from their args alone, which would lose it on the way out of a
        # worker process, and the process with it.
        return self._rebuild, ()
