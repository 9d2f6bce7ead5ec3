"""ItemSequenceBatch: item texts of some users, each distinct text once, in slots of one service.

A slot is a user's items on one service, oldest first (in pre-training also one half of them).
Nothing is padded. Texts, and slots, stand in the order of their length, and groups say which of
them are so alike that little is padded where attention has to pad.

Shapes: I distinct texts of the batch, T their tokens, S items of all slots, G slots, U users,
H groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from habitus.config import Config
from habitus.data.length_groups import length_groups, padded
from habitus.data.posts import AUTO
from habitus.data.snapshot import ranges
from habitus.errors import UsageError

PADDING_SHARE = 0.03
NUM_PREFIX = 2
"""Tokens before each text: its service and its kind (A-C2)."""


@dataclass(frozen=True, kw_only=True)
class ItemSequenceConfig(Config):
    """How texts and slots are cut and packed."""

    text: str = AUTO
    """Which texts: ``item``, a text channel of the events, or ``auto`` for both, see
    :class:`~habitus.data.item_documents.ItemDocuments`."""
    max_items: int = 512
    """Latest items of a user on one service that are read (C13)."""
    max_tokens: int = 32
    """Tokens of a text, those of its service and kind included (C2); the rest is cut off."""
    unique: bool = True
    """Whether a behaviour that a user repeats stands once, at its latest place before the cutoff
    (C4, A-C13)."""
    other_slot: bool = True
    """Whether the items of all services that were never seen make one more slot, the last. Without
    it (the paper) they are left out. The slot is trained by service-token dropout (A-C2)."""
    token_budget: int = 16_384
    """Tokens of the texts of one batch to encode, repeated texts included, at most; a user with
    more is a batch of its own. Pre-training counts users instead."""
    padding_share: float = PADDING_SHARE
    """Padding among what attention holds, at most, of texts and of slots: decides the groups."""

    def __post_init__(self) -> None:
        for name, least in (("max_items", 1), ("max_tokens", NUM_PREFIX + 1), ("token_budget", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.padding_share < 1:
            raise UsageError(f"padding_share must be in [0, 1), got {self.padding_share}")


@dataclass(frozen=True)
class ItemSequenceBatch:
    """Packed texts and slots of some users. All int64; ``…1`` and ``lengths_U`` on the CPU.

    Equal texts of two services, or of two kinds, are two texts: their first tokens differ.
    """

    token_T: Tensor
    """Tokens of the distinct texts: service, kind, then the text; no padding."""
    text_ptr_I1: Tensor
    """First token of each text, and ``T``. Texts ascend in length; none is empty."""
    text_group_H1: Tensor
    """First text of each group of texts of about one length, and ``I``."""
    item_S: Tensor
    """Which of the ``I`` texts each place of each slot holds; slot by slot, oldest first."""
    slot_ptr_G1: Tensor
    """First item of each slot, and ``S``. Slots ascend in length, then user, service; none is
    empty."""
    slot_group_H1: Tensor
    """First slot of each group of slots of about one length, and ``G``."""
    slot_user_G: Tensor
    """User of each slot, a place in the batch."""
    slot_service_G: Tensor
    """Service of each slot: below ``K`` a known one, ``K`` any other (also a slot whose service
    tokens were dropped out, where the encoding has a slot for others)."""
    time_S: Tensor | None
    """Seconds from each item to the cutoff; None where time is an order."""
    lengths_U: Tensor
    """Items of each user; 0 for users without any."""

    @property
    def num_users(self) -> int:
        """Users, those without items included."""
        return len(self.lengths_U)

    @property
    def num_texts(self) -> int:
        """Distinct texts, ``I``."""
        return len(self.text_ptr_I1) - 1

    @property
    def num_slots(self) -> int:
        """Slots with at least one item, ``G``."""
        return len(self.slot_ptr_G1) - 1

    @property
    def num_events(self) -> int:
        """Items of all slots, ``S``."""
        return len(self.item_S)

    @cached_property
    def padded_events(self) -> int:
        """Items and padding when the slots of each group are padded to the longest of them."""
        return _padded(self.slot_ptr_G1, self.slot_group_H1)

    @property
    def num_tokens(self) -> int:
        """Tokens of the distinct texts, ``T``."""
        return len(self.token_T)

    @cached_property
    def padded_tokens(self) -> int:
        """Tokens and padding when the texts of each group are padded to the longest of them."""
        return _padded(self.text_ptr_I1, self.text_group_H1)

    @property
    def dedup_share(self) -> float:
        """Share of the items whose text need not be encoded, since it stands there already."""
        return 1 - self.num_texts / self.num_events if self.num_events else 0.0

    def select(self, slot_G: Tensor, padding_share: float = PADDING_SHARE) -> ItemSequenceBatch:
        """Return the batch of some slots of this one, with the texts that they hold.

        For passes over parts of a large batch (GradCache). Users stay as they are, so that
        ``slot_user_G`` means the same; ``lengths_U`` counts the items of these slots.

        Args:
            slot_G: slots, ascending.
            padding_share: as in the config.
        """
        device = self.item_S.device
        slot_G = slot_G.cpu()
        place_S, slot_ptr_G1 = _ranges(self.slot_ptr_G1, slot_G)
        place_S = place_S.to(device)
        text_I, item_S = torch.unique(self.item_S[place_S], return_inverse=True)
        token_T, text_ptr_I1 = _ranges(self.text_ptr_I1, text_I.cpu())
        user_G = self.slot_user_G[slot_G.to(device)]
        lengths_U = torch.zeros_like(self.lengths_U)
        lengths_U.index_add_(0, user_G.cpu(), slot_ptr_G1.diff())
        return ItemSequenceBatch(
            token_T=self.token_T[token_T.to(device)],
            text_ptr_I1=text_ptr_I1,
            text_group_H1=_groups(text_ptr_I1, padding_share),
            item_S=item_S,
            slot_ptr_G1=slot_ptr_G1,
            slot_group_H1=_groups(slot_ptr_G1, padding_share),
            slot_user_G=user_G,
            slot_service_G=self.slot_service_G[slot_G.to(device)],
            time_S=None if self.time_S is None else self.time_S[place_S],
            lengths_U=lengths_U,
        )

    def to(self, device: torch.device | str) -> ItemSequenceBatch:
        """Return the batch on ``device``, but for pointers, groups and lengths."""
        names = ("token_T", "item_S", "slot_user_G", "slot_service_G", "time_S")
        held = {n: getattr(self, n) for n in names}
        moved = {n: t.to(device, non_blocking=True) for n, t in held.items() if t is not None}
        return replace(self, **moved)


def _ranges(ptr_B1: Tensor, row_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places of some rows of a packed tensor, and their pointers; on the CPU."""
    start_B = ptr_B1[row_B]
    place, new_ptr_B1 = ranges(start_B.numpy(), (ptr_B1[row_B + 1] - start_B).numpy())
    return torch.from_numpy(place), torch.from_numpy(new_ptr_B1)


def _groups(ptr_B1: Tensor, padding_share: float) -> Tensor:
    return torch.from_numpy(length_groups(ptr_B1.diff().numpy(), padding_share))


def _padded(ptr_B1: Tensor, group_H1: Tensor) -> int:
    return padded(ptr_B1.diff().numpy(), group_H1.numpy())
