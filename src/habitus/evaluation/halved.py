"""What each class task lets a representation read: everything, or one half of the posts.

The other half is not hidden from methods, it is not there: they are handed traces without it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from habitus.config import digest_of
from habitus.data.traces import Traces
from habitus.evaluation.altered import selected
from habitus.tasks.classes import ClassTaskConfig
from habitus.tasks.halves import readable


class Halves:
    """Traces by the half that may be read, each written once.

    Args:
        traces: the whole.
        folder: where to keep the halves; None keeps them until the end of the ``with`` block.
    """

    def __init__(self, traces: Traces, folder: Path | None = None) -> None:
        self.traces = traces
        self._temporary = TemporaryDirectory(prefix="habitus-halves-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else folder
        self._opened: dict[str, Traces] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def of(self, config: ClassTaskConfig) -> Traces:
        """Return what the representation of a task may read, its cutoff aside; rows stay."""
        if config.part == "all":
            return self.traces
        key = digest_of([self.traces.digest, config.part, config.part_by, config.part_seed])
        if key not in self._opened:
            self._opened[key] = self._read(key, config)
        return self._opened[key]

    def _read(self, key: str, config: ClassTaskConfig) -> Traces:
        assert self.folder is not None
        out = self.folder / key
        if not (out / "manifest.json").is_file():
            # what an interrupted run left has no manifest yet
            shutil.rmtree(out, ignore_errors=True)
            selected(self.traces, out, readable(self.traces, config))
        return Traces(out)
