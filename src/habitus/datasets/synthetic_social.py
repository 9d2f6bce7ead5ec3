"""Who follows whom in the synthetic world, and what profiles say.

Shapes: U users, C communities, E edges, M memberships, N memberships by user.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from habitus.data.split import DAY
from habitus.datasets.population import Flags, People, SyntheticConfig, choose, user_ids
from habitus.datasets.traits import community_names, draw_traits
from habitus.random import numpy_generator


def make_follows(config: SyntheticConfig, people: People) -> pa.Table:
    """Return who follows whom, mostly inside a community; never oneself, nobody twice."""
    random = numpy_generator(config.seed, "follows")
    U = config.num_users
    source_E = np.repeat(np.arange(U), random.poisson(config.follows_per_user, U))
    # A generator of its own, so that people of one community are followed as ever.
    homes = numpy_generator(config.seed, "follows", "homes")
    home_E = choose(homes, people.community_UC, source_E)
    community_M, user_M = people.member_UC.T.nonzero()
    start_C = np.searchsorted(community_M, np.arange(config.num_communities + 1))
    size_E = start_C[home_E + 1] - start_C[home_E]
    near_E = user_M[start_C[home_E] + (random.random(len(source_E)) * size_E).astype(np.int64)]
    far_E = random.integers(U, size=len(source_E))
    target_E = np.where(random.random(len(source_E)) < config.same_community, near_E, far_E)
    pairs_E = np.unique((source_E * U + target_E)[source_E != target_E])
    since_E = random.integers(config.days * DAY, size=len(pairs_E))
    return pa.table(
        {
            "user_id": user_ids(config, pairs_E // U),
            "follows_id": user_ids(config, pairs_E % U),
            "time": config.start_time + since_E,
        }
    )


def make_profiles(config: SyntheticConfig, people: People) -> pa.Table:
    """Return tags, and a group that is "a" with the probability of the user's even tastes.

    With ``config.traits`` also what they state of themselves.
    """
    random = numpy_generator(config.seed, "profiles")
    in_a_U = random.random(config.num_users) < people.taste_UK[:, ::2].sum(axis=1)
    return pa.table(
        {
            "user_id": user_ids(config, np.arange(config.num_users, dtype=np.int64)),
            "tags": _tags(config, people.member_UC),
            "group": pa.array(["b", "a"]).take(pa.array(in_a_U.astype(np.int8))),
            **(draw_traits(config, people) if config.traits else {}),
        }
    )


def _tags(config: SyntheticConfig, member_UC: Flags) -> pa.StringArray:
    """Return the names of each user's communities, joined by "|"."""
    _, community_N = member_UC.nonzero()
    offsets_U1 = np.arange(0, len(community_N) + 1, config.communities_per_user)
    names_N = pa.array(community_names(config)).take(pa.array(community_N))
    return pc.binary_join(pa.LargeListArray.from_arrays(offsets_U1, names_N), "|")
