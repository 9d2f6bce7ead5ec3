"""One triple for each follow: an end by the toss of a coin, the other end, and a stranger."""

import math

import numpy as np
import pytest

from habitus.data.edge_split import Circle
from habitus.data.negatives import NegativeSampler
from habitus.data.social_graph import SocialGraph
from habitus.data.triples import InterTriples
from tests.data.social import graph_of, linked, random_graph, star


def triples(
    graph: SocialGraph, seed: int = 0, *, negatives: bool = True, resample: bool = False
) -> InterTriples:
    sampler = NegativeSampler(Circle.of_all(graph), "uniform") if negatives else None
    random = np.random.default_rng(seed)
    return InterTriples.draw(graph.follow_F2, sampler, random, resample=resample)


def test_there_is_one_for_each_follow() -> None:
    graph = random_graph(40, 0.1)
    found = triples(graph)
    assert len(found) == graph.num_follows
    assert found.num_dropped == 0
    pairs = linked(graph)
    follows = graph.follow_F2.tolist()
    rows = found.batch(np.arange(len(found)), np.random.default_rng(0)).tolist()
    for (anchor, positive, negative), follow in zip(rows, follows, strict=True):
        assert sorted([anchor, positive]) == sorted(follow)
        assert negative not in (anchor, positive)
        assert (anchor, negative) not in pairs


def test_the_anchor_is_either_end_half_of_the_time() -> None:
    graph = random_graph(60, 0.3)
    follower = (triples(graph).anchor_F == graph.follow_F2[:, 0]).sum()
    deviation = math.sqrt(graph.num_follows / 4)
    assert abs(follower - graph.num_follows / 2) < 5 * deviation


def test_a_user_linked_to_everybody_has_its_triples_dropped_and_counted() -> None:
    # Whoever follows is an anchor or not; user 0 never has a stranger, the others have seven.
    found = triples(star(9))
    assert 0 < found.num_dropped < 8
    assert found.num_dropped + len(found) == 8
    assert 0 not in found.anchor_F
    assert (found.positive_F == 0).all()
    assert len(triples(random_graph(5, 1.0))) == 0
    assert triples(random_graph(5, 1.0)).num_dropped == 20


def test_negatives_are_drawn_once() -> None:
    found = triples(random_graph(40, 0.1))
    places = np.array([5, 0, 5])
    first, second = (found.batch(places, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.array_equal(first, second)
    assert np.array_equal(first[0], first[2])
    assert first[:, 2].tolist() == found.negative_F[places].tolist()


def test_or_anew_with_each_batch_and_nothing_else_changes() -> None:
    graph = random_graph(40, 0.1)
    once, anew = triples(graph), triples(graph, resample=True)
    places = np.arange(len(once))
    a, b = (anew.batch(places, np.random.default_rng(seed)) for seed in (0, 1))
    assert np.array_equal(a[:, :2], b[:, :2])
    assert np.array_equal(a[:, :2], once.batch(places, np.random.default_rng(0))[:, :2])
    # Two draws of some thirty strangers agree now and then, not mostly.
    assert (a[:, 2] != b[:, 2]).mean() > 0.8
    assert np.array_equal(a, anew.batch(places, np.random.default_rng(0)))
    pairs = linked(graph)
    assert not any((anchor, negative) in pairs for anchor, _, negative in b.tolist())


def test_negatives_need_not_be_drawn() -> None:
    graph = star(9)
    found = triples(graph, negatives=False)
    assert len(found) == 8  # nothing is dropped for want of a stranger
    assert (found.batch(np.arange(8), np.random.default_rng(0))[:, 2] == -1).all()
    with_them = triples(random_graph(40, 0.1))
    without = triples(random_graph(40, 0.1), negatives=False)
    assert np.array_equal(with_them.anchor_F, without.anchor_F)


@pytest.mark.parametrize("negatives", [True, False])
def test_no_follow_is_no_triple(negatives: bool) -> None:
    found = triples(graph_of(5, []), negatives=negatives)
    assert (len(found), found.num_dropped) == (0, 0)
    assert found.batch(np.zeros(0, np.int64), np.random.default_rng(0)).shape == (0, 3)


def test_memory_is_twelve_bytes_a_triple() -> None:
    found = triples(random_graph(40, 0.1))
    arrays = (found.anchor_F, found.positive_F, found.negative_F)
    assert sum(array.nbytes for array in arrays) == 12 * len(found)
