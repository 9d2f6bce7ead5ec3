"""Edge split: users whose follows are kept for validation, and everyone else.

A-P17: a share of the follows becomes validation such that no user of a validation triple stands in
a training triple. The users are the ends of follows drawn at random, until enough follows lie
between them; follows between the two sides are in neither, which is the price of it.

Shapes: U users, F follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from habitus.data.social_graph import Mask, SocialGraph
from habitus.data.traces import Rows
from habitus.errors import GuardError, UsageError


@dataclass(frozen=True)
class Circle:
    """Users that relations may be made of, and the follows between them."""

    graph: SocialGraph
    """Follows between these users; other users are in it without any."""
    users: Rows
    """Places of the users, ascending."""

    @classmethod
    def of_all(cls, graph: SocialGraph) -> Circle:
        """Return the circle of all users of a graph."""
        return cls(graph, np.arange(graph.num_users, dtype=np.int64))


@dataclass(frozen=True)
class EdgeSplit:
    """Two circles without a user in common."""

    train: Circle
    valid: Circle
    num_lost: int
    """Follows between the two, which are in neither."""


def split_edges(graph: SocialGraph, share: float, generator: np.random.Generator) -> EdgeSplit:
    """Return circles; the one for validation has the ``share`` of all follows, or just above it.

    It has more where so few make no triple: one where each end has somebody that it is not linked
    to. With share 0 it is empty.

    Raises:
        GuardError: the follows are too few for one triple on each side.
        UsageError: a share outside [0, 1).
    """
    _check(share)
    if share == 0:
        return _split(graph, np.zeros(graph.num_users, np.bool_))
    when_U = _first_draw_U(graph, generator)
    inside_F = np.sort(when_U[graph.follow_F2].max(axis=1))
    target = max(1, int(np.ceil(share * graph.num_follows)))
    while target <= graph.num_follows:
        split = _split(graph, when_U <= inside_F[target - 1])
        if split.train.graph.num_follows and _makes_a_triple(split.valid):
            return split
        target += max(1, target // 4)
    raise GuardError(
        f"{graph.num_follows} follows of {graph.num_users} users are too few to keep some for "
        f"validation: set valid_share to 0 and validate on other users, or give more follows"
    )


def split_users(graph: SocialGraph, share: float, generator: np.random.Generator) -> EdgeSplit:
    """Return circles of which the one for validation has a share of the users, two at least.

    Raises:
        GuardError: fewer than four users.
        UsageError: a share outside [0, 1).
    """
    _check(share)
    is_valid_U = np.zeros(graph.num_users, np.bool_)
    if share:
        if graph.num_users < 4:
            raise GuardError(
                f"{graph.num_users} users are too few to keep some for validation: set valid_share "
                f"to 0, or give more users"
            )
        count = max(2, int(np.ceil(share * graph.num_users)))
        is_valid_U[generator.permutation(graph.num_users)[:count]] = True
    return _split(graph, is_valid_U)


def _check(share: float) -> None:
    if not 0 <= share < 1:
        raise UsageError(f"the share for validation must be in [0, 1), got {share}")


def _first_draw_U(graph: SocialGraph, generator: np.random.Generator) -> Rows:
    """Return when the first follow of each user comes in a random order; ``F`` for no follow."""
    draw_F = generator.permutation(graph.num_follows)
    when_U = np.full(graph.num_users, graph.num_follows, np.int64)
    for end in range(2):
        np.minimum.at(when_U, graph.follow_F2[:, end], draw_F)
    return when_U


def _split(graph: SocialGraph, is_valid_U: Mask) -> EdgeSplit:
    follower_F, followed_F = is_valid_U[graph.follow_F2].T
    return EdgeSplit(
        Circle(graph.only(~follower_F & ~followed_F), (~is_valid_U).nonzero()[0]),
        Circle(graph.only(follower_F & followed_F), is_valid_U.nonzero()[0]),
        int((follower_F != followed_F).sum()),
    )


def _makes_a_triple(circle: Circle) -> bool:
    has_stranger_U = circle.graph.degree_U < len(circle.users) - 1
    return bool(has_stranger_U[circle.graph.follow_F2].all(axis=1).any())
