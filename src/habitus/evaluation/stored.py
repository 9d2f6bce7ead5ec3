"""Representations that were encoded before, one directory a cutoff, read as a method's vectors.

Such as ``vectors/2020-03-01`` and ``vectors/2020-04-01``, each made by ``habitus encode --as-of``
of its name: probes are trained at every first of a month, and tested at the last.

Shapes: U users, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc

from habitus.config import digest_of
from habitus.data.snapshot import Snapshot, format_time
from habitus.errors import DataError
from habitus.probes.base import Matrix
from habitus.representations.encode import Representations

SHOWN: Final = 3
"""Cutoffs that a message counts up."""


class StoredRepresentations:
    """Vectors by cutoff and user id; it can be asked only for what is stored.

    Args:
        paths: representations directories, or folders of several.

    Raises:
        DataError: two directories of one cutoff, or vectors of different widths.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self.by_cutoff: dict[int, Representations] = {}
        for path in folders_of(paths):
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

    def require(self, cutoffs: Iterable[int]) -> None:
        """Say which cutoffs are missing, all at once and before anything takes time.

        Raises:
            DataError: vectors of a cutoff are not stored.
        """
        wanted = sorted(set(cutoffs))
        missing = [cutoff for cutoff in wanted if cutoff not in self.by_cutoff]
        if not missing:
            return
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        first, plural = format_time(missing[0]), "s" if len(wanted) > 1 else ""
        given = _dates(sorted(self.by_cutoff)) or "none"
        raise DataError(
            f"the tasks ask at {len(wanted)} cutoff{plural}, and a representations directory holds "
            f"the vectors of one; missing: {_dates(missing[:SHOWN])}{more}; given: {given}. Encode "
            f"each, such as 'habitus encode MODEL TRACES --as-of {first} --out vectors/{first}', "
            f"and give --representations vectors"
        )

    def encode(self, snapshot: Snapshot) -> Matrix:
        """Return the stored vectors of the snapshot's users, ``(U, D)``.

        Raises:
            DataError: the cutoff, the traces or a user is not what was encoded.
        """
        when = format_time(snapshot.as_of)
        if snapshot.as_of not in self.by_cutoff:
            known = _dates(sorted(self.by_cutoff))
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


def folders_of(paths: Sequence[str | Path]) -> list[Path]:
    """Return representations directories; a folder of several stands for all of them, by name."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(file.parent for file in path.glob("*/manifest.json"))
        # One that is nothing is left to whoever opens it to complain of.
        found += inside if inside and not (path / "manifest.json").is_file() else [path]
    return found


def _dates(cutoffs: Sequence[int]) -> str:
    return ", ".join(map(format_time, cutoffs))
