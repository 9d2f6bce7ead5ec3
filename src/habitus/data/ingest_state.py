"""What an ingest has finished, beside its files: read by the next run that has the same key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from habitus.config import digest_of

SCRATCH = ".scratch"
"""Folder in the workspace for all that is no part of the traces."""
STATE = "state.json"


class Torn(Exception):  # noqa: N818 - it never leaves ingest
    """What an earlier run left is not what its state says: start over."""


class IngestState:
    """Plain values, kept in one file that is replaced as a whole.

    The state is written after the files that it tells of, so these may hold more than it says,
    never less.

    Args:
        scratch: where the file goes; None to keep nothing.
        key: the digest of all that the ingest is made from, asked for only when there is something
            to keep or to resume; None where it cannot be told: then nothing is kept either.
    """

    def __init__(
        self, scratch: Path | None = None, key: Callable[[], str | None] = lambda: None
    ) -> None:
        self._path = None if scratch is None else scratch / STATE
        self._key = key
        self.values: dict[str, Any] = {}

    @property
    def is_kept(self) -> bool:
        """Whether :meth:`save` keeps anything."""
        return self._path is not None and self._key() is not None

    def load(self) -> bool:
        """Take what a run with the same key has finished; return whether there is such a thing."""
        self.values = {}
        if self._path is None or not self._path.is_file():
            return False
        try:
            stored = json.loads(self._path.read_text(encoding="utf8"))
            whole = stored["check"] == digest_of(stored["values"])
            if whole and stored["key"] == self._key() is not None:
                self.values = dict(stored["values"])
        except (OSError, ValueError, LookupError, TypeError):
            return False
        return bool(self.values)

    def save(self, **values: Any) -> None:  # noqa: ANN401 - anything that JSON can hold
        """Add values to those that are kept, and write all."""
        if not self.is_kept or self._path is None:
            return
        self.values |= values
        stored = {"key": self._key(), "check": digest_of(self.values), "values": self.values}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(stored), encoding="utf8")
        new.replace(self._path)


def is_resumable(workspace: Path) -> bool:
    """Return whether a run has left a state that another may resume."""
    return (workspace / SCRATCH / STATE).is_file()


def sizes_of(folder: Path, paths: Iterable[Path] | None = None) -> dict[str, int]:
    """Return the size of files below a folder: all, or those named."""
    found = folder.rglob("*") if paths is None else paths
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in found if p.is_file()}


def check_sizes(folder: Path, sizes: dict[str, int]) -> None:
    """Raise :class:`Torn` where a file is missing or not as long as it was."""
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise Torn(f"{path} is not of {size} bytes")
