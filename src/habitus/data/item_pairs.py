"""Pairs of slots of one user: what pre-training across services reads.

Shapes: B pairs, S items, G slots, U users of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from habitus.config import Config
from habitus.data.item_sequence import ItemSequenceBatch
from habitus.data.item_sides import halves, keep_some, pairs_of
from habitus.data.item_slots import Slots
from habitus.data.snapshot import END_OF_TIME, Snapshot
from habitus.data.split import DAY
from habitus.data.traces import Rows
from habitus.errors import UsageError
from habitus.random import numpy_generator

if TYPE_CHECKING:
    from habitus.data.item_batches import ItemTextEncoding

Shuffle = Literal["users", "batch_order_only", "none"]
MONTH = 365.25 / 12 * DAY
MAX_BATCH_USERS = 2**16


@dataclass(frozen=True)
class ItemPairBatch:
    """Slots of users who stand in the batch once each (A-C12), and their pairs."""

    items: ItemSequenceBatch
    """What the encoder reads; every slot is in at least one pair."""
    pair_B2: Tensor
    """The two slots of each pair, rows of ``items``; int64. All unordered pairs of a user's
    services, the lower service first, or the earlier and the later half of its one service."""
    pair_service_B2: Tensor
    """Service of each side, also where its tokens were dropped out; equal for two halves."""
    pair_user_B: Tensor
    """User of each pair, a place in the batch, ascending."""

    @property
    def num_users(self) -> int:
        """Users of the batch."""
        return self.items.num_users

    @property
    def num_events(self) -> int:
        """Items of all slots."""
        return self.items.num_events

    @property
    def padded_events(self) -> int:
        """Items and padding that the encoder holds."""
        return self.items.padded_events

    def to(self, device: Any) -> ItemPairBatch:  # noqa: ANN401 - as in Batch
        """Return the batch on ``device``."""
        names = ("pair_B2", "pair_service_B2", "pair_user_B")
        moved = {n: getattr(self, n).to(device, non_blocking=True) for n in names}
        return replace(self, items=self.items.to(device), **moved)


@dataclass(frozen=True, kw_only=True)
class ItemPairConfig(Config):
    """Which users are paired, and how batches are made of them."""

    batch_users: int = 256
    """Users of one batch (C17); the last batch of an epoch may have fewer, at least two."""
    halves: bool = False
    """Whether users on one service give the earlier and the later half of their items (I2 12). What
    happened at one time, a basket, is not parted."""
    min_items: int = 1
    """Items that each side of a pair must have."""
    min_per_month: float | None = None
    """Events a month from the first event of the traces to the cutoff that a user must have (A-C14:
    0.5); None for no such filter. Needs dates."""
    item_dropout: float = 0.0
    """Share of the items of a slot that one batch leaves out; at least one stays (I2 8)."""
    service_dropout: float = 0.1
    """Share of the slots whose texts say ``<svc:other>`` (A-C2)."""
    shuffle: Shuffle = "users"
    """What changes from epoch to epoch: who is in a batch, the order of the batches, nothing
    (A-C25)."""

    def __post_init__(self) -> None:
        if not 2 <= self.batch_users <= MAX_BATCH_USERS:
            raise UsageError(
                f"batch_users must be in [2, {MAX_BATCH_USERS}], got {self.batch_users}"
            )
        if self.min_items < 1:
            raise UsageError(f"min_items must be at least 1, got {self.min_items}")
        for name in ("item_dropout", "service_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.min_per_month is not None and self.min_per_month < 0:
            raise UsageError(f"min_per_month must be 0 or more, got {self.min_per_month}")


class Left(NamedTuple):
    """Users that are not trained on, by the first reason that holds."""

    seldom: int
    """Fewer events than ``min_per_month``."""
    no_items: int
    """No item with text on a service that counts."""
    one_side: int
    """Items enough for one side only, or for none."""


class ItemPairBatches:
    """The source of a loader: each paired user once an epoch.

    Args:
        snapshot: who is trained on, until when.
        encoding: fitted on the same snapshot, or an earlier one.
        config: which users, how many at a time.
        seed: of batches that stay the same from epoch to epoch.

    Raises:
        UsageError: ``min_per_month`` where time is an order.
        DataError: the traces have no such text.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        encoding: ItemTextEncoding,
        config: ItemPairConfig,
        *,
        seed: int = 0,
    ) -> None:
        self.snapshot = snapshot
        self.config = config
        self._reader = encoding.reader(snapshot)
        self._seed = seed
        self.places_U, self.left = self._paired()
        """Places in the snapshot of the users that are paired, and who is not."""

    @property
    def num_users(self) -> int:
        """Users that are paired."""
        return len(self.places_U)

    def plan(self, generator: np.random.Generator) -> list[Rows]:
        """Return the batches of one epoch: places in the snapshot, none twice."""
        shuffle = self.config.shuffle
        fixed = numpy_generator(self._seed, "composition")
        order_U = (generator if shuffle == "users" else fixed).permutation(self.places_U)
        size = self.config.batch_users
        # One user alone has nobody to be told from: that one waits for another epoch.
        starts = range(0, len(order_U) - 1, size)
        batches = [order_U[start : start + size] for start in starts]
        if shuffle == "batch_order_only":
            generator.shuffle(batches)
        return batches

    def make(self, unit: Rows, generator: np.random.Generator) -> ItemPairBatch:
        """Return one batch, with dropout."""
        slots = self._sides(self._reader.slots(unit)[0], len(unit))
        if self.config.item_dropout:
            slots = keep_some(slots, 1 - self.config.item_dropout, generator)
        dropped_G = generator.random(len(slots.user_G)) < self.config.service_dropout
        return self._batch(slots, unit, dropped_G)

    def pool(self, num_users: int, seed: int) -> ItemPairBatch:
        """Return a fixed pool of users without any dropout (A-C23); the same for the same seed.

        Args:
            num_users: at most; fewer where fewer are paired.
            seed: which users.
        """
        generator = numpy_generator(seed, "pool")
        unit = np.sort(generator.permutation(self.places_U)[:num_users])
        return self._batch(self._sides(self._reader.slots(unit)[0], len(unit)), unit, None)

    def _batch(self, slots: Slots, unit: Rows, dropped_G: Any) -> ItemPairBatch:  # noqa: ANN401
        items, order_G = self._reader.pack(slots, unit, dropped_G)
        place_G = np.empty(len(order_G), np.int64)
        place_G[order_G] = np.arange(len(order_G))
        pair_B2 = pairs_of(slots.user_G)
        return ItemPairBatch(
            items=items,
            pair_B2=torch.from_numpy(place_G[pair_B2]),
            pair_service_B2=torch.from_numpy(slots.service_G[pair_B2]),
            pair_user_B=torch.from_numpy(slots.user_G[pair_B2[:, 0]]),
        )

    def _sides(self, slots: Slots, num_users: int) -> Slots:
        """Return the slots that are sides of pairs, by user, service and half."""
        slots = slots.take(np.flatnonzero(slots.length_G >= self.config.min_items))
        number_G = np.bincount(slots.user_G, minlength=num_users)[slots.user_G]
        if not self.config.halves:
            return slots.take(np.flatnonzero(number_G > 1))
        time_S = self.snapshot.traces.time_L[slots.row_S]
        return halves(slots, number_G == 1, time_S, self.config.min_items)

    def _paired(self) -> tuple[Rows, Left]:
        found, seldom, no_items = [np.zeros(0, np.int64)], 0, 0
        for place_B in self._reader.pools():
            often_B = self.snapshot.lengths_U[place_B] >= self._least()
            seldom += int((~often_B).sum())
            place_B = place_B[often_B]
            slots, _ = self._reader.slots(place_B)
            no_items += len(place_B) - len(np.unique(slots.user_G))
            found.append(place_B[np.unique(self._sides(slots, len(place_B)).user_G)])
        places_U = np.concatenate(found)
        others = self.snapshot.num_users - seldom - no_items - len(places_U)
        return places_U, Left(seldom, no_items, others)

    def _least(self) -> float:
        """Return how many events a user must have."""
        if self.config.min_per_month is None:
            return 0
        traces = self.snapshot.traces
        if traces.manifest.time_unit == "order":
            raise UsageError("min_per_month counts events a month, and time here is an order")
        first, last = traces.time_range
        end = last if self.snapshot.as_of == END_OF_TIME else self.snapshot.as_of
        return self.config.min_per_month * (end - first) / MONTH
