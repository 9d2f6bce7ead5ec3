"""No user is on both sides, no link between two of one side is lost, and few make enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.data.edge_split import Circle, EdgeSplit, split_edges, split_users
from habitus.data.social_graph import SocialGraph
from habitus.errors import GuardError, UsageError
from tests.data.social import graph_of, linked, random_graph, star


def split(graph: SocialGraph, share: float, seed: int = 0) -> EdgeSplit:
    return split_edges(graph, share, np.random.default_rng(seed))


def check(graph: SocialGraph, parts: EdgeSplit) -> None:
    train, valid = parts.train, parts.valid
    assert not set(train.users) & set(valid.users)
    assert sorted([*train.users, *valid.users]) == list(range(graph.num_users))
    for circle in (train, valid):
        inside = set(circle.users.tolist())
        expected = {(a, b) for a, b in graph.follow_F2.tolist() if a in inside and b in inside}
        assert {(a, b) for a, b in circle.graph.follow_F2.tolist()} == expected
    kept = train.graph.num_follows + valid.graph.num_follows
    assert kept + parts.num_lost == graph.num_follows


@given(st.integers(0, 1_000), st.sampled_from([0.01, 0.1, 0.3]))
def test_the_sides_share_nobody_and_lose_only_what_is_between_them(seed: int, share: float) -> None:
    graph = random_graph(30, 0.1, seed)
    parts = split(graph, share, seed)
    check(graph, parts)
    assert parts.valid.graph.num_follows >= share * graph.num_follows


def test_the_share_is_kept_closely() -> None:
    graph = random_graph(400, 0.02)  # 3,192 follows are expected
    parts = split(graph, 0.05)
    # A last user brings the follows between it and those before it, hardly more than 40.
    wanted = 0.05 * graph.num_follows
    assert wanted <= parts.valid.graph.num_follows <= wanted + 40


def test_chance_is_that_of_the_generator() -> None:
    graph = random_graph(30, 0.1)
    first, again, other = (split(graph, 0.1, seed).valid.users.tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_every_user_can_be_kept() -> None:
    graph = random_graph(20, 0.15)
    kept = np.concatenate([split(graph, 0.05, seed).valid.users for seed in range(60)])
    assert set(kept) == set((graph.degree_U > 0).nonzero()[0])


def test_there_is_a_triple_where_the_share_alone_would_make_none() -> None:
    # Pairs: one follow keeps two users, of whom neither has a stranger; two follows keep four.
    graph = graph_of(20, [(2 * i, 2 * i + 1) for i in range(10)])
    parts = split(graph, 0.01)
    assert parts.valid.graph.num_follows == 2
    assert parts.train.graph.num_follows == 8
    assert parts.num_lost == 0


@pytest.mark.parametrize(
    "graph",
    [
        graph_of(4, []),
        graph_of(2, [(0, 1)]),
        graph_of(9, [(0, 1)]),  # one side has it, the other nothing
        star(9),  # each follow has the one user in the middle
        random_graph(6, 1.0),  # everybody is linked to everybody: nobody has a stranger
        graph_of(1, []),
    ],
)
def test_too_few_follows_say_what_to_do(graph: SocialGraph) -> None:
    with pytest.raises(GuardError, match="set valid_share to 0 and validate on other users"):
        split(graph, 0.1)


def test_a_share_of_nothing_keeps_nobody() -> None:
    graph = random_graph(9, 0.3)
    for how in (split_edges, split_users):
        parts = how(graph, 0, np.random.default_rng(0))
        check(graph, parts)
        assert len(parts.valid.users) == 0
        assert np.array_equal(parts.train.graph.follow_F2, graph.follow_F2)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_is_below_one(share: float) -> None:
    for how in (split_edges, split_users):
        with pytest.raises(UsageError, match=r"must be in \[0, 1\)"):
            how(random_graph(9, 0.3), share, np.random.default_rng(0))


def test_users_are_split_by_number_where_follows_do_not_matter() -> None:
    graph = random_graph(50, 0.05)
    parts = split_users(graph, 0.1, np.random.default_rng(0))
    check(graph, parts)
    assert len(parts.valid.users) == 5
    # Two at least: one alone has nobody to be told from.
    assert len(split_users(graph_of(4, []), 0.01, np.random.default_rng(0)).valid.users) == 2
    with pytest.raises(GuardError, match="3 users are too few"):
        split_users(graph_of(3, []), 0.01, np.random.default_rng(0))


def test_the_circle_of_all() -> None:
    graph = random_graph(9, 0.3)
    circle = Circle.of_all(graph)
    assert circle.users.tolist() == list(range(9))
    assert linked(circle.graph) == linked(graph)
