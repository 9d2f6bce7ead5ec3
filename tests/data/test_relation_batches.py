"""Everyone is read once, and indices lead back to the users that were drawn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from habitus.data.edge_split import Circle
from habitus.data.loader import Loader
from habitus.data.relation_batches import (
    EARLIER,
    LATER,
    WHOLE,
    RelationBatch,
    RelationBatches,
    relation_batch,
)
from habitus.data.relations import Drawn, Material, RelationUnit
from habitus.data.relations import Relations as RelationsOf
from habitus.data.relations_config import Relation, RelationsConfig
from tests.data.rows import PlainRows, RowBatch
from tests.data.social import linked, random_communities, random_graph

NUM_USERS = 50
MATERIAL = Material(
    random_graph(NUM_USERS, 0.12), random_communities(NUM_USERS, 4, 0.4, seed=0), np.arange(20)
)
CONFIG = RelationsConfig(
    inter_batch=16, intra_batch=4, half_batch=6, domain_batch=5, intra_triples=50
)
ALL: tuple[Relation, ...] = ("inter", "negatives", "links", "intra", "halves", "domains")
NAMES = ("inter_B3", "member_M", "subgraph_ptr_G1", "intra_B3", "half_B2", "domain_B2")


def source(reads: tuple[Relation, ...] = ALL, **changes: Any) -> RelationBatches:
    circle, config = Circle.of_all(MATERIAL.graph), replace(CONFIG, **changes)
    return RelationBatches(
        RelationsOf(circle, MATERIAL, config, frozenset(reads), seed=0), PlainRows()
    )


def step(
    batches: RelationBatches, index: int = 0, seed: int = 0
) -> tuple[RelationUnit, Drawn, RelationBatch]:
    """Return a unit, what is drawn of it, and its batch."""
    unit = batches.plan(np.random.default_rng(seed))[index]
    drawn = batches.relations.draw(unit, np.random.default_rng(7))
    return unit, drawn, batches.make(unit, np.random.default_rng(7))


def people(batch: RelationBatch, rows: Tensor, view: int = WHOLE) -> Any:
    """Return the users of some rows, all of one view."""
    assert isinstance(batch.graphs, RowBatch)
    assert (batch.graphs.view_R[rows] == view).all()
    return batch.graphs.user_R[rows].tolist()


def test_rows_lead_back_to_the_users_that_were_drawn() -> None:
    unit, drawn, batch = step(source())
    assert people(batch, batch.inter_B3) == drawn.inter_B3.tolist()
    assert people(batch, batch.member_M) == drawn.subgraphs.member_M.tolist()
    assert batch.subgraph_ptr_G1.tolist() == drawn.subgraphs.ptr_G1.tolist()
    # Subgraphs stand as anchor, positive, negative of one triple after the other.
    assert batch.intra_B3.tolist() == [[3 * b, 3 * b + 1, 3 * b + 2] for b in range(4)]
    assert people(batch, batch.half_B2[:, 0], EARLIER) == unit.half_B.tolist()
    assert people(batch, batch.half_B2[:, 1], LATER) == unit.half_B.tolist()
    assert people(batch, batch.domain_B2) == drawn.domain_B2.tolist()


def test_each_user_and_view_is_read_once_and_nobody_for_nothing() -> None:
    batches = source()
    _, drawn, batch = step(batches)
    assert isinstance(batches.reader, PlainRows)
    users, views = batches.reader.asked[-1]
    rows = list(zip(views, users, strict=True))
    assert rows == sorted(set(rows))
    whole = {*drawn.inter_B3.ravel(), *drawn.subgraphs.member_M, *drawn.domain_B2.ravel()}
    halves = [(view, user) for view in (EARLIER, LATER) for user in drawn.half_B]
    assert set(rows) == {(WHOLE, user) for user in whole} | set(halves)
    assert batch.num_users == len(rows)
    assert (batch.num_events, batch.padded_events) == (3 * len(rows), 4 * len(rows))


def test_links_are_all_of_those_between_the_users_of_the_triples() -> None:
    _, drawn, batch = step(source())
    users = set(drawn.inter_B3.ravel().tolist())
    expected = {(a, b) for a, b in linked(MATERIAL.graph) if a in users and b in users}
    found = [tuple(pair) for pair in people(batch, batch.link_L2)]
    assert len(found) == len(expected)
    assert set(found) == expected


def test_links_need_no_negatives() -> None:
    _, drawn, batch = step(source(("inter", "links")))
    users = set(drawn.inter_B3[:, :2].ravel().tolist())
    assert batch.link_L2.min() >= 0
    expected = {(a, b) for a, b in linked(MATERIAL.graph) if a in users and b in users}
    assert {tuple(pair) for pair in people(batch, batch.link_L2)} == expected


def test_tags_are_those_of_the_users_of_domain_pairs() -> None:
    _, drawn, batch = step(source())
    assert MATERIAL.communities is not None
    ptr, domain = MATERIAL.communities.ptr_U1, MATERIAL.communities.domain_N
    expected = {
        (user, int(d))
        for user in drawn.domain_B2.ravel().tolist()
        for d in domain[ptr[user] : ptr[user + 1]]
    }
    found = zip(people(batch, batch.tag_T2[:, 0]), batch.tag_T2[:, 1].tolist(), strict=True)
    assert set(found) == expected


@pytest.mark.parametrize(
    ("reads", "there"),
    [
        (("inter", "negatives"), {"inter_B3"}),
        (("intra",), {"member_M", "subgraph_ptr_G1", "intra_B3"}),
        (("halves",), {"half_B2"}),
        (("domains",), {"domain_B2", "tag_T2"}),
        (("inter", "links"), {"inter_B3", "link_L2"}),
    ],
)
def test_what_is_not_read_is_not_there_and_its_users_neither(reads: Any, there: set[str]) -> None:
    batches = source(reads)
    _, drawn, batch = step(batches)
    # The first pointer of no subgraph is there always.
    names = {*NAMES, "link_L2", "tag_T2"} - {"subgraph_ptr_G1"}
    assert {n for n in names if vars(batch)[n].numel()} == there - {"subgraph_ptr_G1"}
    inter = drawn.inter_B3.ravel()
    if "negatives" not in reads and "inter" in reads:
        assert (batch.inter_B3[:, 2] == -1).all()
        inter = drawn.inter_B3[:, :2].ravel()
    mentioned = {*inter, *drawn.subgraphs.member_M, *drawn.domain_B2.ravel(), *drawn.half_B}
    assert isinstance(batches.reader, PlainRows)
    assert set(batches.reader.asked[-1][0]) == mentioned


def test_a_batch_goes_to_a_device_whole() -> None:
    _, _, batch = step(source())
    there = batch.to("meta")
    assert isinstance(there.graphs, RowBatch)
    assert there.graphs.user_R.device.type == "meta"
    assert all(t.device.type == "meta" for t in vars(there).values() if isinstance(t, Tensor))
    assert batch.inter_B3.device.type == "cpu"


def test_a_batch_without_relations_is_empty() -> None:
    batch = relation_batch(RowBatch(torch.arange(3), torch.zeros(3, dtype=torch.long)))
    assert batch.subgraph_ptr_G1.tolist() == [0]
    assert batch.inter_B3.shape == batch.intra_B3.shape == (0, 3)
    assert batch.half_B2.shape == batch.domain_B2.shape == (0, 2)


def plain(batch: RelationBatch) -> list[Any]:
    assert isinstance(batch.graphs, RowBatch)
    return [batch.graphs.user_R.tolist(), *(vars(batch)[name].tolist() for name in NAMES)]


def test_a_loader_resumes_where_it_was() -> None:
    changes: Any = {"resample_negatives": True, "inter_batch": 64}
    with Loader(source(**changes), seed=3) as loader:
        steps = source(**changes).relations.num_steps
        # Into the second epoch.
        all_of_them = [plain(next(loader)) for _ in range(steps + 2)]
        assert loader.position.epoch == 1
    for begin in (1, steps, steps + 1):
        again = Loader(source(**changes), seed=3, prefetch=0)
        again.load_state_dict({"epoch": begin // steps, "index": begin % steps, "seed": 3})
        assert plain(next(again)) == all_of_them[begin]


def test_validation_is_one_epoch_and_always_the_same() -> None:
    batches = source()
    first, second = ([plain(b) for b in batches.once(5)] for _ in range(2))
    assert first == second
    assert len(first) == batches.relations.num_steps
    assert [plain(b) for b in batches.once(6)] != first
    assert [plain(b) for b in batches.once(5, 2)] == first[:2]
    assert batches.num_users == NUM_USERS
