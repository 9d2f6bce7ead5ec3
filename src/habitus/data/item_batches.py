"""How the item texts of a snapshot become batches: the fitted state of a model directory.

Shapes: U users of a snapshot, B users of one batch, K services.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from habitus.data.byte_bpe import ByteBPE, ByteBPEConfig
from habitus.data.item_sequence import ItemSequenceBatch, ItemSequenceConfig
from habitus.data.item_texts import ItemTexts
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces


class ItemTextEncoding:
    """How the users of a snapshot become slots of item texts: fitted tokens, services, settings."""

    def __init__(
        self, bpe: ByteBPE, config: ItemSequenceConfig, texts: ItemTexts | None = None
    ) -> None:
        self.bpe = bpe
        self.config = config
        self.texts = texts

    @classmethod
    def fit(cls, snapshot: Snapshot, bpe: ByteBPEConfig, config: ItemSequenceConfig) -> Self:
        """Fit tokens, services and kinds on the events of the training snapshot."""
        raise NotImplementedError

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the known services, ``K``."""
        return self.bpe.services

    @property
    def num_slots(self) -> int:
        """Slots of a user's vector: ``K``, and one for other services where there is such a slot.

        This is the encoder's ``num_services``: ``slot_service_G`` is below it.
        """
        return len(self.services) + self.config.other_slot

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, ItemSequenceBatch]]:
        """Yield places in the snapshot and their batch, until every user was there once."""
        raise NotImplementedError

    def item_batches(
        self, traces: Traces, item_N: Rows, service: str, kind: str = ""
    ) -> Iterator[tuple[Rows, ItemSequenceBatch]]:
        """Yield places among ``item_N`` (codes of items) and a batch of one-item users (A-C16).

        ``encode_texts(batch)[batch.item_S]`` has the vectors ``h_i`` in the order of the slots, and
        ``batch.slot_user_G`` says whose they are.
        """
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the tokens and ``items.json``."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        raise NotImplementedError
