"""People with planted tastes on three services, for matching: slots of their own, and a twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from habitus.data.columns import ChannelKind
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

SERVICES = ("arts", "food", "search")
CHANNELS: Mapping[str, ChannelKind] = {"service": "category", "text": "text"}
NUM_USERS = 60


def shopper_events(num_users: int = NUM_USERS) -> dict[str, list[dict[str, Any]]]:
    """Return users of one of six tastes: all on arts, all but every sixth on food too.

    Every tenth user searches; user 7 has no text on food, and the last user has no event.
    """
    random, events = np.random.default_rng(0), {}
    for user in range(num_users):
        services = [
            "arts",
            *(["food"] if user % 6 else []),
            *(["search"] if user % 10 == 1 else []),
        ]
        events[f"{user:03d}"] = [
            {"time": at, "service": s, "text": f"{s}{user % 6} thing{random.integers(9)} the"}
            for s in services
            for at in range(3)
        ]
    for event in events["007"]:
        event["text"] = "" if event["service"] == "food" else event["text"]
    events[f"{num_users - 1:03d}"] = []
    return events


def shoppers(
    path: Path, events: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, **profiles: Any
) -> Traces:
    """Write these users; with profiles where columns of them are given."""
    events = shopper_events() if events is None else events
    tables = {"profiles": {"user_id": sorted(events), **profiles}} if profiles else None
    return write_traces(path, events, CHANNELS, tables=tables)


class Drawn:
    """Slots that are drawn by chance for each user, with some that are not there."""

    services = SERVICES

    def __init__(self, seed: int = 0, signal: float = 0.0, width: int = 5) -> None:
        self.seed, self.signal, self.width = seed, signal, width

    def slots(self, snapshot: Snapshot) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return noise around what belongs to the user."""
        random = np.random.default_rng(self.seed)
        shape = (snapshot.traces.num_users, 3, self.width)
        own_UKE = np.repeat(random.normal(size=(shape[0], 1, self.width)), 3, axis=1)
        z_UKE = self.signal * own_UKE + random.normal(size=shape)
        present_UK = random.random(shape[:2]) < 0.9
        shown_UKE = np.asarray(z_UKE * present_UK[:, :, None], np.float32)
        return shown_UKE[snapshot.users_U], present_UK[snapshot.users_U]
