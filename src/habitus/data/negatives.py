"""Negatives: users without any link to an anchor.

A-P11 (uniform), A-P12 (in proportion to followers, so that popularity tells nothing), and the hard
ones of improvements.md I1 row 9: of a domain of the anchor, or two links away from it.

Shapes: B anchors, U users, P users of the circle, K anchors that are still without a negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt

from habitus.data.communities import Communities
from habitus.data.edge_split import Circle
from habitus.data.relations_config import NegativeKind
from habitus.data.social_graph import Places
from habitus.data.traces import Rows
from habitus.errors import UsageError

Propose = Callable[[npt.NDArray[np.integer], np.random.Generator], Rows]
"""Anchors → a user each, linked or not; -1 for none."""
ROUNDS = 32
"""Draws after which the strangers of an anchor are listed instead."""


class NegativeSampler:
    """Draws for each anchor a user of the circle that neither follows it nor is followed by it.

    Args:
        circle: whose users are drawn.
        kind: ``uniform``; ``degree_matched``: in proportion to followers within the circle;
            ``same_domain``: of a uniformly drawn domain of the anchor; ``two_hop``: a neighbour of
            a neighbour. Where a hard one is not found, a uniform one stands for it.
        communities: of the same users; only ``same_domain`` asks for them.

    Raises:
        UsageError: another kind, or no communities where they are needed.
    """

    def __init__(
        self, circle: Circle, kind: NegativeKind, communities: Communities | None = None
    ) -> None:
        if kind not in get_args(NegativeKind):
            allowed = ", ".join(get_args(NegativeKind))
            raise UsageError(f"negatives must be one of {allowed}, got {kind!r}")
        if kind == "same_domain" and communities is None:
            raise UsageError("negatives of the same domain need communities")
        self.circle, self.kind = circle, kind
        self.communities = None if communities is None else communities.only(circle.users)
        weight_P = np.ones(len(circle.users))
        if kind == "degree_matched":
            weight_P = circle.graph.in_degree_U[circle.users].astype(np.float64)
        self.weight_P = weight_P
        self.cumulated_P = np.cumsum(weight_P)

    def draw(self, anchor_B: npt.NDArray[np.integer], generator: np.random.Generator) -> Rows:
        """Return a negative of each anchor, -1 where everybody is linked to it."""
        negative_B = np.full(len(anchor_B), -1, np.int64)
        if self.kind in ("same_domain", "two_hop"):
            propose = self._same_domain if self.kind == "same_domain" else self._two_hop
            self._fill(negative_B, anchor_B, propose, generator)
        self._fill(negative_B, anchor_B, self._weighted, generator)
        left_B = (negative_B < 0).nonzero()[0]
        for anchor in np.unique(anchor_B[left_B]):
            places = left_B[anchor_B[left_B] == anchor]
            negative_B[places] = self._listed(int(anchor), len(places), generator)
        return negative_B

    def _fill(
        self,
        negative_B: Rows,
        anchor_B: npt.NDArray[np.integer],
        propose: Propose,
        generator: np.random.Generator,
    ) -> None:
        """Draw again for those without a negative until each proposal is a stranger."""
        open_K = (negative_B < 0).nonzero()[0]
        for _ in range(ROUNDS):
            if not len(open_K):
                return
            anchor_K = anchor_B[open_K]
            drawn_K = propose(anchor_K, generator)
            linked_K = self.circle.graph.has_edge(anchor_K, drawn_K)
            good_K = (drawn_K >= 0) & (drawn_K != anchor_K) & ~linked_K
            negative_B[open_K[good_K]] = drawn_K[good_K]
            open_K = open_K[~good_K]

    def _weighted(self, anchor_K: npt.NDArray[np.integer], generator: np.random.Generator) -> Rows:
        total = self.cumulated_P[-1] if len(self.cumulated_P) else 0
        if not total:
            return np.full(len(anchor_K), -1, np.int64)
        drawn_K = generator.random(len(anchor_K)) * total
        place_K = np.searchsorted(self.cumulated_P, drawn_K, side="right")
        return self.circle.users[np.minimum(place_K, len(self.circle.users) - 1)]

    def _same_domain(
        self, anchor_K: npt.NDArray[np.integer], generator: np.random.Generator
    ) -> Rows:
        assert self.communities is not None
        c = self.communities
        domain_K = draw_from(c.ptr_U1, c.domain_N, anchor_K, generator)
        return draw_from(c.member_ptr_C1, c.member_N, domain_K, generator)

    def _two_hop(self, anchor_K: npt.NDArray[np.integer], generator: np.random.Generator) -> Rows:
        graph = self.circle.graph
        between_K = draw_from(graph.ptr_U1, graph.neighbour_N, anchor_K, generator)
        return draw_from(graph.ptr_U1, graph.neighbour_N, between_K, generator)

    def _listed(self, anchor: int, count: int, generator: np.random.Generator) -> Rows:
        """Return negatives drawn from the list of all strangers of one anchor."""
        users_P = self.circle.users
        stranger_P = ~np.isin(users_P, self.circle.graph.neighbours(anchor)) & (users_P != anchor)
        weight_P = self.weight_P * stranger_P
        if not weight_P.any():
            return np.full(count, -1, np.int64)
        drawn: Rows = generator.choice(users_P, count, p=weight_P / weight_P.sum())
        return drawn


def draw_from(
    ptr_R1: Rows,
    value_N: Places,
    row_K: npt.NDArray[np.integer],
    generator: np.random.Generator,
) -> Rows:
    """Return a uniform draw from each row of a ragged array; -1 for an empty row and for row -1."""
    start_K, stop_K = ptr_R1[row_K], ptr_R1[np.maximum(row_K, 0) + 1]
    length_K = np.where(row_K >= 0, stop_K - start_K, 0)
    place_K = start_K + (generator.random(len(row_K)) * length_K).astype(np.int64)
    drawn_K = np.full(len(row_K), -1, np.int64)
    drawn_K[length_K > 0] = value_N[place_K[length_K > 0]]
    return drawn_K
