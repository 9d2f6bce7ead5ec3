"""Subgraphs keep the promises of A-P13, seen against sets of users on small networks."""

import math
from collections import Counter

import numpy as np
import pytest

from habitus.data.communities import Communities
from habitus.data.social_graph import SocialGraph
from habitus.data.subgraphs import IntraTriples, Neighbourhoods
from habitus.errors import GuardError, UsageError
from tests.data.social import communities_of, graph_of, linked, random_communities, random_graph

Members = tuple[int, ...]


class PlainWorld:
    """The same questions, asked of Python sets."""

    def __init__(self, graph: SocialGraph, communities: Communities) -> None:
        self.linked = linked(graph)
        self.users = range(graph.num_users)
        ptr, domain = communities.ptr_U1, communities.domain_N
        self.domains = {u: set(domain[ptr[u] : ptr[u + 1]].tolist()) for u in self.users}
        self.all_domains = range(communities.num_domains)

    def near(self, user: int, domain: int) -> set[int]:
        """Return the neighbours of a user in a domain."""
        return {v for v in self.users if (user, v) in self.linked and domain in self.domains[v]}

    def communities(self, user: int) -> list[int]:
        """Return the domains of which a user has two neighbours."""
        return [d for d in self.all_domains if len(self.near(user, d)) >= 2]

    def roots(self) -> list[int]:
        """Return the users with two communities."""
        return [u for u in self.users if len(self.communities(u)) >= 2]

    def is_subgraph(self, members: Members, root: int, domain: int, hops: tuple[int, int]) -> bool:
        """Return whether a set of users can be drawn by the rules from a community."""
        near = self.near(root, domain)
        whole = set(members)
        if root in whole or len(members) > hops[0] * (1 + hops[1]):
            return False
        firsts = whole & near
        seconds = {w for v in firsts for w in self.near(v, domain)} - {root}
        return len(firsts) >= min(hops[0], len(near)) and whole <= firsts | seconds


def draw(
    triples: IntraTriples, count: int, seed: int = 0
) -> list[tuple[Members, Members, Members]]:
    found = triples.draw(np.arange(count), seed)
    parts = np.split(found.member_M, found.ptr_G1[1:-1])
    sets = [tuple(part.tolist()) for part in parts]
    return [(sets[i], sets[i + 1], sets[i + 2]) for i in range(0, 3 * count, 3)]


@pytest.mark.parametrize("hops", [(3, 3), (2, 1), (4, 0)])
@pytest.mark.parametrize("density", [0.08, 0.3])
def test_every_triple_keeps_the_rules(density: float, hops: tuple[int, int]) -> None:
    graph, communities = random_graph(40, density), random_communities(40, 4, 0.4, seed=1)
    world = PlainWorld(graph, communities)
    triples = IntraTriples(graph, communities, *hops)
    assert triples.roots.tolist() == world.roots()
    for anchor, positive, negative in draw(triples, 400):
        for members in (anchor, positive, negative):
            assert list(members) == sorted(set(members))
            assert 1 <= len(members) <= hops[0] * (1 + hops[1])
        assert anchor != positive
        # Somebody has both communities: one for anchor and positive, another for the negative. A
        # positive of a tiny community is its anchor without one member.
        assert any(
            world.is_subgraph(anchor, root, here, hops)
            and (
                world.is_subgraph(positive, root, here, hops)
                or (set(positive) < set(anchor) and len(positive) == len(anchor) - 1)
            )
            and world.is_subgraph(negative, root, there, hops)
            for root in world.roots()
            for here in world.communities(root)
            for there in world.communities(root)
            if there != here
        )


# User 0 knows 1 … 4 in domain a, 5 and 6 in b. Second hops in a: 1 knows 7 (in a) and 8 (not in a);
# 2 knows 9, 10, 11, 12 (all in a).
WHEEL = graph_of(
    13,
    [
        (0, 1),
        (2, 0),
        (0, 3),
        (0, 4),
        (0, 5),
        (6, 0),
        (1, 7),
        (8, 1),
        *((2, v) for v in range(9, 13)),
    ],
)
TAGS = communities_of(
    [[0, 1], [0], [0], [0], [0], [1], [1], [0], [1], [0], [0], [0], [0]], num_domains=2
)


def near(times: int, trials: int, share: float) -> bool:
    """Return whether a binomial count is within five standard deviations of its mean."""
    return abs(times - trials * share) <= 5 * math.sqrt(trials * share * (1 - share))


