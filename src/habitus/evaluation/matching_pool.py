"""The pool of users to match: drawn once, stored, and the same for every method.

Shapes: N users of the pool.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError
from habitus.evaluation.matching_split import MatchingSplit


@dataclass(frozen=True)
class MatchingPool:
    """Rows of users, and of which traces and draw they are."""

    seed: int
    digest: str
    """Of the traces."""
    users_N: Rows

    @classmethod
    def draw(cls, traces: Traces, split: MatchingSplit) -> MatchingPool:
        """Draw the pool of a split.

        Raises:
            DataError: the traces have no texts.
            GuardError: too few users on two services.
        """
        return cls(split.pool_seed, traces.digest, split.parts(traces).pool_U)

    def snapshot(self, traces: Traces, as_of: int | str | None = None) -> Snapshot:
        """Return the users of the pool.

        Raises:
            DataError: the pool was drawn from other traces.
        """
        if traces.digest != self.digest:
            raise DataError(f"this pool was drawn from other traces than {traces.path}: draw again")
        return Snapshot(traces, as_of, self.users_N)

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file, without pickle."""
        seed, digest = np.array(self.seed), np.array(self.digest)
        np.savez_compressed(path, seed=seed, digest=digest, users_N=self.users_N)

    @classmethod
    def load(cls, path: str | Path) -> MatchingPool:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return cls(file["seed"].item(), file["digest"].item(), file["users_N"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} holds no pool ({error}); draw it again") from error
