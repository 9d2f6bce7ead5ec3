"""Pairs of slots of one user: what pre-training across services reads.

Shapes: B pairs, G slots, U users of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from torch import Tensor

from habitus.config import Config
from habitus.data.item_sequence import ItemSequenceBatch
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows

if TYPE_CHECKING:
    from habitus.data.item_batches import ItemTextEncoding


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
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ItemPairConfig(Config):
    """Which users are paired, and how batches are made of them."""

    batch_users: int = 256
    """Users of one batch (C17); the last batch of an epoch may have fewer, at least two."""
    halves: bool = False
    """Whether users on one service give the earlier and the later half of their items (I2 12)."""
    min_items: int = 1
    """Items that each side of a pair must have."""
    min_per_month: float | None = None
    """Events a month from the first event of the traces to the cutoff that a user must have (A-C14:
    0.5); None for no such filter. Needs dates."""
    item_dropout: float = 0.0
    """Share of the items of a slot that one batch leaves out; at least one stays (I2 8)."""
    service_dropout: float = 0.1
    """Share of the slots whose texts say ``<svc:other>`` (A-C2)."""
    shuffle: Literal["users", "batch_order_only", "none"] = "users"
    """What changes from epoch to epoch: who is in a batch, the order of the batches, nothing
    (A-C25)."""


class ItemPairBatches:
    """The source of a loader: each paired user once an epoch.

    Args:
        snapshot: who is trained on, until when.
        encoding: fitted on the same snapshot.
        config: which users, how many at a time.
        seed: of batches that stay the same from epoch to epoch.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        encoding: ItemTextEncoding,
        config: ItemPairConfig,
        *,
        seed: int = 0,
    ) -> None:
        raise NotImplementedError

    @property
    def num_users(self) -> int:
        """Users that are paired."""
        raise NotImplementedError

    def plan(self, generator: np.random.Generator) -> list[Rows]:
        """Return the batches of one epoch: places in the snapshot."""
        raise NotImplementedError

    def make(self, unit: Rows, generator: np.random.Generator) -> ItemPairBatch:
        """Return one batch, with dropout."""
        raise NotImplementedError

    def pool(self, num_users: int, seed: int) -> ItemPairBatch:
        """Return a fixed pool of users without any dropout (A-C23); the same for the same seed."""
        raise NotImplementedError
