"""What an ingest is made from, as one digest: only runs that agree in it may share their work."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from habitus.config import digest_of
from habitus.data.columns import TableName
from habitus.data.ingest_report import IngestConfig
from habitus.data.mapping import TracesMapping
from habitus.data.sources import Part, Source, Sql, files_of, parts

FORMAT = 2
"""Of what an unfinished ingest leaves on disk."""
_STEP = 2**20
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class IngestKey:
    """The mapping, the config, who opted out, and every source as it was before it was read.

    Files are told by place, size and time of change; frames by their values; a query by its text
    and the files that it names. Of ids nothing but the one digest of everything is ever stored.
    """

    def __init__(
        self,
        tables: Mapping[TableName, Source],
        mapping: TracesMapping,
        config: IngestConfig,
        opt_out: pl.Series,
    ) -> None:
        self._sources = {name: _described(source) for name, source in tables.items()}
        self._frames = {n: tables[n] for n, told in self._sources.items() if told is None}
        self._rest: dict[str, Any] = {
            "format": [FORMAT, pl.__version__],
            "mapping": mapping.to_dict(),
            "config": config.to_dict(),
            "opt_out": opt_out.sort().to_list(),
            # What was written before the machine stopped may not have reached the disk.
            "boot": _BOOT.read_text() if _BOOT.exists() else "",
        }

    @cached_property
    def digest(self) -> str | None:
        """16 hex digits, or None where what a source holds cannot be told: it is never resumed.

        Frames are hashed only when this is asked for: by a run that is worth resuming.
        """
        frames = {name: digest_of_frame(source) for name, source in self._frames.items()}
        if None in frames.values():
            return None
        return digest_of({**self._rest, "sources": self._sources, "frames": frames})


def digest_of_frame(source: Source) -> str | None:
    """Return a digest of the columns and values of a table in memory; None for a lazy query.

    It changes with the version of polars.
    """
    if isinstance(source, pl.LazyFrame):
        return None
    (part,) = parts(source)
    schema = part.schema()
    state = hashlib.blake2b(repr(list(schema.items())).encode(), digest_size=16)
    try:
        for start in range(0, part.num_rows or 0, _STEP):
            state.update(_hashes(part, start).tobytes())
    except pl.exceptions.PolarsError:
        return None
    return f"{part.num_rows} {state.hexdigest()}"


def _hashes(part: Part, start: int) -> Any:  # noqa: ANN401 - an array of polars' own choice
    frame = part.frame.slice(start, _STEP).collect()
    # Codes of categories mean nothing without their table.
    coded = [n for n, t in frame.schema.items() if isinstance(t, (pl.Categorical, pl.Enum))]
    return frame.with_columns(pl.col(coded).cast(pl.String)).hash_rows().to_numpy()


def _described(source: Source) -> list[Any] | None:
    """Return what tells a source on disk from others; None for one that lies in memory."""
    if isinstance(source, Sql):
        named = [a or b for a, b in _QUOTED.findall(source.query)]
        paths = [path for name in (source.database, *named) for path in _matching(name)]
        return [source.query, source.database, *map(_stat, paths)]
    if isinstance(source, (str, Path, Sequence)):
        return [_stat(path) for path in files_of(source)]
    return None


def _matching(name: str) -> list[Path]:
    """Return the files that a text in a query may mean."""
    path = Path(name)
    try:
        if path.exists():
            return [path]
        return sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
    except (OSError, ValueError, NotImplementedError):
        return []


def _stat(path: Path) -> list[Any]:
    found = path.stat()
    return [str(path.absolute()), found.st_size, found.st_mtime_ns]
