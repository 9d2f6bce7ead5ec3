"""Domain pairs: two users who share a domain.

improvements.md I1 row 11: tags compare users with each other, not subgraphs of twelve users.

Shapes: U users, C domains, N (user, domain) pairs, B pairs of users, T (place, domain) pairs.
"""

from __future__ import annotations

import numpy as np

from habitus.data.communities import Communities
from habitus.data.negatives import draw_from
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows
from habitus.errors import GuardError


class DomainPairs:
    """Users with a partner in a domain, and draws of one.

    Args:
        communities: domains of all users; those with fewer than two users are ignored.

    Raises:
        GuardError: no domain has two users.
    """

    def __init__(self, communities: Communities) -> None:
        counts_C = np.diff(communities.member_ptr_C1)
        self.communities = communities.keep(counts_C[communities.domain_N] >= 2)
        self.users = np.diff(self.communities.ptr_U1).nonzero()[0]
        if not len(self.users):
            raise GuardError(
                f"no domain has two users ({communities.num_tagged} users have tags): set "
                f"domain_weight to 0, ingest profiles with a column tags (a mapping names another) "
                f"or give keywords that match them"
            )

    def draw(self, user_B: Rows, generator: np.random.Generator) -> Rows:
        """Return users and partners ``(B, 2)``.

        The partner is a uniform draw from the others of a uniformly drawn domain of the user.
        """
        c = self.communities
        domain_B = draw_from(c.ptr_U1, c.domain_N, user_B, generator)
        start_B, stop_B = c.member_ptr_C1[domain_B], c.member_ptr_C1[domain_B + 1]
        place_B = start_B + (generator.random(len(user_B)) * (stop_B - start_B - 1)).astype(int)
        # Members ascend within a domain: from the user's own place on, the others are one further.
        domain_N = np.repeat(np.arange(c.num_domains), np.diff(c.member_ptr_C1))
        own_B = np.searchsorted(
            domain_N * c.num_users + c.member_N, domain_B * c.num_users + user_B
        )
        partner_B = c.member_N[place_B + (place_B >= own_B)]
        return np.stack([user_B, partner_B], axis=1)

    def tags(self, user_R: Rows) -> Rows:
        """Return each (place in ``user_R``, domain) of some users, ``(T, 2)``."""
        c = self.communities
        length_R = c.ptr_U1[user_R + 1] - c.ptr_U1[user_R]
        places_T, _ = ranges(c.ptr_U1[user_R], length_R)
        return np.stack([np.repeat(np.arange(len(user_R)), length_R), c.domain_N[places_T]], axis=1)
