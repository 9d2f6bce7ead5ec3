"""Each part against a loop over users; who is linked is no negative; what has no weight is not."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch.nn.functional import normalize

from habitus.data.relation_batches import RelationBatch, relation_batch
from habitus.data.relations import Material
from habitus.encoders import UserEncoder
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import UsageError
from habitus.objectives import OBJECTIVES, Objective
from habitus.objectives.contrast import Contrast, ContrastConfig
from habitus.testing.objectives import ObjectiveContract
from tests.encoders.sequences import CONFIG, make_batch
from tests.objectives.given import MATERIAL, Given, batch_of, long, lose, same_bits, train

INTER = ContrastConfig(temperature=0.5)
HALVES = replace(INTER, inter_weight=0, half_weight=1)
DOMAINS = replace(INTER, inter_weight=0, domain_weight=1)
ALL = replace(INTER, half_weight=0.5, domain_weight=0.25, hard_negatives=True)
SCALE = 1 / 0.5


class TestContrast(ObjectiveContract):
    # Users without events are left out.
    unreached = frozenset({"encoder.no_events"})
    draws = False
    contrast: ClassVar[ContrastConfig] = ALL

    def make(self) -> tuple[UserEncoder, Objective]:
        return ChannelTransformer(replace(CONFIG, dropout=0.0)), Contrast(self.contrast)

    def make_batch(self, users: Mapping[int, int]) -> RelationBatch:
        # Users without events are in it, and have to be left out of it.
        last = len(users) - 1
        return relation_batch(
            make_batch(users),
            inter_B3=long([[0, last, 1], [last - 1, 0, 1], [1, 0, last]]),
            half_B2=long([[0, last], [last - 1, 1], [last, last - 1]]),
            domain_B2=long([[0, last], [1, 0], [last - 1, last]]),
            tag_T2=long([[0, 3], [last, 3], [1, 3], [last - 1, 5]]),
        )


class TestInterContrast(TestContrast):
    contrast = INTER


def points(rows: int, seed: int = 0) -> list[list[float]]:
    z = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))
    return [[float(x) for x in row] for row in z]


def cosine(vectors: list[list[float]], a: int, b: int) -> float:
    z = normalize(torch.tensor(vectors), dim=1)
    return float(z[a] @ z[b])


def told_apart(vectors: list[list[float]], query: int, own: int, others: list[int]) -> float:
    """Return -log of the softmax of one's own among itself and the others."""
    terms = [math.exp(SCALE * cosine(vectors, query, c)) for c in (own, *others)]
    return -math.log(terms[0] / sum(terms))


def test_linked_users_by_a_loop() -> None:
    vectors = points(8)
    triples = [[0, 1, 6], [2, 3, 7], [0, 4, 2], [5, 1, 0]]
    links = {(0, 1), (2, 3), (0, 4), (5, 1), (0, 3), (5, 6)}
    links |= {(b, a) for a, b in links}
    batch = batch_of(8, inter_B3=triples, link_L2=sorted(links))

    def expected(*, hard: bool) -> float:
        total = 0.0
        for i, (a, p, _) in enumerate(triples):
            rest = [t for j, t in enumerate(triples) if j != i]
            candidates = [t[1] for t in rest] + ([t[2] for t in triples] if hard else [])
            there = [c for c in candidates if c != a and (a, c) not in links]
            back = [t[0] for t in rest if t[0] != p and (p, t[0]) not in links]
            total += told_apart(vectors, a, p, there) + told_apart(vectors, p, a, back)
        return total / (2 * len(triples))

    for hard in (False, True):
        objective = Contrast(replace(INTER, hard_negatives=hard))
        loss = lose(objective, Given(vectors), batch)
        assert loss.total.item() == pytest.approx(expected(hard=hard), rel=1e-5)
        assert loss.counts["inter"].item() == 4
    assert expected(hard=True) > expected(hard=False) > 0


