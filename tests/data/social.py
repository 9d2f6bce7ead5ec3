"""Small social networks for whoever tests what is made of follows and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from habitus.data.communities import Communities
from habitus.data.social_graph import SocialGraph
from habitus.data.traces import Traces
from habitus.testing.hand_made import write_traces

DAY = 86_400


def graph_of(num_users: int, follows: Iterable[tuple[int, int]]) -> SocialGraph:
    """Return a graph of follows, each given once, in any order."""
    follow_F2 = np.array(sorted(follows), np.int32).reshape(-1, 2)
    return SocialGraph(num_users, follow_F2)


def random_graph(num_users: int, share: float, seed: int = 0) -> SocialGraph:
    """Return a graph in which each follow is there with the same probability."""
    random = np.random.default_rng(seed)
    there_UU = (random.random((num_users, num_users)) < share) & ~np.eye(num_users, dtype=bool)
    return SocialGraph(num_users, np.argwhere(there_UU).astype(np.int32))


def star(num_users: int) -> SocialGraph:
    """Return a graph in which everybody follows user 0 and nobody else."""
    return graph_of(num_users, [(user, 0) for user in range(1, num_users)])


def communities_of(domains: Sequence[Sequence[int]], num_domains: int = 3) -> Communities:
    """Return communities from the domains of each user, ascending."""
    ptr_U1 = np.cumsum([0, *(len(d) for d in domains)]).astype(np.int64)
    flat = [domain for own in domains for domain in own]
    names = tuple("abcdefgh"[:num_domains])
    return Communities(names, ptr_U1, np.array(flat, np.int32), sum(map(bool, domains)))


def random_communities(num_users: int, num_domains: int, share: float, seed: int) -> Communities:
    """Return communities in which each user is in each domain with the same probability."""
    random = np.random.default_rng(seed)
    in_UC = random.random((num_users, num_domains)) < share
    return communities_of([in_C.nonzero()[0].tolist() for in_C in in_UC], num_domains)


def social_traces(
    path: Path,
    users: Sequence[str],
    *,
    follows: Mapping[str, Sequence[Any]] | None = None,
    profiles: Mapping[str, Sequence[Any]] | None = None,
) -> Traces:
    """Write traces in which each user has an event on day 1 and one on day 9."""
    tables = {"follows": follows, "profiles": profiles}
    return write_traces(
        path,
        {user: [{"time": DAY}, {"time": 9 * DAY}] for user in users},
        {},
        tables={name: table for name, table in tables.items() if table is not None},
    )


def linked(graph: SocialGraph) -> set[tuple[int, int]]:
    """Return the pairs of linked users, both ways round: a plain twin."""
    follows = {(int(a), int(b)) for a, b in graph.follow_F2}
    return follows | {(b, a) for a, b in follows}
