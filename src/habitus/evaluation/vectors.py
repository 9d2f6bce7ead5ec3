"""The store of vectors: each method's, at each cutoff, computed once.

Shapes: U users asked about at a cutoff, B some of them, D width.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot, format_time
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError
from habitus.evaluation.features import Method
from habitus.probes.base import Matrix


class FeatureStore:
    """Vectors by method and cutoff: computed once, kept on disk or in memory.

    Args:
        traces: the data.
        users_at: the users, ascending, who are asked about at each cutoff.
        folder: where to keep the vectors, mapped for as long as somebody reads them: memory does
            not grow with the methods; None keeps all of them in memory.
    """

    def __init__(self, traces: Traces, users_at: Mapping[int, Rows], folder: Path | None) -> None:
        self.traces, self.users_at, self.folder = traces, users_at, folder
        self._kept: dict[tuple[str, int], Matrix] = {}
        self._digests: dict[int, str] = {}

    def vectors(self, method: Method, cutoff: int) -> Matrix:
        """Return the vectors of a source for all users asked about at the cutoff, ``(U, D)``."""
        if self.folder is not None:
            return self._mapped(method, cutoff, self.folder)
        key = (method.fingerprint, cutoff)
        if key not in self._kept:
            self._kept[key] = self._compute(method, cutoff)
        return self._kept[key]

    def take(self, method: Method, cutoff: int, users_B: Rows) -> Matrix:
        """Return a method's vectors of some of those users, ``(B, D)``; variants: the first."""
        rows_B = np.searchsorted(self.users_at[cutoff], users_B)
        sources = method.at(0).sources()
        return np.hstack([self.vectors(source, cutoff)[rows_B] for source in sources])

    def width(self, method: Method) -> int | None:
        """Return the width of the vectors, None for a method that has none."""
        sources = method.at(0).sources()
        cutoff = min(self.users_at)
        return sum(self.vectors(source, cutoff).shape[1] for source in sources) or None

    def _mapped(self, method: Method, cutoff: int, folder: Path) -> Matrix:
        file = folder / f"{method.fingerprint}-{format_time(cutoff)}-{self._who(cutoff)}.npy"
        if not file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(f".{os.getpid()}.unfinished")
            with unfinished.open("wb") as stream:
                np.save(stream, self._compute(method, cutoff), allow_pickle=False)
            unfinished.replace(file)
        return np.asarray(np.load(file, mmap_mode="r", allow_pickle=False), np.float32)

    def _who(self, cutoff: int) -> str:
        if cutoff not in self._digests:
            asked = [self.traces.digest, self.users_at[cutoff].tolist()]
            self._digests[cutoff] = digest_of(asked)
        return self._digests[cutoff]

    def _compute(self, method: Method, cutoff: int) -> Matrix:
        assert method.represent is not None
        users_U = self.users_at[cutoff]
        x_UD = np.asarray(method.represent(Snapshot(self.traces, cutoff, users_U)), np.float32)
        if x_UD.ndim != 2 or len(x_UD) != len(users_U):
            raise DataError(
                f"method {method.name!r} must give one vector a user, ({len(users_U)}, D), got "
                f"the shape {x_UD.shape}"
            )
        if not np.isfinite(x_UD).all():
            raise DataError(
                f"method {method.name!r} gives vectors that are not finite at {format_time(cutoff)}"
            )
        return x_UD