def test_a_linked_user_is_no_negative() -> None:
    vectors = points(4)
    pairs = [[0, 1, -1], [2, 3, -1]]
    own = [(0, 1), (1, 0), (2, 3), (3, 2)]
    apart = lose(Contrast(INTER), Given(vectors), batch_of(4, inter_B3=pairs, link_L2=own))
    every = [(a, b) for a in range(4) for b in range(4) if a != b]
    linked = lose(Contrast(INTER), Given(vectors), batch_of(4, inter_B3=pairs, link_L2=every))
    assert apart.total.item() > 0
    assert linked.total.item() == 0
    # Anchors that follow each other may have the other's friends for negatives.
    some = [*own, (0, 2), (2, 0)]
    friends = lose(Contrast(INTER), Given(vectors), batch_of(4, inter_B3=pairs, link_L2=some))
    assert friends.total.item() == apart.total.item()


def test_halves_by_a_loop() -> None:
    vectors = points(7)
    pairs = [[0, 3], [1, 4], [2, 5], [1, 4]]  # the second user twice
    loss = lose(Contrast(HALVES), Given(vectors), batch_of(7, half_B2=pairs))
    total = 0.0
    for early, late in pairs:
        total += told_apart(vectors, early, late, [q[1] for q in pairs if q[1] != late])
        total += told_apart(vectors, late, early, [q[0] for q in pairs if q[0] != early])
    assert loss.total.item() == pytest.approx(total / 8, rel=1e-5)
    assert loss.counts["halves"].item() == 4


def test_domains_by_a_loop() -> None:
    vectors = points(6)
    tags = {0: {1, 4}, 2: {4}, 3: {1}, 5: {9}}
    batch = batch_of(
        6, domain_B2=[[0, 2], [3, 0], [5, 0]], tag_T2=[(r, d) for r, ds in tags.items() for d in ds]
    )
    loss = lose(Contrast(DOMAINS), Given(vectors), batch)
    losses = []
    for p, own in tags.items():
        friends = [q for q in tags if q != p and own & tags[q]]
        rest = [q for q in tags if q != p]
        if friends:
            each = [told_apart(vectors, p, q, [r for r in rest if r != q]) for q in friends]
            losses.append(sum(each) / len(each))
    assert len(losses) == 3  # 5 shares nothing
    assert loss.total.item() == pytest.approx(sum(losses) / 3, rel=1e-5)
    assert loss.counts["domains"].item() == 3


def test_users_without_events_are_left_out() -> None:
    vectors = points(6)
    batch = batch_of(
        6,
        inter_B3=[[0, 1, 5], [2, 3, 4], [4, 5, 0]],
        half_B2=[[0, 1], [2, 3], [4, 5]],
        domain_B2=[[0, 1], [2, 5]],
        tag_T2=[[0, 1], [1, 1], [2, 1], [5, 1]],
    )
    without = batch_of(
        6,
        inter_B3=[[0, 1, 4], [2, 3, 4]],
        half_B2=[[0, 1], [2, 3]],
        domain_B2=[[0, 1], [2, 0]],
        tag_T2=[[0, 1], [1, 1], [2, 1]],
    )
    objective = Contrast(replace(ALL, hard_negatives=False))
    found = lose(objective, Given(vectors, empty=[5]), batch)
    assert found.total.item() == pytest.approx(
        lose(objective, Given(vectors), without).total.item()
    )
    # As a negative too: 5 is nobody's, and 4 is one of both.
    hard = Contrast(replace(INTER, hard_negatives=True))
    pair = lose(hard, Given(vectors, empty=[5]), batch_of(6, inter_B3=[[0, 1, 5], [2, 3, 4]]))
    expected = 0.0
    for query, own, others in ((0, 1, [3, 4]), (2, 3, [1, 4]), (1, 0, [2]), (3, 2, [0])):
        expected += told_apart(vectors, query, own, others) / 4
    assert pair.total.item() == pytest.approx(expected, rel=1e-5)


def test_a_zero_vector_has_a_finite_gradient() -> None:
    encoder = Given([[0.0] * 4, *points(3)])
    batch = batch_of(4, inter_B3=[[0, 1, -1], [2, 3, -1]])
    with torch.autograd.set_detect_anomaly(True, check_nan=True):
        torch.autograd.backward(lose(Contrast(INTER), encoder, batch).total)
    assert encoder.z_RD.grad is not None
    assert encoder.z_RD.grad.isfinite().all()


