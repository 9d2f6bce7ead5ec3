"""A partner is another user of one of the user's domains, each as often as the rule says."""

import math

import numpy as np
import pytest

from habitus.data.domain_pairs import DomainPairs
from habitus.errors import GuardError
from tests.data.social import communities_of, random_communities

# a: 0, 1, 2; b: 0, 3; c: 4 alone; 5 in nothing.
PAIRS = DomainPairs(communities_of([[0, 1], [0], [0], [1], [2], []]))


def test_users_with_a_partner() -> None:
    assert PAIRS.users.tolist() == [0, 1, 2, 3]


def test_partners_have_the_frequencies_of_the_rule() -> None:
    drawn = PAIRS.draw(np.zeros(8_000, np.int64), np.random.default_rng(0))
    assert (drawn[:, 0] == 0).all()
    times = np.bincount(drawn[:, 1], minlength=6)
    # Half of the time a, where 1 and 2 are left; else b, where 3 is.
    for user, share in ((1, 1 / 4), (2, 1 / 4), (3, 1 / 2)):
        assert abs(times[user] - 8_000 * share) < 5 * math.sqrt(8_000 * share * (1 - share))
    assert times[[0, 4, 5]].tolist() == [0, 0, 0]


def test_nobody_is_its_own_partner_and_partners_share_a_domain() -> None:
    communities = random_communities(40, 5, 0.3, seed=0)
    pairs = DomainPairs(communities)
    user_B = np.repeat(pairs.users, 20)
    drawn = pairs.draw(user_B, np.random.default_rng(1))
    assert np.array_equal(drawn[:, 0], user_B)
    ptr, domain = communities.ptr_U1, communities.domain_N
    own = [set(domain[ptr[u] : ptr[u + 1]].tolist()) for u in range(40)]
    assert all(a != b and own[a] & own[b] for a, b in drawn.tolist())


def test_tags_are_the_domains_of_each_place() -> None:
    assert PAIRS.tags(np.array([3, 0, 2])).tolist() == [[0, 1], [1, 0], [1, 1], [2, 0]]
    assert PAIRS.tags(np.zeros(0, np.int64)).shape == (0, 2)
    # A domain of one user tells nothing: 4 has none here.
    assert PAIRS.tags(np.array([4])).shape == (0, 2)


@pytest.mark.parametrize("domains", [[], [[]], [[0]], [[0], [1], [2]], [[0, 1, 2]]])
def test_no_two_users_in_a_domain_is_said(domains: list[list[int]]) -> None:
    with pytest.raises(GuardError, match=r"no domain has two users .*set domain_weight to 0"):
        DomainPairs(communities_of(domains))
