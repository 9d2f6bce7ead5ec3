"""Each step has its batch of every relation, and no relation feels the others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from habitus.data.edge_split import Circle
from habitus.data.relations import Drawn, Material, Relations, cycle, train_and_valid
from habitus.data.relations_config import Relation, RelationsConfig
from habitus.errors import GuardError, UsageError
from tests.data.social import communities_of, graph_of, linked, random_communities, random_graph

NUM_USERS = 60
MATERIAL = Material(
    random_graph(NUM_USERS, 0.1),
    random_communities(NUM_USERS, 4, 0.4, seed=0),
    np.arange(5, 50),
)
CONFIG = RelationsConfig(
    inter_batch=32, intra_batch=8, half_batch=10, domain_batch=6, intra_triples=100, valid_share=0.1
)
ALL: tuple[Relation, ...] = ("inter", "negatives", "links", "intra", "halves", "domains")


def relations(reads: Sequence[Relation] = ALL, seed: int = 0, **changes: Any) -> Relations:
    config = replace(CONFIG, **changes)
    return Relations(Circle.of_all(MATERIAL.graph), MATERIAL, config, frozenset(reads), seed)


def epoch(found: Relations, seed: int = 0) -> list[Drawn]:
    plan = found.plan(np.random.default_rng(seed))
    return [found.draw(unit, np.random.default_rng([seed, i])) for i, unit in enumerate(plan)]


def rows(drawn: list[Drawn], name: str) -> list[list[int]]:
    """Return one relation of each step as plain lists."""
    if name == "intra":
        return [d.subgraphs.member_M.tolist() for d in drawn]
    if name == "halves":
        return [d.half_B.tolist() for d in drawn]
    return [(d.inter_B3 if name == "inter" else d.domain_B2).ravel().tolist() for d in drawn]


def test_an_epoch_is_once_through_the_inter_triples_and_the_others_cycle() -> None:
    found = relations()
    plan = found.plan(np.random.default_rng(0))
    follows = MATERIAL.graph.num_follows
    assert len(plan) == found.num_steps == -(-follows // 32)
    inter = np.concatenate([unit.inter_B for unit in plan])
    assert sorted(inter) == list(range(follows))
    assert [len(unit.inter_B) for unit in plan[:-1]] == [32] * (len(plan) - 1)
    intra = np.concatenate([unit.intra_B for unit in plan])
    assert {len(unit.intra_B) for unit in plan} == {8}
    # Eleven steps and more of 8 are less than the hundred there are; halves come round again.
    assert sorted(intra[:100]) == sorted(set(intra[:100].tolist()))
    halves = np.concatenate([unit.half_B for unit in plan])
    assert sorted(halves[:45]) == list(range(5, 50))
    assert len(halves) == 10 * len(plan) > 45
    assert {len(unit.domain_B) for unit in plan} == {6}


def test_triples_are_what_they_should_be() -> None:
    pairs = linked(MATERIAL.graph)
    for drawn in epoch(relations()):
        for anchor, positive, negative in drawn.inter_B3.tolist():
            assert (anchor, positive) in pairs
            assert (anchor, negative) not in pairs
        assert len(drawn.subgraphs.ptr_G1) == 3 * 8 + 1
        assert all(a != b for a, b in drawn.domain_B2.tolist())


@pytest.mark.parametrize("name", ["inter", "intra", "halves", "domains"])
def test_a_relation_alone_is_what_it_is_among_all(name: Any) -> None:
    reads: tuple[Relation, ...] = ("inter", "negatives") if name == "inter" else (name,)
    alone, among = epoch(relations(reads)), epoch(relations())
    for other in {"inter", "intra", "halves", "domains"} - {name}:
        assert not any(rows(alone, other))
    # An epoch is as long as its first relation; as far as both go, the steps are the same.
    both = list(zip(rows(alone, name), rows(among, name), strict=False))
    whole = [pair for pair in both if len(pair[0]) == len(pair[1])]
    assert len(whole) >= min(len(alone), len(among)) - 1 >= 3
    assert all(a == b for a, b in whole)


def test_chance_is_that_of_seed_and_generator() -> None:
    first = epoch(relations())
    for name in ("inter", "intra", "halves", "domains"):
        assert rows(epoch(relations()), name) == rows(first, name)
        assert rows(epoch(relations(), seed=1), name) != rows(first, name)
    # What is drawn once depends on the seed of the relations, not on the epoch.
    again = relations(seed=1)
    assert again.inter is not None
    assert rows(epoch(again), "intra") != rows(first, "intra")
    assert rows(epoch(again), "halves") == rows(first, "halves")


def test_negatives_are_new_each_epoch_only_if_asked() -> None:
    def of_epoch(found: Relations, seed: int) -> set[tuple[int, ...]]:
        return {tuple(row) for drawn in epoch(found, seed) for row in drawn.inter_B3.tolist()}

    once, anew = relations(), relations(resample_negatives=True)
    assert of_epoch(once, 0) == of_epoch(once, 1)
    assert of_epoch(anew, 0) != of_epoch(anew, 1)
    assert {row[:2] for row in of_epoch(anew, 1)} == {row[:2] for row in of_epoch(once, 0)}


def test_a_step_is_no_larger_than_what_there_is() -> None:
    found = relations(("halves",), half_batch=1_000)
    assert [len(unit.half_B) for unit in found.plan(np.random.default_rng(0))] == [45]


def test_the_sides_of_training_and_validation_share_nobody() -> None:
    train, valid = train_and_valid(MATERIAL, CONFIG, frozenset(ALL), seed=0)
    assert valid is not None
    users = [set[int](), set[int]()]
    for side, found in zip(users, (train, valid), strict=True):
        for drawn in epoch(found):
            for name in ("inter", "intra", "halves", "domains"):
                for row in rows([drawn], name):
                    side.update(row)
    assert users[0]
    assert users[1]
    assert not users[0] & users[1]
    assert train.num_steps > valid.num_steps >= 1
    assert valid.config.intra_triples == 10  # a tenth of them


def test_counts_are_told() -> None:
    train, valid = train_and_valid(MATERIAL, CONFIG, frozenset(ALL), seed=0)
    assert valid is not None
    a, b = train.about(), valid.about()
    assert a["users"] + b["users"] == NUM_USERS
    assert a["follows"] + b["follows"] + a["lost_follows"] == MATERIAL.graph.num_follows
    assert a["inter_triples"] + a["dropped_triples"] == a["follows"]
    assert a["communities"] >= 2 * a["users_with_communities"] > 0
    # Halves: 5 … 49 on the two sides.
    assert a["users_with_halves"] + b["users_with_halves"] == 45
    assert 0 < a["users_with_domains"] <= a["users"]
    alone = train_and_valid(MATERIAL, CONFIG, frozenset({"halves"}), seed=0)[0]
    assert set(alone.about()) == {"users", "follows", "lost_follows", "users_with_halves"}


def test_validation_can_be_left_to_other_users() -> None:
    train, valid = train_and_valid(MATERIAL, replace(CONFIG, valid_share=0), frozenset(ALL), 0)
    assert valid is None
    assert train.inter is not None
    assert len(train.inter) == MATERIAL.graph.num_follows


def test_halves_need_no_follow() -> None:
    cold = Material(graph_of(30, []), None, np.arange(30))
    train, valid = train_and_valid(cold, CONFIG, frozenset({"halves"}), 0)
    assert valid is not None
    assert (len(train.circle.users), len(valid.circle.users)) == (27, 3)
    assert valid.sizes == {"halves": (3, 3)}


def test_what_validation_users_lack_is_left_out_of_theirs() -> None:
    # Two follows of 600 keep four users or so, of whom nobody has two communities.
    graph = random_graph(80, 0.1)
    material = Material(graph, random_communities(80, 4, 0.4, seed=0))
    few = replace(CONFIG, valid_share=0.002)
    train, valid = train_and_valid(material, few, frozenset({"inter", "negatives", "intra"}), 0)
    assert valid is not None
    assert list(train.sizes) == ["inter", "intra"]
    assert list(valid.sizes) == ["inter"]
    assert valid.intra is None
    with pytest.raises(GuardError, match="to validate on: no user has two communities"):
        train_and_valid(material, few, frozenset({"intra"}), 0)


@pytest.mark.parametrize(
    ("reads", "material", "error", "message"),
    [
        (
            ("inter", "negatives"),
            Material(graph_of(5, [])),
            GuardError,
            "0 follows between 5 users",
        ),
        (
            ("inter",),
            Material(graph_of(1, [])),
            GuardError,
            r"triplet\.alpha=0, or contrast\.inter_weight=0",
        ),
        (("inter", "negatives"), Material(random_graph(5, 1.0)), GuardError, "give no inter-user"),
        (("intra",), Material(MATERIAL.graph), UsageError, "need communities"),
        (
            ("intra",),
            Material(MATERIAL.graph, communities_of([[]] * NUM_USERS)),
            GuardError,
            "0 users with tags",
        ),
        (("halves",), Material(MATERIAL.graph), UsageError, "this source reads whole users"),
        (
            ("halves",),
            Material(MATERIAL.graph, None, np.array([3])),
            GuardError,
            "1 of 60 users have words in both halves",
        ),
        (("domains",), Material(MATERIAL.graph), UsageError, "need communities"),
        (
            ("domains",),
            Material(MATERIAL.graph, communities_of([[]] * NUM_USERS)),
            GuardError,
            "no domain has two users",
        ),
        (("negatives",), MATERIAL, UsageError, "no relation is read"),
        ((), MATERIAL, UsageError, "no relation is read"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    reads: Any, material: Material, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Relations(Circle.of_all(material.graph), material, CONFIG, frozenset(reads), 0)


def test_one_shuffle_follows_the_other() -> None:
    batches = cycle(5, 12, 5, np.random.default_rng(0))
    assert [len(b) for b in batches] == [5, 5, 2]
    assert sorted(batches[0]) == sorted(batches[1]) == [0, 1, 2, 3, 4]
    assert batches[0].tolist() != batches[1].tolist()
    # A longer stream begins as a shorter one does.
    longer = np.concatenate(cycle(5, 20, 5, np.random.default_rng(0)))
    assert longer[:12].tolist() == np.concatenate(batches).tolist()