def test_temperature_begins_where_it_is_set_is_learned_and_stays_above_its_floor() -> None:
    objective = Contrast(ContrastConfig(temperature=0.2, min_temperature=0.05))
    assert 1 / objective.scale("inter").item() == pytest.approx(0.2)
    optimizer = torch.optim.SGD(objective.parameters(), lr=1_000.0)
    # Pairs that are told apart already: the sharper the better.
    encoder = Given([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    batch = batch_of(4, inter_B3=[[0, 1, -1], [2, 3, -1]])
    temperatures = []
    for _ in range(300):
        optimizer.zero_grad()
        torch.autograd.backward(lose(objective, encoder, batch).total)
        optimizer.step()
        temperatures.append(1 / objective.scale("inter").item())
    assert temperatures[0] < 0.2
    assert temperatures == sorted(temperatures, reverse=True)
    assert 0.05 <= temperatures[-1] < 0.06


def test_parts_without_weight_have_no_number_of_their_own() -> None:
    assert [name for name, _ in Contrast(INTER).named_parameters()] == ["theta.inter"]
    assert sorted(Contrast(ALL).theta) == ["domains", "halves", "inter"]
    assert INTER.reads == {"inter", "links"}
    assert HALVES.reads == {"halves"}
    assert DOMAINS.reads == {"domains"}
    assert ALL.reads == {"inter", "links", "negatives", "halves", "domains"}
    assert replace(HALVES, hard_negatives=True).reads == {"halves"}


@pytest.mark.parametrize("config", [INTER, HALVES, DOMAINS])
def test_a_weight_of_nothing_is_training_without(config: ContrastConfig, tmp_path: Path) -> None:
    encoder, losses = train(Contrast(config), config.reads, tmp_path / "a")
    # The same from material that has nothing else to offer.
    bare = Material(
        MATERIAL.graph,
        MATERIAL.communities if config == DOMAINS else None,
        MATERIAL.half_users if config == HALVES else None,
    )
    twin, same = train(Contrast(config), config.reads, tmp_path / "b", bare)
    assert same_bits(encoder, twin)
    assert losses == same
    other, _ = train(Contrast(ALL), ALL.reads, tmp_path / "c")
    assert not same_bits(encoder, other)
    assert other.rows_encoded > encoder.rows_encoded


def test_training_finds_the_other_half(tmp_path: Path) -> None:
    _, losses = train(Contrast(HALVES), HALVES.reads, tmp_path, steps=200)
    # A table of vectors learns fifty users by heart.
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_validation_and_operations() -> None:
    objective, encoder = Contrast(INTER), Given(points(6))
    batch = batch_of(6, inter_B3=[[0, 1, -1], [2, 3, -1], [4, 5, -1]])
    one = lose(objective, encoder, batch)
    two = lose(objective, encoder, batch_of(6, inter_B3=[[0, 1, -1]]))  # 0: nobody to be told from
    assert two.total.item() == 0
    assert objective.mean_loss([one, two]).total.item() == pytest.approx(one.total.item() * 3 / 4)
    # Two ways round, 3 × 3 products of width 4, two operations each.
    assert objective.forward_flops(encoder, batch) == (2 * 2 * 9 * 4, 2 * 2 * 9 * 4)
    hard = Contrast(replace(INTER, hard_negatives=True))
    assert hard.forward_flops(encoder, batch)[0] == 3 * 2 * 9 * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inter_weight": 0}, "no part has a weight"),
        ({"half_weight": -1}, "half_weight must be 0 or more, got -1"),
        ({"temperature": 0.01}, "below temperature"),
        ({"min_temperature": 0}, "min_temperature must be above 0"),
    ],
)
def test_settings_out_of_range(changes: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ContrastConfig(**changes)


def test_it_is_in_the_table() -> None:
    assert OBJECTIVES["contrast"] is Contrast
