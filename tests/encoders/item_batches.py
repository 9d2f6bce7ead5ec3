"""Batches of item texts that a test writes down, and a padded twin of their encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import torch

from habitus.data.item_sequence import PADDING_SHARE, ItemSequenceBatch
from habitus.data.length_groups import length_groups
from habitus.encoders.item_text_config import ItemTextEncoderConfig

VOCAB, NUM_SERVICES, MAX_TOKENS = 50, 2, 9
FIRST_WORD = 5
CONFIG = ItemTextEncoderConfig(
    vocab_size=VOCAB,
    num_services=NUM_SERVICES,
    width=8,
    item_layers=2,
    service_layers=1,
    num_heads=2,
    max_tokens=MAX_TOKENS,
    max_items=12,
    dropout=0.2,
    tokens_per_step=40,
)
History = Mapping[int, Sequence[int]]
"""Items of a user on each service, oldest first."""
Slot = tuple[int, int, Sequence[int]]
"""User, service, items."""


def item_batch(
    slots: Sequence[Slot], num_users: int, *, padding_share: float = PADDING_SHARE
) -> ItemSequenceBatch:
    """Return the batch of some slots; the seconds of an item to the cutoff follow from its name."""
    slots = sorted(slots, key=lambda slot: (len(slot[2]), slot[0], slot[1]))
    texts = sorted({(service, item) for _, service, items in slots for item in items}, key=_order)
    place = {text: i for i, text in enumerate(texts)}
    tokens = [tokens_of(*text) for text in texts]
    names = [(service, item) for _, service, items in slots for item in items]
    lengths_U = torch.zeros(num_users, dtype=torch.long)
    for user, _, items in slots:
        lengths_U[user] += len(items)
    text_ptr, slot_ptr = _pointers(tokens), _pointers([items for _, _, items in slots])
    return ItemSequenceBatch(
        token_T=_long(list(chain(*tokens))),
        text_ptr_I1=text_ptr,
        text_group_H1=_groups(text_ptr, padding_share),
        item_S=_long([place[name] for name in names]),
        slot_ptr_G1=slot_ptr,
        slot_group_H1=_groups(slot_ptr, padding_share),
        slot_user_G=_long([user for user, _, _ in slots]),
        slot_service_G=_long([service for _, service, _ in slots]),
        time_S=_long([3 ** (item % 12) for _, item in names]),
        lengths_U=lengths_U,
    )


def history_batch(users: Sequence[History]) -> ItemSequenceBatch:
    """Return the batch of some users."""
    slots = [
        (user, service, items)
        for user, history in enumerate(users)
        for service, items in history.items()
        if items
    ]
    return item_batch(slots, len(users))


def make_batch(users: Mapping[int, int]) -> ItemSequenceBatch:
    """Return users with as many items as asked for; a user's items follow from its name."""
    return history_batch([history(name, length) for name, length in users.items()])


def history(name: int, length: int, num_items: int = 12) -> dict[int, list[int]]:
    """Return so many items on both services, none of them empty if there are two."""
    chance = np.random.default_rng([name, length])
    cut = int(chance.integers(1, length)) if length > 1 else length
    items = [int(i) for i in chance.integers(num_items, size=length)]
    return {0: items[:cut], 1: items[cut:]}


def tokens_of(service: int, item: int) -> list[int]:
    """Return the tokens of an item on a service: service, kind, and 1 … 7 more."""
    chance = np.random.default_rng([item])
    words = chance.integers(FIRST_WORD, VOCAB, size=1 + item % (MAX_TOKENS - 2))
    return [1 + service, FIRST_WORD - 1, *(int(word) for word in words)]


def _order(text: tuple[int, int]) -> tuple[int, int, int]:
    return len(tokens_of(*text)), *text


def _long(values: Sequence[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.long)


def _pointers(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    return _long([0, *(len(row) for row in rows)]).cumsum(0)


def _groups(ptr: torch.Tensor, padding_share: float) -> torch.Tensor:
    return torch.from_numpy(length_groups(ptr.diff().numpy(), padding_share))
