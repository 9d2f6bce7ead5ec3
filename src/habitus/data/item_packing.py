"""Slots of events into a batch: each distinct text once, by length; no loop over items or texts.

Shapes: I distinct texts, T their tokens, S items, G slots, U users.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from habitus.data.byte_bpe import ByteBPE
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch
from habitus.data.item_slots import Slots
from habitus.data.item_texts import ItemTexts
from habitus.data.length_groups import length_groups
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows


class Behaviours(NamedTuple):
    """Distinct (text, service, kind) of a batch, and which of them each item is."""

    text_I: Rows
    service_I: Rows
    kind_I: Rows
    item_S: Rows


def pack_slots(
    slots: Slots,
    texts: ItemTexts,
    bpe: ByteBPE,
    *,
    num_users: int,
    padding_share: float,
    age_S: Rows | None = None,
    slot_service_G: Rows | None = None,
    says_other_G: npt.NDArray[np.bool_] | None = None,
) -> tuple[ItemSequenceBatch, Rows]:
    """Return the batch, and which of ``slots`` each of its slots is.

    Args:
        slots: in any order.
        texts: that ``slots.text_S`` are places in.
        bpe: with which ``texts`` were made.
        num_users: users of the batch; ``slots.user_G`` is below it.
        padding_share: see :func:`~habitus.data.length_groups.length_groups`.
        age_S: seconds from each item to the cutoff; None where time is an order.
        slot_service_G: what the batch says the service of a slot is; None for its service.
        says_other_G: slots whose texts say ``<svc:other>``; None for none of the known services.
    """
    order_G = np.lexsort((slots.service_G, slots.user_G, slots.length_G))
    sorted_ = slots.take(order_G)
    token_service_G = sorted_.service_G
    if says_other_G is not None:
        token_service_G = np.where(says_other_G[order_G], len(bpe.services), token_service_G)
    service_G = sorted_.service_G if slot_service_G is None else slot_service_G[order_G]
    found = _distinct(sorted_, np.repeat(token_service_G, sorted_.length_G), texts, bpe)
    token_T, ptr_I1 = _tokens(found, texts, bpe)
    length_U = np.bincount(sorted_.user_G, sorted_.length_G, minlength=num_users)
    if age_S is not None:
        age_S = age_S[ranges(slots.ptr_G1[order_G], sorted_.length_G)[0]]
    batch = ItemSequenceBatch(
        token_T=torch.from_numpy(token_T),
        text_ptr_I1=torch.from_numpy(ptr_I1),
        text_group_H1=torch.from_numpy(length_groups(np.diff(ptr_I1), padding_share)),
        item_S=torch.from_numpy(found.item_S),
        slot_ptr_G1=torch.from_numpy(sorted_.ptr_G1),
        slot_group_H1=torch.from_numpy(length_groups(sorted_.length_G, padding_share)),
        slot_user_G=torch.from_numpy(sorted_.user_G),
        slot_service_G=torch.from_numpy(service_G),
        time_S=None if age_S is None else torch.from_numpy(age_S),
        lengths_U=torch.from_numpy(length_U.astype(np.int64)),
    )
    return batch, order_G


def _distinct(slots: Slots, service_S: Rows, texts: ItemTexts, bpe: ByteBPE) -> Behaviours:
    """Return the distinct behaviours, the shortest text first."""
    services, kinds = len(bpe.services) + 1, len(bpe.kinds) + 1
    key_S = (slots.text_S * services + service_S) * kinds + slots.kind_S
    key_I, item_S = np.unique(key_S, return_inverse=True)
    rest_I, kind_I = np.divmod(key_I, kinds)
    text_I, service_I = np.divmod(rest_I, services)
    order_I = np.argsort(texts.ptr_I1[text_I + 1] - texts.ptr_I1[text_I], kind="stable")
    place_I = np.empty(len(order_I), np.int64)
    place_I[order_I] = np.arange(len(order_I))
    return Behaviours(text_I[order_I], service_I[order_I], kind_I[order_I], place_I[item_S])


def _tokens(found: Behaviours, texts: ItemTexts, bpe: ByteBPE) -> tuple[Rows, Rows]:
    """Return service, kind and text of each behaviour, and pointers ``(I + 1)``."""
    start_I = texts.ptr_I1[found.text_I]
    place_T, before_I1 = ranges(start_I, texts.ptr_I1[found.text_I + 1] - start_I)
    ptr_I1 = before_I1 + NUM_PREFIX * np.arange(len(before_I1))
    token_T = np.empty(ptr_I1[-1], np.int64)
    is_text_T = np.ones(len(token_T), np.bool_)
    for place, token_I in enumerate(
        (bpe.service_tokens(found.service_I), bpe.kind_tokens(found.kind_I))
    ):
        token_T[ptr_I1[:-1] + place] = token_I
        is_text_T[ptr_I1[:-1] + place] = False
    token_T[is_text_T] = texts.token_T[place_T]
    return token_T, ptr_I1
