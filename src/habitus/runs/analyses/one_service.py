"""One service alone: the events of one service as traces, for encoders that saw no other.

Such an encoder reads any other service as one that it never saw (A-C2), so people can still be
looked for across services, and asked about on the one that it knows.

Shapes: L events, U users, K slots, E width of a slot.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from habitus.comparisons.base import Matrix
from habitus.data.columns import SERVICE
from habitus.data.snapshot import Snapshot
from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.evaluation.altered import selected
from habitus.evaluation.next_item_asked import AskedItems
from habitus.representations.model import Model
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.next_item_rows import ModelVectors
from habitus.runs.clue import ClueRun
from habitus.runs.clue_slots import Present, Slots, services_of, slots_of
from habitus.runs.steps import Json


def service_traces(plan: AnalysisPlan, traces: Traces, service: str) -> Traces:
    """Return the events of one service, written now or before; users stay, row by row."""

    def make(folder: Path) -> Json:
        # Traces are written whole: what an interrupt left is of no use.
        shutil.rmtree(folder / "traces", ignore_errors=True)
        kept_L = np.isin(traces.column(SERVICE)[:], traces.codes_of(SERVICE, [service]))
        return {"events": selected(traces, folder / "traces", kept_L).num_events}

    inputs = {"traces": traces.digest, "service": service}
    return Traces(plan.steps.run("service", inputs, make)[0] / "traces")


def by_halves(run: ClueRun, split_attribute: str | None) -> ClueRun:
    """Return the run for one service: the earlier and the later half of a history are the pair.

    Args:
        run: for several services, whose train users stay the train users.
        split_attribute: of the profiles, where the source parts its users; None for the hash. A
            split for matching would ask for people on two services.
    """
    pairs = replace(run.pairs, halves=True)
    return replace(run, pairs=pairs, split=UserSplit(), split_attribute=split_attribute)


class UnseenSlots:
    """The slots of a model that saw one of two services; the other's is that of unseen ones.

    Args:
        model: trained on one service.
        services: both of them.
    """

    def __init__(self, model: Model, services: Sequence[str]) -> None:
        self.model = model
        known = set(services_of(model))
        [unseen] = [name for name in services if name not in known]
        self.services = [unseen if name is None else name for name in services_of(model)]

    def slots(self, snapshot: Snapshot) -> tuple[Slots, Present]:
        """Return the slots of each user, ``(U, K, E)``, and which hold items."""
        return slots_of(self.model, snapshot)


class ByService:
    """Vectors that depend on the service that is asked about: each of a model of its own.

    Args:
        vectors: service → what the model of this service makes.
    """

    def __init__(self, vectors: Mapping[str, ModelVectors]) -> None:
        self._vectors = vectors

    def users(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        """Return the slot of the service, and whether it holds something."""
        return self._vectors[asked.config.service or ""].own_slot(asked, history, seed)

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        """Return the vectors of the catalogue."""
        return self._vectors[asked.config.service or ""].items(asked, seed)
