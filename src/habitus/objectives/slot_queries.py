"""Which slots a slot is compared with: eq. 4 of CLUE for any number of services and processes.

A query's counterpart is another slot of its user. The candidates are the counterpart and the slots
of all other users on the counterpart's service; with two services that everybody uses this is the
denominator of eq. 4. A slot of one's own is never a candidate but for the counterpart.

Shapes: G slots of this process, C slots of all processes, Q queries (two for each pair), N those of
one service, B pairs, I texts, S items.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from habitus.data.item_pairs import ItemPairBatch
from habitus.data.item_sequence import NUM_PREFIX, ItemSequenceBatch
from habitus.objectives.split import Peers

APART = 2**40
"""Users of different processes are different users."""
HASH_FACTOR = 0x9E3779B97F4A7C15 - 2**64


class Group(NamedTuple):
    """Queries whose counterparts are on one service."""

    place_N: Tensor
    """Which of all queries each is."""
    query_N: Tensor
    """Slot of this process."""
    candidate_C: Tensor
    """Slots of all processes on that service, ascending."""
    own_N: Tensor
    """Which of the candidates is the counterpart."""
    hidden_NC: Tensor
    """Candidates that are not compared with a query."""
    near_NC: Tensor | None
    """Candidates that the query's gradient reaches; None for all."""


@dataclass(frozen=True)
class Queries:
    """All that is asked in this process: each pair both ways."""

    groups: list[Group]
    weight_Q: Tensor
    """One over the queries of the user: each user counts once (A-C1)."""
    num_users: Tensor
    """Users with a pair in this process."""
    num_users_of_all: Tensor
    """And in all of them."""


def queries_of(
    batch: ItemPairBatch,
    peers: Peers,
    *,
    same_share: float | None = None,
    local_users: int | None = None,
) -> Queries:
    """Return who is compared with whom.

    Args:
        batch: of this process.
        peers: all processes.
        same_share: hide candidates of whose items, and those of the counterpart, more than this
            share is in both (of those in either); None to compare with all.
        local_users: the gradient reaches candidates of the same block of so many users of one
            process only; 0 for blocks of whole processes, None for all (A-C11).
    """
    pair_B2, items = batch.pair_B2, batch.items
    facts_G3 = _facts(batch, peers.rank, local_users)
    facts_C3 = peers.gather(facts_G3)
    sizes = peers.gather(torch.tensor([len(facts_G3)], device=pair_B2.device))
    start = int(sizes[: peers.rank].sum())
    same_CC = None if same_share is None else _same_items(items, peers, same_share)
    query_Q, key_Q = start + pair_B2.T.flatten(), start + pair_B2.flip(1).T.flatten()
    groups = []
    for service in torch.unique(facts_C3[key_Q, 0]).tolist():
        place_N = (facts_C3[key_Q, 0] == service).nonzero().squeeze(1)
        candidate_C = (facts_C3[:, 0] == service).nonzero().squeeze(1)
        query_N, key_N = query_Q[place_N], key_Q[place_N]
        own_N = torch.searchsorted(candidate_C, key_N)
        hidden_NC = facts_C3[candidate_C, 1] == facts_C3[query_N, 1, None]
        if same_CC is not None:
            hidden_NC |= same_CC[key_N][:, candidate_C]
        hidden_NC.scatter_(1, own_N[:, None], False)
        near_NC = facts_C3[candidate_C, 2] == facts_C3[query_N, 2, None]
        near = None if local_users is None else near_NC
        groups.append(Group(place_N, query_N - start, candidate_C, own_N, hidden_NC, near))
    pairs_U = torch.bincount(batch.pair_user_B, minlength=batch.num_users)
    num_users = (pairs_U > 0).sum()
    weight_Q = 1 / (2 * pairs_U[batch.pair_user_B]).float().repeat(2)
    return Queries(groups, weight_Q, num_users, peers.gather(num_users[None]).sum())


def _facts(batch: ItemPairBatch, rank: int, local_users: int | None) -> Tensor:
    """Return service, user and block of each slot, ``(G, 3)``, told from other processes'."""
    user_G = batch.items.slot_user_G
    service_G = torch.full_like(user_G, -1)
    service_G[batch.pair_B2] = batch.pair_service_B2
    block_G = user_G // local_users if local_users else torch.zeros_like(user_G)
    return torch.stack([service_G, user_G + rank * APART, block_G + rank * APART], 1)


def _same_items(items: ItemSequenceBatch, peers: Peers, share: float) -> Tensor:
    """Return which slots of all processes have more than a share of their items in common."""
    length_G = items.slot_ptr_G1.diff().to(items.item_S.device)
    key_S = peers.gather(_text_keys(items)[items.item_S])
    length_C = peers.gather(length_G)
    slot_S = torch.arange(len(length_C), device=key_S.device).repeat_interleave(length_C)
    text_S = torch.unique(key_S, return_inverse=True)[1]
    shape = (len(length_C), int(text_S.max()) + 1 if len(text_S) else 0)
    with warnings.catch_warnings():
        # About defaults, and a layout that the product uses inside.
        warnings.filterwarnings("ignore", "Sparse (invariant checks|CSR tensor support)")
        # An item that a slot holds twice is held.
        place_2N = torch.unique(torch.stack([slot_S, text_S]), dim=1)
        ones_N = torch.ones(place_2N.shape[1], device=key_S.device)
        holds = torch.sparse_coo_tensor(place_2N, ones_N, shape)
        both_CC: Tensor = torch.sparse.mm(holds, holds.t()).to_dense()
    number_C = both_CC.diagonal()
    return both_CC > share * (number_C[:, None] + number_C - both_CC)


def _text_keys(items: ItemSequenceBatch) -> Tensor:
    """Return a number for each text, the same in all processes, whatever its service and kind."""
    length_I = items.text_ptr_I1.diff()
    place_T = torch.arange(items.num_tokens) - items.text_ptr_I1[:-1].repeat_interleave(length_I)
    longest = int(length_I.max()) if len(length_I) else 0
    # Whole numbers of 64 bits wrap around, so this is a polynomial modulo 2⁶⁴.
    factor_L = torch.full((longest,), HASH_FACTOR).cumprod(0)
    factor_T = factor_L[place_T].masked_fill(place_T < NUM_PREFIX, 0)
    text_T = torch.arange(len(length_I)).repeat_interleave(length_I)
    device = items.token_T.device
    terms_T = (items.token_T + 1) * factor_T.to(device)
    key_I = torch.zeros(len(length_I), dtype=torch.long, device=device)
    key_I.index_add_(0, text_T.to(device), terms_T)
    return key_I