def test_the_draws_have_the_frequencies_of_the_rules() -> None:
    triples = IntraTriples(WHEEL, TAGS)
    # 2 knows 0 and 9 … 12, but 0 alone is in b; 1 knows 0 and 7 in a, 0 and 8 in b.
    assert triples.roots.tolist() == [0, 1]
    rows = [row for row in draw(triples, 12_000) if 0 not in row[0] + row[1] + row[2]]
    # Root 1 always has 0 as a neighbour, root 0 never itself.
    assert near(len(rows), 12_000, 1 / 2)
    in_a = [row for row in rows if row[2] == (5, 6)]
    assert near(len(in_a), len(rows), 1 / 2)
    anchors = [set(row[0]) for row in in_a]
    for first in (1, 2, 3, 4):
        # Three of four neighbours.
        assert near(sum(first in a for a in anchors), len(anchors), 3 / 4)
    assert all(len(a & {1, 2, 3, 4}) == 3 for a in anchors)
    # 7 comes with 1, always; 8 is of another domain.
    assert all((7 in a) == (1 in a) for a in anchors)
    assert not any(8 in a for a in anchors)
    with_2 = [a & {9, 10, 11, 12} for a in anchors if 2 in a]
    assert all(len(a) == 3 for a in with_2)
    for second in (9, 10, 11, 12):
        assert near(sum(second in a for a in with_2), len(with_2), 3 / 4)
    assert not any(a & {9, 10, 11, 12} for a in anchors if 2 not in a)


def test_where_only_one_subgraph_exists_the_positive_lacks_one_member() -> None:
    rows = draw(IntraTriples(WHEEL, TAGS), 4_000)
    tiny = Counter(row[1] for row in rows if row[0] == (5, 6))
    assert tiny.keys() == {(5,), (6,)}
    assert near(tiny[5,], tiny.total(), 1 / 2)


def test_friends_who_know_each_other_are_told_apart_too() -> None:
    # 1 and 2 are linked: whoever is drawn first, the second hop brings the other.
    graph = graph_of(5, [(0, 1), (0, 2), (1, 2), (0, 3), (0, 4)])
    triples = IntraTriples(graph, communities_of([[], [0], [0], [1], [1]]))
    assert triples.roots.tolist() == [0]
    for anchor, positive, negative in draw(triples, 50):
        assert {anchor, negative} == {(1, 2), (3, 4)}
        assert len(positive) == 1
        assert set(positive) < set(anchor)


def test_a_triple_is_a_function_of_the_seed_and_its_number() -> None:
    triples = IntraTriples(random_graph(40, 0.2), random_communities(40, 3, 0.4, 0))
    all_of_them = draw(triples, 50)
    assert draw(triples, 50) == all_of_them
    assert draw(triples, 50, seed=1) != all_of_them
    some = triples.draw(np.array([7, 3, 7]), 0)
    sets = [tuple(p.tolist()) for p in np.split(some.member_M, some.ptr_G1[1:-1])]
    assert [tuple(sets[i : i + 3]) for i in (0, 3, 6)] == [all_of_them[k] for k in (7, 3, 7)]
    # Neighbouring numbers and seeds have nothing in common.
    assert len(set(all_of_them)) > 45
    far = triples.draw(np.array([2**40]), 2**62)
    assert len(far.ptr_G1) == 4
    assert triples.draw(np.zeros(0, np.int64), 0).ptr_G1.tolist() == [0]


def test_neighbours_by_domain_are_those_of_sets() -> None:
    graph, communities = random_graph(30, 0.15), random_communities(30, 4, 0.3, 2)
    world, found = PlainWorld(graph, communities), Neighbourhoods.of(graph, communities)
    for user in world.users:
        groups = range(found.ptr_U1[user], found.ptr_U1[user + 1])
        expected = {d: sorted(world.near(user, d)) for d in world.all_domains}
        assert {
            int(found.domain_G[g]): found.member_E[found.ptr_G1[g] : found.ptr_G1[g + 1]].tolist()
            for g in groups
        } == {domain: members for domain, members in expected.items() if members}


@pytest.mark.parametrize(
    ("graph", "domains", "facts"),
    [
        (WHEEL, [[]] * 13, "12 follows, 0 users with tags, 0 domains"),
        (graph_of(5, []), [[0], [0], [1], [1], [0, 1]], "0 follows, 5 users with tags, 2 domains"),
        # One community, or a second with a single member.
        (graph_of(4, [(0, 1), (0, 2), (0, 3)]), [[], [0], [0], [0]], "3 follows, 3 users"),
        (graph_of(4, [(0, 1), (0, 2), (0, 3)]), [[], [0], [0], [1]], "3 follows, 3 users"),
        (graph_of(1, []), [[0, 1]], "0 follows, 1 users"),
        (graph_of(0, []), [], "0 follows, 0 users"),
    ],
)
def test_where_nobody_has_two_communities_it_is_said_why(
    graph: SocialGraph, domains: list[list[int]], facts: str
) -> None:
    with pytest.raises(GuardError, match=facts) as caught:
        IntraTriples(graph, communities_of(domains))
    assert "alpha 1" in str(caught.value)
    with pytest.raises(GuardError):
        IntraTriples(graph, communities_of([[]] * graph.num_users, num_domains=0))


@pytest.mark.parametrize("hops", [(1, 3), (0, 3), (3, -1)])
def test_a_subgraph_has_two_neighbours_or_more(hops: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="a subgraph needs 2 neighbours or more"):
        IntraTriples(WHEEL, TAGS, *hops)
