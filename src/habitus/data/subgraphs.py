"""Intra triples: two subgraphs of one of a user's communities, and one of another.

PASUM P13, P14, P16, eq. 6, by A-P13. A community is the part of a user's network that shares a
domain. A subgraph is a set of at most ``one_hop * (1 + two_hop)`` users: of the user's neighbours
in the domain ``one_hop``, and of each one's own neighbours in the domain ``two_hop``, without
replacement, or all where there are fewer. The user itself (the root) is never in it. A community
counts from two members on, a user from two communities on.

Triple ``k`` is a function of the seed and ``k``, so that any number of triples takes no memory.

Differs from the paper: which hops the domain holds for, and whether the root is in, is not in it.
Where a community is so small that the positive would be the anchor again, one member is left out.

Shapes: U users, E (user, domain, member) entries, G communities, R roots, B triples, M members.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from habitus.data.communities import Communities
from habitus.data.snapshot import ranges
from habitus.data.social_graph import Places, SocialGraph
from habitus.data.subgraph_sampling import draw_subgraphs
from habitus.data.traces import Rows
from habitus.errors import GuardError, UsageError

MIN_MEMBERS = 2
MIN_COMMUNITIES = 2


class Subgraphs(NamedTuple):
    """Three subgraphs of each triple: anchor, positive, negative, one after the other."""

    member_M: Places
    """Users, ascending within a subgraph."""
    ptr_G1: Rows
    """First member of each subgraph, ``(3 B + 1)``."""


@dataclass(frozen=True)
class Neighbourhoods:
    """Each user's neighbours by domain, ragged: what subgraphs are drawn from."""

    member_E: Places
    """Neighbours, ascending within a community."""
    ptr_G1: Rows
    """First member of each community of a user, and ``E``."""
    domain_G: Places
    """Ascending within a user."""
    ptr_U1: Rows
    """First community of each user, and ``G``."""

    @classmethod
    def of(cls, graph: SocialGraph, communities: Communities) -> Self:
        """Return the neighbours of every user in every domain."""
        num_domains = max(communities.num_domains, 1)
        user_N = np.repeat(np.arange(graph.num_users, dtype=np.int64), graph.degree_U)
        start_N = communities.ptr_U1[graph.neighbour_N]
        count_N = communities.ptr_U1[graph.neighbour_N + 1] - start_N
        places_E, _ = ranges(start_N, count_N)
        key_E = np.repeat(user_N * num_domains, count_N) + communities.domain_N[places_E]
        order_E = np.argsort(key_E, kind="stable")  # neighbours stay ascending
        key_G, start_G = np.unique(key_E[order_E], return_index=True)
        user_G, domain_G = np.divmod(key_G, num_domains)
        return cls(
            np.repeat(graph.neighbour_N, count_N)[order_E],
            np.append(start_G, len(key_E)).astype(np.int64),
            domain_G.astype(np.int32),
            np.searchsorted(user_G, np.arange(graph.num_users + 1)).astype(np.int64),
        )


class IntraTriples:
    """Triples of subgraphs.

    A root is drawn uniformly among users with two communities, its community among its own, and
    another one for the negative.

    Args:
        graph: links; both directions count.
        communities: domains of the same users.
        one_hop: neighbours of the root in a subgraph.
        two_hop: neighbours of each of those.

    Raises:
        UsageError: a subgraph of fewer than two neighbours.
        GuardError: nobody has two communities of two members; the message says what is missing.
    """

    def __init__(
        self, graph: SocialGraph, communities: Communities, one_hop: int = 3, two_hop: int = 3
    ) -> None:
        if one_hop < MIN_MEMBERS or two_hop < 0:
            raise UsageError(
                f"a subgraph needs 2 neighbours or more, and 0 or more of each of theirs, got "
                f"{one_hop} and {two_hop}"
            )
        self.near = near = Neighbourhoods.of(graph, communities)
        self.one_hop, self.two_hop = one_hop, two_hop
        owner_G = np.repeat(np.arange(graph.num_users), np.diff(near.ptr_U1))
        counts_G = np.diff(near.ptr_G1) >= MIN_MEMBERS
        communities_U = np.bincount(owner_G[counts_G], minlength=graph.num_users)
        self.roots = (communities_U >= MIN_COMMUNITIES).nonzero()[0]
        if not len(self.roots):
            raise GuardError(_why_none(graph, communities))
        self.community_G = (counts_G & (communities_U[owner_G] >= MIN_COMMUNITIES)).nonzero()[0]
        self.ptr_R1 = np.concatenate([[0], np.cumsum(communities_U[self.roots])]).astype(np.int64)

    def draw(self, numbers_B: Rows, seed: int) -> Subgraphs:
        """Return the triples with some numbers; the same for the same seed, whatever the others."""
        near = self.near
        width = self.one_hop * (1 + self.two_hop)
        member_GW = np.empty((3 * len(numbers_B), width), np.int32)
        count_G = np.empty(3 * len(numbers_B), np.int64)
        tables = (near.member_E, near.ptr_G1, near.domain_G, near.ptr_U1)
        own = (self.roots, self.community_G, self.ptr_R1)
        sizes = (self.one_hop, self.two_hop)
        numbers_B = numbers_B.astype(np.uint64)
        draw_subgraphs(numbers_B, np.uint64(seed), tables, own, sizes, member_GW, count_G)
        ptr_G1 = np.concatenate([[0], np.cumsum(count_G)]).astype(np.int64)
        return Subgraphs(member_GW[np.arange(width) < count_G[:, None]], ptr_G1)


def _why_none(graph: SocialGraph, communities: Communities) -> str:
    facts = (
        f"{graph.num_follows} follows, {communities.num_tagged} users with tags, "
        f"{len(np.unique(communities.domain_N))} domains with users"
    )
    return (
        f"no user has two communities of two linked users each ({facts}), so that there is nothing "
        f"to tell apart: leave the intra-user loss out (alpha 1), ingest profiles with a column "
        f"tags (a mapping names another), or give keywords that match them"
    )
