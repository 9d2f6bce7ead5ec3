"""Which of a user's events stand in which slot, and at which place.

A slot holds the items of one user on one service, oldest first. Of a behaviour that a user repeats
(same service, kind and text) the latest before the cutoff stays: a later repeat, which a snapshot
does not have, cannot move an earlier one (A-C13).

Shapes: B users, L their events before the cutoff, S items, G slots, K services, J kinds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.byte_bpe import ByteBPE
from habitus.data.columns import KIND, SERVICE
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_sequence import ItemSequenceConfig
from habitus.data.item_texts import ItemTexts
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows, Traces

Mask = npt.NDArray[np.bool_]
UNNAMED = ""
"""The service, or the kind, of all events of traces that have no such channel."""


class ItemCounts(NamedTuple):
    """What became of the events before a cutoff; the last five add up to the first."""

    events: int
    without_text: int
    other_service: int
    """Of services that were never seen, where these have no slot."""
    repeated: int
    """A later event is the same behaviour."""
    beyond: int
    """Older than the latest ``max_items`` of their slot."""
    items: int


class Slots(NamedTuple):
    """Items by slot; slots by user, then service, none of them empty."""

    row_S: Rows
    """Event of each item."""
    text_S: Rows
    kind_S: Rows
    """0 … J; J is a kind that was never seen."""
    ptr_G1: Rows
    """First item of each slot, and ``S``."""
    user_G: Rows
    """Place among the users asked for."""
    service_G: Rows
    """0 … K; K is a service that was never seen."""

    @property
    def length_G(self) -> Rows:
        """Items of each slot."""
        return np.diff(self.ptr_G1)

    def keep_items(self, kept_S: Mask) -> Slots:
        """Return some of the items; no slot may lose all of them."""
        before_S1 = np.concatenate([[0], np.cumsum(kept_S)])
        parts = (self.row_S[kept_S], self.text_S[kept_S], self.kind_S[kept_S])
        return Slots(*parts, before_S1[self.ptr_G1], self.user_G, self.service_G)

    def of_users(self, user_B: Rows) -> Slots:
        """Return the slots of some users, who are now called 0 … B."""
        first_B = np.searchsorted(self.user_G, user_B)
        number_B = np.searchsorted(self.user_G, user_B, side="right") - first_B
        taken = self.take(ranges(first_B, number_B)[0])
        return taken._replace(user_G=np.repeat(np.arange(len(user_B)), number_B))

    def take(self, slot_G: Rows) -> Slots:
        """Return some of the slots, in another order."""
        item_S, ptr_G1 = ranges(self.ptr_G1[slot_G], self.length_G[slot_G])
        parts = (self.row_S[item_S], self.text_S[item_S], self.kind_S[item_S])
        return Slots(*parts, ptr_G1, self.user_G[slot_G], self.service_G[slot_G])


class SlotReader:
    """Reads slots of any users of some traces: a few sorts, no object per event.

    Args:
        traces: whose events.
        texts: of these traces.
        bpe: which services and kinds are known.
        config: how slots are cut.
    """

    def __init__(
        self, traces: Traces, texts: ItemTexts, bpe: ByteBPE, config: ItemSequenceConfig
    ) -> None:
        self.traces = traces
        self.texts = texts
        self.config = config
        self.num_services, self.num_kinds = len(bpe.services), len(bpe.kinds)
        self._documents = ItemDocuments(traces, config.text)
        self._service_of_code = places(traces, SERVICE, bpe.services)
        self._kind_of_code = places(traces, KIND, bpe.kinds)

    def read(self, start_B: Rows, stop_B: Rows) -> tuple[Slots, ItemCounts]:
        """Return the slots of users whose events before the cutoff are ``start … stop``."""
        row_L, offsets_B1 = ranges(start_B, stop_B - start_B)
        user_L = np.repeat(np.arange(len(start_B)), np.diff(offsets_B1))
        text_L = self._documents.text_of(row_L, self.texts.text_D)
        service_L = self._service_of_code[codes(self.traces, SERVICE, row_L)]
        has_text_L, known_L = text_L >= 0, service_L < self.num_services
        kept_L = has_text_L & (known_L | self.config.other_slot)
        row_S, text_S = row_L[kept_L], text_L[kept_L]
        slot_S = user_L[kept_L] * (self.num_services + 1) + service_L[kept_L]
        kind_S = self._kind_of_code[codes(self.traces, KIND, row_S)]
        num_first = len(row_S)
        order_S = np.argsort(slot_S, kind="stable")
        if self.config.unique:
            behaviour_S = text_S * (self.num_kinds + 1) + kind_S
            order_S = order_S[latest(slot_S[order_S], behaviour_S[order_S])]
        num_unique = len(order_S)
        order_S = order_S[_last(slot_S[order_S], self.config.max_items)]
        code_G, first_G = np.unique(slot_S[order_S], return_index=True)
        user_G, service_G = np.divmod(code_G, self.num_services + 1)
        ptr_G1 = np.append(first_G, len(order_S))
        parts = (row_S[order_S], text_S[order_S], kind_S[order_S])
        counts = ItemCounts(
            len(row_L),
            int((~has_text_L).sum()),
            int((has_text_L & ~kept_L).sum()),
            num_first - num_unique,
            num_unique - len(order_S),
            len(order_S),
        )
        return Slots(*parts, ptr_G1, user_G, service_G), counts


def latest(slot_S: Rows, behaviour_S: Rows) -> Mask:
    """Return where the last of equal behaviours of a slot stands.

    >>> latest(np.array([0, 0, 0, 1]), np.array([5, 6, 5, 5])).tolist()
    [False, True, True, True]
    """
    order_S = np.lexsort((behaviour_S, slot_S))
    last_S = np.ones(len(order_S), np.bool_)
    slot_differs_S = np.diff(slot_S[order_S]) != 0
    last_S[:-1] = slot_differs_S | (np.diff(behaviour_S[order_S]) != 0)
    kept_S = np.empty(len(order_S), np.bool_)
    kept_S[order_S] = last_S
    return kept_S


def places(traces: Traces, name: str, known: tuple[str, ...]) -> Rows:
    """Return the place of each code's value among those known, ``len(known)`` for any other.

    Code 0, a missing value, is another; but in traces without the channel all events have code 0,
    and the value :data:`UNNAMED`.
    """
    place: dict[str | None, int] = {value: i for i, value in enumerate(known)}
    values = names_of(traces, name)
    return np.array([place.get(v, len(known)) for v in values], np.int64)


def names_of(traces: Traces, name: str) -> list[str | None]:
    """Return the value of each code of the channel ``service`` or ``kind``; None where missing."""
    if name not in traces.columns:
        return [UNNAMED]
    return [None, *traces.dictionary(name).to_pylist()]


def codes(traces: Traces, name: str, row_L: Rows) -> Rows:
    """Return the code of the channel ``service`` or ``kind`` of some events."""
    if name not in traces.columns:
        return np.zeros(len(row_L), np.int64)
    return traces.column(name)[row_L].astype(np.int64)


def _last(slot_S: Rows, number: int) -> Mask:
    """Return where the last items of each slot stand, at most ``number`` of them."""
    stop_S = np.searchsorted(slot_S, slot_S, side="right")
    kept: Mask = np.arange(len(slot_S)) >= stop_S - number
    return kept
