"""The rows of the next-item analysis: rungs, controls, and pre-trained encoders.

Shapes: B users of a history, K slots, E width of a slot, I items of a catalogue.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from habitus.comparisons import COMPARISONS
from habitus.comparisons.base import Matrix
from habitus.comparisons.item_text_vectors import ItemTextVectors
from habitus.data.columns import KIND
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.next_item import Group, ItemMethod, ScoringMethod, VectorMethod
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import TwoTowerConfig
from habitus.representations.cached_users import encode_from_items
from habitus.representations.item_cache import ItemCache, item_parts, item_vectors
from habitus.representations.model import Model
from habitus.tasks.next_item import NextItem

RUNGS = ("most_popular", "item_text_cosine", "item_cooccurrence", "item_blend")
POPULAR = "most_popular"


class ModelVectors:
    """What models make of users and items; one model for each seed, each user encoded once.

    Args:
        models: of one run with the seeds 0, 1, …
        folder: where their item caches are kept; None for memory.
    """

    def __init__(self, models: Sequence[Model], folder: Path | None = None) -> None:
        self.models = models
        self._folder = folder
        self._known: dict[tuple[int, int], tuple[Snapshot, Matrix]] = {}
        self._caches: dict[tuple[str, int], ItemCache] = {}
        self.users, self.seconds = 0, 0.0
        """Encoded so far, from cached items."""

    @property
    def users_per_second(self) -> float:
        """Users that were encoded in a second, their items encoded already."""
        return self.users / self.seconds if self.seconds else float("nan")

    def slots(self, history: Snapshot, seed: int) -> Matrix:
        """Return the slots of some users, ``(B, K, E)``."""
        key = (id(history), seed)
        if key not in self._known:
            # The history is kept too: another one could get its id.
            self._known[key] = history, self._encoded(history, seed)
        return self._known[key][1]

    def all_slots(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:  # noqa: ARG002
        """Return all slots side by side, and which of them hold something (A-C1)."""
        z_BKE = self.slots(history, seed)
        present_BK = (z_BKE != 0).any(axis=2)
        return np.hstack([z_BKE.reshape(len(z_BKE), -1), present_BK.astype(np.float32)])

    def own_slot(self, asked: AskedItems, history: Snapshot, seed: int) -> Matrix:
        """Return the slot of the service that is asked about, and whether it holds something."""
        services = item_parts(self.models[seed], two=False)[1].services
        service = asked.config.service or ""
        # One that was never seen is in the last slot, that of others.
        place = services.index(service) if service in services else -1
        z_BE = self.slots(history, seed)[:, place]
        return np.hstack([z_BE, (z_BE != 0).any(axis=1, keepdims=True).astype(np.float32)])

    def items(self, asked: AskedItems, seed: int) -> Matrix:
        """Return the vectors of the catalogue, as behaviours on its service (A-C16)."""
        traces = asked.seen.traces
        kind = usual_kind(asked, traces)
        service = asked.config.service or ""
        return item_vectors(self.models[seed], traces, asked.catalogue_I, service, kind)

    def _encoded(self, history: Snapshot, seed: int) -> Matrix:
        model = self.models[seed]
        encoder, _ = item_parts(model, two=False)
        cache = None if encoder.config.single else self._cache(history.traces, seed)
        began = time.perf_counter()
        z_BD = model.encode(history) if cache is None else encode_from_items(model, history, cache)
        self.seconds += time.perf_counter() - began
        self.users += history.num_users
        return z_BD.reshape(len(z_BD), encoder.config.num_services, encoder.slot_dim)

    def _cache(self, traces: Traces, seed: int) -> ItemCache:
        model, key = self.models[seed], (traces.digest, seed)
        if key not in self._caches:
            saved = self._folder is not None and model.digest is not None
            folder = self._folder / str(model.digest)[:16] if self._folder and saved else None
            self._caches[key] = ItemCache.build(model, traces, folder)
        return self._caches[key]


def usual_kind(asked: AskedItems, traces: Traces) -> str:
    """Return the kind of most events that can be targets; nothing where there are no kinds."""
    if KIND not in traces.columns:
        return ""
    code_L = traces.column(KIND)[:][NextItem(asked.config, traces).on_service_L]
    code = int(np.bincount(code_L).argmax())
    return str(traces.dictionary(KIND)[code - 1].as_py()) if code else ""


def rungs(towers: TwoTowerConfig) -> list[ItemMethod]:
    """Return what a claim has to beat: counts, texts, both, and a bag-of-words twin with towers."""
    scoring = [
        ScoringMethod(name=name, label=COMPARISONS[name].label, build=COMPARISONS[name])
        for name in RUNGS
    ]
    fitted: dict[tuple[int, int], tuple[AskedItems, ItemTextVectors]] = {}

    def vectors(asked: AskedItems, seed: int) -> ItemTextVectors:
        key = (id(asked), seed)
        if key not in fitted:
            made = ItemTextVectors()
            made.fit(asked.seen, seed)
            fitted[key] = asked, made
        return fitted[key][1]

    twin = VectorMethod(
        name="item_text_vectors",
        label="TF-IDF/SVD, two towers",
        group="rung",
        users=lambda asked, history, seed: vectors(asked, seed).represent(history),
        items=lambda asked, seed: vectors(asked, seed).item_vectors(asked.catalogue_I),
        towers=towers,
    )
    return [*scoring, twin]


def model_row(
    name: str,
    label: str,
    vectors: ModelVectors,
    towers: TwoTowerConfig,
    *,
    group: Group = "ours",
    own: bool = False,
) -> VectorMethod:
    """Return a model as a row: all slots of a user, or the one of the service alone.

    Args:
        name: of the row.
        label: what tables call it.
        vectors: of the model.
        towers: what is trained on them.
        group: ours, or a control.
        own: the slot of the service that is asked about, alone.
    """
    return VectorMethod(
        name=name,
        label=label,
        group=group,
        users=vectors.own_slot if own else vectors.all_slots,
        items=vectors.items,
        towers=towers,
    )


def quick_towers(towers: TwoTowerConfig) -> TwoTowerConfig:
    """Return towers of a few small steps, which show that everything runs."""
    return replace(towers, hidden=(32,), out_dim=16, max_epochs=2, num_uniform=64)
