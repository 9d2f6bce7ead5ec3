"""Pairs of slots that a test writes down, and an encoder whose slots are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

from habitus.data.item_pairs import ItemPairBatch
from tests.encoders.item_batches import Slot, history, item_batch


def pair_batch(slots: Sequence[Slot], num_users: int) -> ItemPairBatch:
    """Return a batch with all pairs of slots of each user; slots without a pair are left out."""
    users = [user for user, _, _ in slots]
    items = item_batch([slot for slot in slots if users.count(slot[0]) > 1], num_users)
    user_G = items.slot_user_G.tolist()
    of_user = {u: [g for g, user in enumerate(user_G) if user == u] for u in sorted(set(user_G))}
    service_G = items.slot_service_G.tolist()
    pairs = [
        (u, *pair)
        for u, own in of_user.items()
        for pair in combinations(sorted(own, key=lambda g: service_G[g]), 2)
    ]
    pair_B3 = torch.tensor(pairs, dtype=torch.long).view(-1, 3)
    return ItemPairBatch(
        items=items,
        pair_B2=pair_B3[:, 1:],
        pair_service_B2=items.slot_service_G[pair_B3[:, 1:]],
        pair_user_B=pair_B3[:, 0],
    )


def history_pairs(histories: Sequence[Mapping[int, Sequence[int]]]) -> ItemPairBatch:
    """Return the pairs of some users' services."""
    slots = [(u, s, items) for u, h in enumerate(histories) for s, items in h.items() if items]
    return pair_batch(slots, len(histories))


def pairs_of(users: Mapping[int, int]) -> ItemPairBatch:
    """Return the pairs of users with as many items as asked for, on two services."""
    return history_pairs([history(name, length) for name, length in users.items()])


def shard(batch: ItemPairBatch, users: Sequence[int]) -> tuple[ItemPairBatch, Tensor]:
    """Return the batch of some users, renamed 0 …, and their slots in the whole."""
    slot_G = torch.isin(batch.items.slot_user_G, torch.tensor(users)).nonzero().squeeze(1)
    row_B = torch.isin(batch.pair_user_B, torch.tensor(users)).nonzero().squeeze(1)
    new_user = torch.full((batch.num_users,), -1)
    new_user[torch.tensor(users)] = torch.arange(len(users))
    items = batch.items.select(slot_G)
    items = type(items)(
        **{
            **vars(items),
            "slot_user_G": new_user[items.slot_user_G],
            "lengths_U": items.lengths_U[torch.tensor(users)],
        }
    )
    part = ItemPairBatch(
        items=items,
        pair_B2=torch.searchsorted(slot_G, batch.pair_B2[row_B]),
        pair_service_B2=batch.pair_service_B2[row_B],
        pair_user_B=new_user[batch.pair_user_B[row_B]],
    )
    return part, slot_G
