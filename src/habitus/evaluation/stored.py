"""Representations that were encoded before, one directory a cutoff, read as a method's vectors.

Shapes: U users, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot, format_time
from habitus.errors import DataError
from habitus.probes.base import Matrix
from habitus.representations.encode import Representations


class StoredRepresentations:
    """Vectors by cutoff and user id; it can be asked only for what is stored.

    Raises:
        DataError: two directories of one cutoff, or vectors of different widths.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.by_cutoff: dict[int, Representations] = {}
        for path in paths:
            stored = Representations(path)
            as_of = stored.manifest.as_of
            if as_of in self.by_cutoff:
                raise DataError(
                    f"{path} and {self.by_cutoff[as_of].path} are both of {format_time(as_of)}: "
                    f"give one directory a cutoff"
                )
            self.by_cutoff[as_of] = stored
        if len({s.manifest.representation_dim for s in self.by_cutoff.values()}) > 1:
            raise DataError("these representations have different widths: encode with one model")

    @property
    def key(self) -> str:
        """Changes when any vector may have."""
        return digest_of([s.manifest.to_dict() for s in self.by_cutoff.values()])

    def encode(self, snapshot: Snapshot) -> Matrix:
        """Return the stored vectors of the snapshot's users, ``(U, D)``.

        Raises:
            DataError: the cutoff, the traces or a user is not what was encoded.
        """
        when = format_time(snapshot.as_of)
        if snapshot.as_of not in self.by_cutoff:
            known = ", ".join(format_time(t) for t in sorted(self.by_cutoff))
            raise DataError(
                f"no representations are of {when}, only of {known}: encode with --as-of {when}"
            )
        stored = self.by_cutoff[snapshot.as_of]
        if stored.manifest.traces_digest != snapshot.traces.digest:
            raise DataError(f"{stored.path} was encoded from other traces: encode again")
        rows = pc.index_in(snapshot.user_ids, value_set=stored.user_ids)
        if rows.null_count:
            raise DataError(
                f"{stored.path} lacks {rows.null_count} of {snapshot.num_users} users: encode all"
            )
        return np.asarray(stored.z_UD[rows.to_numpy()], np.float32)
