"""Who is compared with whom, in one process and in several."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from habitus.data.item_pairs import ItemPairBatch
from habitus.objectives.slot_queries import _same_items, _text_keys, queries_of
from habitus.objectives.split import ALONE, Peers
from tests.objectives.item_pairs import history_pairs, pair_batch, pairs_of, shard
from tests.objectives.threads import together

HISTORIES = [{0: [1, 2], 1: [3]}, {0: [4], 1: [5, 6], 2: [7]}, {1: [2], 2: [3, 4]}]


def asked(batch: ItemPairBatch, peers: Peers, slots: list[Tensor], **options: Any) -> set[Any]:
    """Return each query with its counterpart, what it sees and what it teaches, as in ``slots``.

    ``slots`` has for each process what its slots are called in the whole.
    """
    mine, everyone = slots[peers.rank].tolist(), torch.cat(slots)
    found = set()
    for group in queries_of(batch, peers, **options).groups:
        candidate_C = everyone[group.candidate_C]
        for n, query in enumerate(group.query_N.tolist()):
            own = int(candidate_C[group.own_N[n]])
            seen_C = ~group.hidden_NC[n]
            near_C = seen_C if group.near_NC is None else seen_C & group.near_NC[n]
            parts = [frozenset(candidate_C[which].tolist()) for which in (seen_C, near_C)]
            found.add((mine[query], own, *parts))
    return found


def test_candidates_are_the_counterpart_and_others_on_its_service() -> None:
    batch = history_pairs(HISTORIES)
    user, service = batch.items.slot_user_G.tolist(), batch.items.slot_service_G.tolist()
    queries = queries_of(batch, ALONE)
    found = {}
    for group in queries.groups:
        candidates = group.candidate_C.tolist()
        assert group.near_NC is None
        for n, query in enumerate(group.query_N.tolist()):
            own = candidates[int(group.own_N[n])]
            seen = [
                c for c, h in zip(candidates, group.hidden_NC[n].tolist(), strict=True) if not h
            ]
            assert own in seen
            name = (user[query], service[query], service[own])
            found[name] = {(user[c], service[c]) for c in seen}
            assert user[own] == user[query]
    assert found == {
        (0, 0, 1): {(0, 1), (1, 1), (2, 1)},
        (0, 1, 0): {(0, 0), (1, 0)},
        (1, 0, 1): {(0, 1), (1, 1), (2, 1)},
        (1, 2, 1): {(0, 1), (1, 1), (2, 1)},
        (1, 1, 0): {(0, 0), (1, 0)},
        (1, 2, 0): {(0, 0), (1, 0)},
        (1, 0, 2): {(1, 2), (2, 2)},
        (1, 1, 2): {(1, 2), (2, 2)},
        (2, 1, 2): {(1, 2), (2, 2)},
        (2, 2, 1): {(0, 1), (1, 1), (2, 1)},
    }
    # One pair of user 0 and of user 2, three of user 1, each asked both ways.
    assert sorted(queries.weight_Q.tolist()) == pytest.approx([1 / 6] * 6 + [1 / 2] * 4)
    places = torch.cat([group.place_N for group in queries.groups])
    assert sorted(places.tolist()) == list(range(10))
    assert (queries.num_users.item(), queries.num_users_of_all.item()) == (3, 3)


def test_the_other_half_is_the_only_own_slot_that_is_seen() -> None:
    batch = pair_batch([(0, 1, [1]), (0, 1, [2]), (1, 1, [3]), (1, 1, [4])], 2)
    (group,) = queries_of(batch, ALONE).groups
    assert (~group.hidden_NC).sum(1).tolist() == [3, 3, 3, 3]
    assert not group.hidden_NC[torch.arange(4), group.own_N].any()


def test_a_service_that_was_dropped_out_is_still_the_service_of_the_slot() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5})
    other = replace(batch.items, slot_service_G=torch.full_like(batch.items.slot_service_G, 7))
    groups = queries_of(replace(batch, items=other), ALONE).groups
    expected = queries_of(batch, ALONE).groups
    assert [g.candidate_C.tolist() for g in groups] == [g.candidate_C.tolist() for g in expected]


def test_equal_texts_have_one_number_on_all_services() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5})
    items = batch.items
    texts = [
        tuple(items.token_T[a + 2 : b].tolist())
        for a, b in zip(items.text_ptr_I1[:-1], items.text_ptr_I1[1:], strict=True)
    ]
    keys = _text_keys(items).tolist()
    assert len(set(keys)) == len(set(texts)) < len(texts)
    assert len(set(zip(texts, keys, strict=True))) == len(set(texts))
    backwards = replace(items, token_T=items.token_T.flip(0))
    assert set(_text_keys(backwards).tolist()) != set(keys)


def test_slots_with_the_same_items_by_sets() -> None:
    batch = pairs_of({0: 38, 2: 13, 3: 25, 4: 19, 5: 7})
    keys = _text_keys(batch.items)[batch.items.item_S]
    ptr = batch.items.slot_ptr_G1.tolist()
    sets = [set(keys[a:b].tolist()) for a, b in pairwise(ptr)]
    for share in (0.2, 0.4, 0.6):
        same = _same_items(batch.items, ALONE, share)
        expected = [[len(a & b) > share * len(a | b) for b in sets] for a in sets]
        assert same.tolist() == expected
        assert any(sum(row) > 1 for row in expected)


def test_three_processes_ask_what_one_asks() -> None:
    batch = history_pairs([*HISTORIES, {0: [1, 9], 1: [3]}, {}])
    shards = [shard(batch, users) for users in ([0, 1], [4], [2, 3])]
    parts, slots = [part for part, _ in shards], [slot_G for _, slot_G in shards]
    assert parts[1].items.num_slots == 0

    def ask(peers: Peers) -> set[Any]:
        return asked(parts[peers.rank], peers, slots, same_share=0.4, local_users=0)

    found = together(3, ask)
    whole = asked(batch, ALONE, [torch.arange(batch.items.num_slots)], same_share=0.4)
    assert {query[:3] for query in set.union(*found)} == {query[:3] for query in whole}
    assert any(len(seen) < 3 for _, _, seen, _ in whole)
    for mine, query_set in zip(slots, found, strict=True):
        for _, _, seen, near in query_set:
            assert near == seen & set(mine.tolist())


def test_users_of_all_processes_are_counted() -> None:
    batch = history_pairs(HISTORIES)
    parts = [shard(batch, users)[0] for users in ([0], [1, 2])]
    found = together(2, lambda peers: queries_of(parts[peers.rank], peers))
    assert [one.num_users.item() for one in found] == [1, 2]
    assert [one.num_users_of_all.item() for one in found] == [3, 3]


def test_blocks_of_some_users_are_near() -> None:
    batch = pairs_of({0: 8, 2: 13, 3: 5, 7: 4, 9: 6})
    user = batch.items.slot_user_G.tolist()
    whole = asked(batch, ALONE, [torch.arange(batch.items.num_slots)], local_users=2)
    for query, _, seen, near in whole:
        assert near == {c for c in seen if user[c] // 2 == user[query] // 2}
    assert {len(near) for _, _, _, near in whole} == {1, 2}
