"""Strata of users by what was known of them at the cutoff (D6).

``cold``, ``mid`` and ``heavy`` part the users by length of history. Of those who have one, a user
is cold if fewer than a tenth have a shorter one and heavy if fewer than a tenth have a longer one,
so equal lengths stay together; where both hold, cold. ``new`` is a view of its own across them: no
event in the 30 days before the cutoff. It needs dates, and a cutoff.

Shapes: U users.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from habitus.data.columns import TIME
from habitus.data.snapshot import END_OF_TIME, Snapshot
from habitus.data.split import DAY

Stratum = Literal["new", "cold", "mid", "heavy"]
NEW_DAYS = 30
TAIL = 0.1


def strata_of(snapshot: Snapshot) -> dict[Stratum, npt.NDArray[np.bool_]]:
    """Return which users are in each stratum, ``(U)`` each."""
    length_U = snapshot.lengths_U
    known_U = length_U > 0
    lengths = np.sort(length_U[known_U])
    shorter_U = np.searchsorted(lengths, length_U, side="left")
    longer_U = len(lengths) - np.searchsorted(lengths, length_U, side="right")
    cold_U = known_U & (shorter_U < TAIL * len(lengths))
    heavy_U = known_U & (longer_U < TAIL * len(lengths)) & ~cold_U
    strata: dict[Stratum, npt.NDArray[np.bool_]] = {}
    if snapshot.traces.manifest.time_unit == "second" and snapshot.as_of != END_OF_TIME:
        strata["new"] = _days_since_last(snapshot) > NEW_DAYS
    return strata | {"cold": cold_U, "mid": known_U & ~cold_U & ~heavy_U, "heavy": heavy_U}


def _days_since_last(snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """Return days from the last event to the cutoff; infinite without one."""
    days_U = np.full(snapshot.num_users, np.inf)
    known = np.flatnonzero(snapshot.lengths_U > 0)
    last = snapshot.values(TIME, snapshot.stop_U[known] - 1)
    days_U[known] = (snapshot.as_of - last) / DAY
    return days_U
