"""How the item texts of a snapshot become batches: the fitted state of a model directory.

Shapes: U users of a snapshot, B users of one batch, N items, L events, K services.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from habitus.data.byte_bpe import ByteBPE, ByteBPEConfig
from habitus.data.columns import KIND, SERVICE
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_packing import pack_slots
from habitus.data.item_reader import ItemReader
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch, ItemSequenceConfig
from habitus.data.item_slots import ItemCounts, Slots, codes, names_of
from habitus.data.item_text_writer import KnownTexts, buckets, read_new
from habitus.data.item_texts import ItemTexts
from habitus.data.posts import ITEM
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, GuardError

MAX_NAMES = 64
"""Services, and kinds, that get a token of their own: those with the most events."""


class ItemTextEncoding:
    """How the users of a snapshot become slots of item texts: fitted tokens, services, settings.

    A user's slots depend on its own events before the cutoff alone, and so does their order in the
    vector; which users share a batch depends on lengths.

    Args:
        bpe: fitted tokens, and the services and kinds of the training part.
        config: how slots are cut and packed.
        texts: the texts of some traces, tokenised before; other traces are tokenised in memory when
            they are first met, and the last of them are kept.
    """

    def __init__(
        self, bpe: ByteBPE, config: ItemSequenceConfig, texts: ItemTexts | None = None
    ) -> None:
        self.bpe = bpe
        self.config = config
        self.texts = texts

    @classmethod
    def fit(cls, snapshot: Snapshot, bpe: ByteBPEConfig, config: ItemSequenceConfig) -> Self:
        """Fit tokens, services and kinds on the events of the training snapshot, and nothing else.

        Each distinct text counts once. Services and kinds stand in the order of their names.

        Raises:
            DataError: the traces have no such text.
            GuardError: no event of the snapshot has any.
        """
        documents = ItemDocuments(snapshot.traces, config.text)
        row_L, _ = snapshot.latest()
        document_L = documents.document_of(row_L)
        row_L = row_L[document_L >= 0]
        if not len(row_L):
            raise GuardError(f"{snapshot!r} has no event with text to fit tokens on")
        fitted = ByteBPE.fit(
            _distinct_texts(documents, np.unique(document_L[document_L >= 0])),
            bpe,
            services=_most_frequent(snapshot, SERVICE, row_L),
            kinds=_most_frequent(snapshot, KIND, row_L),
        )
        return cls(fitted, config)

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

    def reader(self, snapshot: Snapshot) -> ItemReader:
        """Return what reads the users of a snapshot.

        Raises:
            DataError: the traces have no such text.
        """
        return ItemReader(snapshot, self.texts_of(snapshot.traces), self.bpe, self.config)

    def texts_of(self, traces: Traces) -> ItemTexts:
        """Return the texts of some traces; tokenised now, if they are others than the last."""
        kept = self.config.max_tokens - NUM_PREFIX
        if self.texts is None or not self.texts.fits(traces, self.bpe, self.config.text, kept):
            self.texts = ItemTexts.build(traces, self.bpe, text=self.config.text, max_tokens=kept)
        return self.texts

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, ItemSequenceBatch]]:
        """Yield places in the snapshot and their batch, until every user was there once.

        Raises:
            DataError: the traces have no such text, or only services that were never seen and that
                have no slot.
        """
        reader = self.reader(snapshot)
        met = ItemCounts(*[0] * len(ItemCounts._fields))
        for place_U in reader.pools():
            slots, counts = reader.slots(place_U)
            met = _sum(met, counts)
            item_user_S = np.repeat(slots.user_G, slots.length_G)
            tokens_U = np.bincount(item_user_S, reader.num_tokens(slots), minlength=len(place_U))
            for user_B in cut(tokens_U.astype(np.int64), self.config.token_budget):
                place_B = place_U[user_B]
                yield place_B, reader.pack(slots.of_users(user_B), place_B)[0]
        if met.other_service and not met.items:
            raise DataError(
                f"{snapshot.traces.path} has only services that the model never saw; it knows "
                f"{', '.join(self.services)}: train with ItemSequenceConfig.other_slot"
            )

    def counts(self, snapshot: Snapshot) -> ItemCounts:
        """Return how many events before the cutoff are items, and what became of the others."""
        reader = self.reader(snapshot)
        met = ItemCounts(*[0] * len(ItemCounts._fields))
        for place_U in reader.pools():
            met = _sum(met, reader.slots(place_U)[1])
        return met

    def item_batches(
        self, traces: Traces, item_N: Rows, service: str, kind: str = ""
    ) -> Iterator[tuple[Rows, ItemSequenceBatch]]:
        """Yield places among some items and a batch of users with one of them each (A-C16).

        ``encode_texts(batch)[batch.item_S]`` has the vectors ``h_i`` in the order of the slots, and
        ``batch.slot_user_G`` says whose they are. Items without text are users without a slot.

        Args:
            traces: with these items.
            item_N: codes of items; none for the texts of events.
            service: on which service; one that was never seen has the token of others.
            kind: of event; as with the service.

        Raises:
            DataError: items have no text here, or the service is unknown and others have no slot.
        """
        texts = self.texts_of(traces)
        if ITEM not in texts.manifest.text:
            raise DataError(f"the items of {traces.path} have no text that this model reads")
        if service not in self.services and not self.config.other_slot:
            known = ", ".join(self.services)
            raise DataError(f"the model has no slot for service {service!r}, only for: {known}")
        text_N = texts.text_D[item_N].astype(np.int64)
        tokens_N = np.where(text_N < 0, 0, NUM_PREFIX + np.diff(texts.ptr_I1)[text_N])
        for place_B in cut(tokens_N, self.config.token_budget):
            user_G = np.flatnonzero(text_N[place_B] >= 0)
            filled = (_place(self.services, service), _place(self.bpe.kinds, kind))
            service_G, kind_G = (np.full(len(user_G), value, np.int64) for value in filled)
            slots = Slots(
                row_S=np.zeros(len(user_G), np.int64),
                text_S=text_N[place_B[user_G]],
                kind_S=kind_G,
                ptr_G1=np.arange(len(user_G) + 1),
                user_G=user_G,
                service_G=service_G,
            )
            share = self.config.padding_share
            yield (
                place_B,
                pack_slots(slots, texts, self.bpe, num_users=len(place_B), padding_share=share)[0],
            )

    def save(self, folder: Path) -> None:
        """Write the tokens and ``items.json``."""
        self.bpe.save(folder)
        (folder / "items.json").write_text(json.dumps(self.config.to_dict(), indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            config = ItemSequenceConfig.from_dict(json.loads((folder / "items.json").read_text()))
        except (OSError, ValueError) as error:
            raise DataError(f"{folder / 'items.json'} cannot be read: {error}") from error
        return cls(ByteBPE.load(folder), config)


def cut(cost_B: Rows, budget: int) -> Iterator[Rows]:
    """Yield places, alike in cost, each time within the budget or one alone.

    >>> [b.tolist() for b in cut(np.array([5, 1, 9, 2]), 8)]
    [[1, 3, 0], [2]]
    """
    order_B = np.argsort(cost_B, kind="stable")
    # Nobody costs nothing: many users without items are several batches too.
    before_B1 = np.concatenate([[0], np.cumsum(np.maximum(cost_B[order_B], 1))])
    start = 0
    while start < len(order_B):
        stop = int(np.searchsorted(before_B1, before_B1[start] + budget, side="right")) - 1
        stop = max(stop, start + 1)
        yield order_B[start:stop]
        start = stop


def _distinct_texts(documents: ItemDocuments, document_D: Rows) -> Iterator[str]:
    known = KnownTexts()
    for bucket_D in buckets(documents, document_D):
        yield from read_new(documents, bucket_D, known).text_X


def _most_frequent(snapshot: Snapshot, name: str, row_L: Rows) -> list[str]:
    """Return the values of most events, by name; an event without one has none of its own."""
    names = names_of(snapshot.traces, name)
    count = np.bincount(codes(snapshot.traces, name, row_L), minlength=len(names))
    found = [
        (-int(n), value) for n, value in zip(count, names, strict=True) if n and value is not None
    ]
    return sorted(value for _, value in sorted(found)[:MAX_NAMES])


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _sum(one: ItemCounts, other: ItemCounts) -> ItemCounts:
    return ItemCounts(*(a + b for a, b in zip(one, other, strict=True)))
