"""ItemReader: slots and batches of the users of one snapshot.

Shapes: U users of the snapshot, B some of them, S items, G slots.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from habitus.data.byte_bpe import ByteBPE
from habitus.data.item_packing import pack_slots
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch, ItemSequenceConfig
from habitus.data.item_slots import ItemCounts, SlotReader, Slots
from habitus.data.item_texts import ItemTexts
from habitus.data.snapshot import END_OF_TIME, Snapshot
from habitus.data.traces import Rows

EVENTS_AT_ONCE = 2**20
USERS_AT_ONCE = 2**16
"""Most that one pass over a snapshot holds; a user with more events is read alone."""


class ItemReader:
    """Reads users of a snapshot: events before its cutoff and nothing else.

    Args:
        snapshot: whose users.
        texts: of the snapshot's traces.
        bpe: with which ``texts`` were made.
        config: how slots are cut.
    """

    def __init__(
        self, snapshot: Snapshot, texts: ItemTexts, bpe: ByteBPE, config: ItemSequenceConfig
    ) -> None:
        self.snapshot = snapshot
        self._texts, self._bpe, self._config = texts, bpe, config
        self._slots = SlotReader(snapshot.traces, texts, bpe, config)

    @property
    def num_services(self) -> int:
        """Known services, ``K``."""
        return len(self._bpe.services)

    def slots(self, place_B: Rows) -> tuple[Slots, ItemCounts]:
        """Return the slots of some users; ``user_G`` is a place in ``place_B``."""
        return self._slots.read(self.snapshot.start_U[place_B], self.snapshot.stop_U[place_B])

    def num_tokens(self, slots: Slots) -> Rows:
        """Return the tokens of each item, those of service and kind included, ``(S)``."""
        ptr_I1 = self._texts.ptr_I1
        return NUM_PREFIX + ptr_I1[slots.text_S + 1] - ptr_I1[slots.text_S]

    def pack(
        self,
        slots: Slots,
        place_B: Rows,
        says_other_G: npt.NDArray[np.bool_] | None = None,
    ) -> tuple[ItemSequenceBatch, Rows]:
        """Return the batch of some slots, and which of them each of its slots is.

        Args:
            slots: of the users at ``place_B``.
            place_B: places in the snapshot.
            says_other_G: slots whose texts do not tell their service.
        """
        slot_service_G = slots.service_G
        if says_other_G is not None and self._config.other_slot:
            slot_service_G = np.where(says_other_G, self.num_services, slot_service_G)
        return pack_slots(
            slots,
            self._texts,
            self._bpe,
            num_users=len(place_B),
            padding_share=self._config.padding_share,
            age_S=self.ages(slots, place_B),
            slot_service_G=slot_service_G,
            says_other_G=says_other_G,
        )

    def pools(self) -> Iterator[Rows]:
        """Yield all places of the snapshot in turn, as many as are read in one pass."""
        before_U1 = np.concatenate([[0], np.cumsum(self.snapshot.lengths_U)])
        start, num_users = 0, self.snapshot.num_users
        while start < num_users:
            limit = before_U1[start] + EVENTS_AT_ONCE
            stop = int(np.searchsorted(before_U1, limit, side="right")) - 1
            stop = min(max(stop, start + 1), start + USERS_AT_ONCE, num_users)
            yield np.arange(start, stop)
            start = stop

    def ages(self, slots: Slots, place_B: Rows) -> Rows | None:
        """Return the seconds of each item to the cutoff; without one, to the user's last event.

        None where time is an order.
        """
        traces = self.snapshot.traces
        if traces.manifest.time_unit == "order":
            return None
        time_S = traces.time_L[slots.row_S]
        if self.snapshot.as_of != END_OF_TIME:
            return self.snapshot.as_of - time_S
        last_G = self.snapshot.stop_U[place_B[slots.user_G]] - 1
        return np.repeat(traces.time_L[last_G] + 1, slots.length_G) - time_S
