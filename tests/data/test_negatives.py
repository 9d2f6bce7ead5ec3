"""A negative is a stranger, drawn with the probability that its kind says."""

import math
from typing import Any

import numpy as np
import pytest

from habitus.data.communities import Communities
from habitus.data.edge_split import Circle
from habitus.data.negatives import ROUNDS, NegativeSampler, draw_from
from habitus.data.social_graph import SocialGraph
from habitus.errors import UsageError
from tests.data.social import communities_of, graph_of, linked, random_communities, random_graph

KINDS: Any = ("uniform", "degree_matched", "same_domain", "two_hop")


def draw(sampler: NegativeSampler, anchor: int, count: int = 6_000, seed: int = 0) -> np.ndarray:
    return sampler.draw(np.full(count, anchor), np.random.default_rng(seed))


def shares(sampler: NegativeSampler, anchor: int, count: int = 6_000) -> dict[int, float]:
    user, times = np.unique(draw(sampler, anchor, count), return_counts=True)
    return dict(zip(user.tolist(), (times / count).tolist(), strict=True))


def near(found: dict[int, float], expected: dict[int, float], count: int = 6_000) -> bool:
    """Return whether each share is within five standard deviations of what it should be."""
    return found.keys() == expected.keys() and all(
        abs(found[user] - p) < 5 * math.sqrt(p * (1 - p) / count) for user, p in expected.items()
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("graph", [random_graph(30, 0.05), random_graph(30, 0.4)])
def test_a_negative_is_nobody_that_the_anchor_is_linked_to(kind: Any, graph: SocialGraph) -> None:
    pairs = linked(graph)
    sampler = NegativeSampler(Circle.of_all(graph), kind, random_communities(30, 3, 0.4, 0))
    anchor_B = np.repeat(np.arange(30), 40)
    negative_B = sampler.draw(anchor_B, np.random.default_rng(1))
    assert negative_B.dtype == np.int64
    assert ((negative_B >= 0) & (negative_B < 30)).all()
    for anchor, negative in zip(anchor_B.tolist(), negative_B.tolist(), strict=True):
        assert anchor != negative
        assert (anchor, negative) not in pairs


def test_uniform_is_the_same_for_every_stranger() -> None:
    # 0 is linked to 1 (follows) and 2 (is followed): 3 … 6 are left, a quarter each.
    graph = graph_of(7, [(0, 1), (2, 0), (3, 4)])
    found = shares(NegativeSampler(Circle.of_all(graph), "uniform"), 0)
    assert near(found, {3: 0.25, 4: 0.25, 5: 0.25, 6: 0.25})


def test_degree_matched_goes_with_followers() -> None:
    # 4 has three followers, 5 one, 6 none; 1 is linked to 0. Of the strangers 2, 3, 4, 5, 6 the
    # weights are 0, 0, 3, 1, 0.
    graph = graph_of(7, [(0, 1), (1, 4), (2, 4), (3, 4), (2, 5)])
    found = shares(NegativeSampler(Circle.of_all(graph), "degree_matched"), 0)
    assert near(found, {4: 0.75, 5: 0.25})


def test_same_domain_is_drawn_by_domain_and_then_by_member() -> None:
    # 0 is in a and b. a: 0, 1, 2, 3 with 1 linked; b: 0, 4. A draw of 0 or 1 is drawn anew, so the
    # weights are a: 1/2 · 1/4 each for 2, 3, and b: 1/2 · 1/2 for 4; over their sum of 1/2.
    graph = graph_of(6, [(1, 0)])
    communities = communities_of([[0, 1], [0], [0], [0], [1], [2]])
    sampler = NegativeSampler(Circle.of_all(graph), "same_domain", communities)
    assert near(shares(sampler, 0), {2: 0.25, 3: 0.25, 4: 0.5})
    # 5 is alone in its domain: uniform.
    assert near(shares(sampler, 5), dict.fromkeys(range(5), 0.2))


def test_two_hop_is_a_stranger_at_two_links() -> None:
    # 0 - 1 - {2, 3}, 0 - 4 - {5}: through 1 a third each for 0, 2, 3; through 4 a half for 0, 5.
    # Without 0: 1/2 · 1/3 for 2 and 3, 1/2 · 1/2 for 5; over their sum of 7/12.
    graph = graph_of(7, [(0, 1), (2, 1), (1, 3), (4, 0), (5, 4)])
    sampler = NegativeSampler(Circle.of_all(graph), "two_hop")
    assert near(shares(sampler, 0), {2: 2 / 7, 3: 2 / 7, 5: 3 / 7})
    # 6 has no neighbour: uniform.
    assert near(shares(sampler, 6), dict.fromkeys(range(6), 1 / 6))


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_linked_to_everybody_has_no_negative(kind: Any) -> None:
    graph = graph_of(5, [(0, 1), (0, 2), (3, 0), (4, 0)])
    sampler = NegativeSampler(Circle.of_all(graph), kind, communities_of([[0]] * 5))
    assert draw(sampler, 0, 7).tolist() == [-1] * 7
    both = sampler.draw(np.array([0, 1, 0]), np.random.default_rng(0))
    assert both[0] == both[2] == -1
    if kind == "degree_matched":
        # 0, 1 and 2 are followed, and 1 is linked to 0.
        assert both[1] == 2
    else:
        assert both[1] in (2, 3, 4)


def test_the_one_stranger_of_many_is_found() -> None:
    # One of 5,000: ROUNDS draws find it with a probability of 0.6 %; the list always does.
    assert ROUNDS / 5_000 < 0.01
    num_users = 5_000
    graph = graph_of(num_users, [(0, user) for user in range(1, num_users - 1)])
    sampler = NegativeSampler(Circle.of_all(graph), "uniform")
    assert (draw(sampler, 0, 50) == num_users - 1).all()


def test_the_list_keeps_the_weights() -> None:
    # 0 is linked to 1 … 397; 398 has three followers and 399 one, of 397 + 4 in all: a round finds
    # neither with a probability of 99 %, 32 rounds with 73 %.
    num_users = 400
    follows = [(0, user) for user in range(1, num_users - 2)]
    follows += [(1, 398), (2, 398), (3, 398), (4, 399)]
    sampler = NegativeSampler(Circle.of_all(graph_of(num_users, follows)), "degree_matched")
    assert near(shares(sampler, 0), {398: 0.75, 399: 0.25})


@pytest.mark.parametrize("kind", KINDS)
def test_negatives_come_from_the_circle_alone(kind: Any) -> None:
    graph = random_graph(30, 0.2)
    circle = Circle(graph.only((graph.follow_F2 % 2 == 1).all(axis=1)), np.arange(1, 30, 2))
    communities = communities_of([[0]] * 30)
    sampler = NegativeSampler(circle, kind, communities)
    drawn = sampler.draw(np.repeat(circle.users, 20), np.random.default_rng(0))
    assert set(drawn.tolist()) <= {-1, *circle.users.tolist()}


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_and_no_follow(kind: Any) -> None:
    nobody = NegativeSampler(Circle.of_all(graph_of(0, [])), kind, communities_of([]))
    assert nobody.draw(np.zeros(0, np.int64), np.random.default_rng(0)).shape == (0,)
    alone = NegativeSampler(Circle.of_all(graph_of(1, [])), kind, communities_of([[]]))
    assert draw(alone, 0, 3).tolist() == [-1, -1, -1]


def test_what_cannot_be_sampled_is_refused() -> None:
    circle = Circle.of_all(random_graph(5, 0.2))
    with pytest.raises(UsageError, match="must be one of uniform, degree_matched"):
        NegativeSampler(circle, "nearest")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need communities"):
        NegativeSampler(circle, "same_domain")


def test_a_draw_of_each_row() -> None:
    ptr_R1, value_N = np.array([0, 2, 2, 5]), np.array([7, 8, 1, 2, 3], np.int32)
    row_K = np.tile([0, 1, 2, -1], 3_000)
    drawn = draw_from(ptr_R1, value_N, row_K, np.random.default_rng(0)).reshape(-1, 4)
    assert set(drawn[:, 0]) == {7, 8}
    assert set(drawn[:, 1]) == set(drawn[:, 3]) == {-1}
    times = np.bincount(drawn[:, 2])[1:]
    # A third each of 3,000, with a standard deviation of 26.
    assert (abs(times - 1_000) < 130).all()
    empty = Communities((), np.array([0]), np.zeros(0, np.int32), 0)
    assert draw_from(empty.ptr_U1, empty.domain_N, row_K[:0], np.random.default_rng(0)).size == 0
