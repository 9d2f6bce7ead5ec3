"""The two sides of a pair: halves of one slot, what dropout leaves of a slot, and who meets whom.

Shapes: S items, G slots, B pairs, C places where a slot could be parted.
"""

from __future__ import annotations

import numpy as np

from habitus.data.item_slots import Mask, Slots
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows


def pairs_of(user_G: Rows) -> Rows:
    """Return all unordered pairs of slots of one user, ``(B, 2)``.

    >>> pairs_of(np.array([0, 0, 0, 4, 4])).tolist()
    [[0, 1], [0, 2], [1, 2], [3, 4]]
    """
    slot_G = np.arange(len(user_G))
    after_G = np.searchsorted(user_G, user_G, side="right") - slot_G - 1
    second_B, _ = ranges(slot_G + 1, after_G)
    return np.stack([np.repeat(slot_G, after_G), second_B], axis=1)


def halves(slots: Slots, parted_G: Mask, time_S: Rows, min_items: int) -> Slots:
    """Return the slots with some of them parted in an earlier and a later half.

    A slot is parted where the time changes, as near its middle as can be. One that cannot be parted
    so that both halves have ``min_items`` is left out.

    Args:
        slots: by user.
        parted_G: which to part.
        time_S: of each item, ascending in each slot.
        min_items: of each half.
    """
    length_G = slots.length_G
    slot_S = np.repeat(np.arange(len(length_G)), length_G)
    before_S = np.arange(len(slot_S)) - slots.ptr_G1[slot_S]
    changes_S = np.diff(time_S, prepend=time_S[:1]) != 0
    fits_S = (before_S >= min_items) & (length_G[slot_S] - before_S >= min_items)
    place_C = np.flatnonzero(parted_G[slot_S] & changes_S & fits_S)
    slot_C, before_C = slot_S[place_C], before_S[place_C]
    order_C = np.lexsort((np.abs(2 * before_C - length_G[slot_C]), slot_C))
    # The first of each slot is the nearest to its middle.
    parted, first = np.unique(slot_C[order_C], return_index=True)
    cut = place_C[order_C[first]]
    kept_G = np.sort(np.concatenate([np.flatnonzero(~parted_G), parted, parted]))
    start_G = slots.ptr_G1[kept_G].copy()
    stop_G = slots.ptr_G1[kept_G + 1].copy()
    earlier = np.searchsorted(kept_G, parted)
    stop_G[earlier] = cut
    start_G[earlier + 1] = cut
    item_S, ptr_G1 = ranges(start_G, stop_G - start_G)
    parts = (slots.row_S[item_S], slots.text_S[item_S], slots.kind_S[item_S])
    return Slots(*parts, ptr_G1, slots.user_G[kept_G], slots.service_G[kept_G])


def keep_some(slots: Slots, share: float, generator: np.random.Generator) -> Slots:
    """Return the slots with each item kept by chance; the latest where none would be.

    Args:
        slots: none of them empty.
        share: chance of each item to stay.
        generator: of the draws.
    """
    kept_S = generator.random(len(slots.row_S)) < share
    before_S1 = np.concatenate([[0], np.cumsum(kept_S)])
    left_G = np.diff(before_S1[slots.ptr_G1])
    kept_S[slots.ptr_G1[1:][left_G == 0] - 1] = True
    return slots.keep_items(kept_S)
