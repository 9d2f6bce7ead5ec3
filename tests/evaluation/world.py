"""A small world for the tests of the evaluation: people who keep to their tastes, and some who go.

Half a year from 2020-01-01. A user's taste is one of three aisles, in two of three events; rates
differ; every sixth user leaves for good on a day of the second half.
"""

from pathlib import Path
from typing import Any

import numpy as np

from habitus.comparisons import Represents
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.split import DAY, Cutoffs, UserSplit
from habitus.data.traces import Traces
from habitus.evaluation.asked import PartUsers
from habitus.evaluation.features import Group, Method
from habitus.tasks import task_from_config
from habitus.tasks.dated import DatedTask
from habitus.testing.hand_made import write_traces

START, END = parse_time("2020-01-01"), parse_time("2020-07-01")
SPLIT = UserSplit(train=0.5, valid=0.2, test=0.3)
TEST = "2020-06-01"


def world(path: Path, num_users: int = 240) -> Traces:
    """Write the traces; profiles tell everybody's taste."""
    random = np.random.default_rng(0)
    events = {f"{u:04d}": history(u, random) for u in range(num_users)}
    # somebody is there on the last day, so that the last window is complete
    events["0001"].append({"time": END - 1, "aisle": "a1"})
    profiles = {"user_id": list(events), "taste": [f"a{u % 3}" for u in range(num_users)]}
    return write_traces(
        path, events, {"aisle": "category", "price": "dense"}, tables={"profiles": profiles}
    )


def history(user: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Return the events of one user."""
    end = END
    if user % 6 == 0:
        end = int(random.integers((START + END) // 2, END))
    times = random.integers(START, end, size=3 + random.poisson(6 + 4 * (user % 5)))
    return [
        {
            "time": int(time),
            "aisle": f"a{user % 3 if random.random() < 0.67 else random.integers(3)}",
            "price": float(random.exponential()),
        }
        for time in times
    ]


def asked(name: str, days: int = 30, **entry: Any) -> DatedTask:
    """Return a task at monthly cutoffs from March on, tested in June."""
    values = {"name": name, "question": f"Is it {name}?", "horizon_days": days, **entry}
    cutoffs = Cutoffs(first="2020-03-01", test=TEST, horizon_days=days)
    return DatedTask(task=task_from_config(values), cutoffs=cutoffs)


def inactive() -> DatedTask:
    return asked("inactive", kind="inactive")


def aisle(number: int = 0) -> DatedTask:
    return asked(f"aisle{number}", kind="has", channel="aisle", values=[f"a{number}"])


def sensitive() -> DatedTask:
    return asked("taste", kind="profile", attribute="taste", values=["a1"])


def parts(traces: Traces, split: UserSplit = SPLIT) -> PartUsers:
    return {part: split.rows(traces, part) for part in ("train", "valid", "test")}


class Shares:
    """Honest vectors: shares of the aisles, events, days since the last one."""

    def __init__(self) -> None:
        self.calls: list[Snapshot] = []

    def represent(self, snapshot: Snapshot) -> np.ndarray:
        self.calls.append(snapshot)
        return histories(snapshot, snapshot.stop_U)


class Clairvoyant(Shares):
    """Vectors that count what comes after the cutoff, too."""

    def represent(self, snapshot: Snapshot) -> np.ndarray:
        return histories(snapshot, snapshot.traces.offsets_U1[snapshot.users_U + 1])


def histories(snapshot: Snapshot, stop_U: np.ndarray) -> np.ndarray:
    """Return counts of some rows of each user, in a plain loop."""
    aisle_L, time_L = snapshot.traces.column("aisle"), snapshot.traces.time_L
    out = np.zeros((snapshot.num_users, 6), np.float32)
    for u, (start, stop) in enumerate(zip(snapshot.start_U, stop_U, strict=True)):
        if stop > start:
            out[u, :4] = np.bincount(aisle_L[start:stop], minlength=9)[:4] / (stop - start)
            out[u, 4:] = np.log1p(stop - start), (snapshot.as_of - time_L[stop - 1]) / DAY / 30
    return out


def method(name: str = "shares", group: Group = "ours", made: Represents | None = None) -> Method:
    """Return the method of some vectors."""
    represent = (made or Shares()).represent
    return Method(
        name=name, label=name, group=group, description="x", fingerprint=name, represent=represent
    )
