"""Who the synthetic people are: tastes, communities, drifts and churn, planted and remembered.

A user ``u`` makes events as a Poisson process with rate ``λ_u`` a day, from the first day until the
day they leave. Each event is of taste ``k`` with probability ``π_uk``, on service ``s`` with
probability ``σ_us``, and points at an item of that taste and service, chosen by popularity.

Shapes: U users, K tastes, S services, C communities, I items, L events, B users of one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.config import Config
from habitus.data.snapshot import parse_time
from habitus.data.split import DAY
from habitus.errors import UsageError
from habitus.random import numpy_generator

BLOCK = 4096
"""Users that are drawn together: the same people come out whatever the size of a chunk."""
COMMUNITY_WEIGHT = 4.0
"""How far a user's taste follows their community's."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig(Config):
    """How many people, and what is planted in them.

    Raises:
        UsageError: a number that is out of its range, or too few items to go around.
    """

    num_users: int = 300
    events_per_user: float = 40.0
    """Mean over users who do not leave."""
    skew: float = 1.0
    """Standard deviation of the logarithm of a user's rate; 0 makes all rates equal."""
    num_items: int = 240
    num_tastes: int = 6
    num_services: int = 2
    num_communities: int = 4
    follows_per_user: float = 4.0
    same_community: float = 0.9
    """Share of follows that stay inside the community."""
    start: str = "2023-01-01"
    days: int = 360
    drift_share: float = 0.2
    """Share of users whose taste changes on the drift day."""
    drift_day: int = 180
    churn_share: float = 0.15
    """Share of users who leave, on a day of the last four fifths."""
    purchase_share: float = 0.5
    """Share of events of kind "purchase"; the others are views."""
    coupon_share: float = 0.3
    """Share of purchases of taste 0 that leave the label "coupon_redeemed"."""
    missing_share: float = 0.02
    """Share of events without a price."""
    communities_per_user: int = 1
    """How many each user is in; the tags name them, and follows stay inside any of them."""
    words_per_post: float = 0.0
    """Mean words of the text of an event, 1 or more; 0 for events without text."""
    traits: bool = False
    """Whether profiles hold the six attributes of :mod:`habitus.datasets.traits`."""
    unlabelled_share: float = 0.2
    """Share of users who do not state an attribute, for each of the six anew."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_users", "num_tastes", "num_services", "num_communities", "days"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if min(self.events_per_user, self.skew, self.follows_per_user, self.drift_day) < 0:
            raise UsageError("events_per_user, skew, follows_per_user and drift_day are 0 or more")
        if self.num_items < self.num_tastes * self.num_services:
            raise UsageError(
                f"num_items must be at least num_tastes × num_services = "
                f"{self.num_tastes * self.num_services}, got {self.num_items}"
            )
        if not 1 <= self.communities_per_user <= self.num_communities:
            raise UsageError(
                f"communities_per_user must be 1 to num_communities = {self.num_communities}, "
                f"got {self.communities_per_user}"
            )
        if self.words_per_post != 0 and self.words_per_post < 1:
            raise UsageError(f"words_per_post must be 0, or 1 or more, got {self.words_per_post}")

    @property
    def start_time(self) -> int:
        """The first second."""
        return parse_time(self.start)

    @property
    def drift_time(self) -> int:
        """The second at which drifting users change their taste."""
        return self.start_time + self.drift_day * DAY

    @property
    def num_blocks(self) -> int:
        """Blocks of users."""
        return -(-self.num_users // BLOCK)


SHARES = (
    "same_community",
    "drift_share",
    "churn_share",
    "purchase_share",
    "coupon_share",
    "missing_share",
    "unlabelled_share",
)


class People(NamedTuple):
    """What is planted in some users."""

    taste_UK: Floats
    """Share of each taste before the drift."""
    later_taste_UK: Floats
    """Share of each taste from the drift on; the same for who does not drift."""
    service_US: Floats
    """Share of each service."""
    rate_U: Floats
    """Events a day."""
    end_U: Ints
    """The second from which a user makes no event: the end of the data for who stays."""
    drifts_U: Flags
    churns_U: Flags
    community_U: Ints
    """The first community of each user."""
    member_UC: Flags
    """All communities of each user."""

    @property
    def community_UC(self) -> Floats:
        """Share of each community in what a user writes and whom they follow, ``(U, C)``.

        The first one counts twice.
        """
        twice_UC = self.member_UC.astype(np.float64)
        twice_UC[np.arange(len(twice_UC)), self.community_U] = 2.0
        share_UC: Floats = twice_UC / twice_UC.sum(axis=1, keepdims=True)
        return share_UC

    def take(self, rows: Ints) -> People:
        """Return some users, in the order of ``rows``."""
        return People._make(a[rows] for a in self)


class Catalogue(NamedTuple):
    """Which taste and service each item belongs to; row ``i`` is item ``i``."""

    taste_I: Ints
    service_I: Ints
    rank_I: Ints
    """Place by popularity among the items of its taste and service."""
    share_I: Floats
    """Probability of the item, given its taste and service: 1 / (rank + 1), normalised."""


def make_people(config: SyntheticConfig) -> People:
    """Draw every user."""
    blocks = [make_block(config, block) for block in range(config.num_blocks)]
    return People._make(map(np.concatenate, zip(*blocks, strict=True)))


def make_block(config: SyntheticConfig, block: int) -> People:
    """Draw the users of one block."""
    random = numpy_generator(config.seed, "people", block)
    B = min(BLOCK, config.num_users - block * BLOCK)
    community_B = random.integers(config.num_communities, size=B)
    member_BC = _memberships(config, block, community_B)
    mean_BK = member_BC @ _community_tastes(config) / config.communities_per_user
    taste_BK = _dirichlet(random, COMMUNITY_WEIGHT * mean_BK + 0.05)
    drifts_B = random.random(B) < config.drift_share
    fresh_BK = _dirichlet(random, np.full((B, config.num_tastes), 0.3))
    churns_B = random.random(B) < config.churn_share
    stay_B = np.where(churns_B, random.uniform(0.2, 1.0, B), 1.0)
    scale_B = np.exp(config.skew * random.standard_normal(B) - config.skew**2 / 2)
    return People(
        taste_UK=taste_BK,
        later_taste_UK=np.where(drifts_B[:, None], fresh_BK, taste_BK),
        service_US=_dirichlet(random, np.ones((B, config.num_services))),
        rate_U=config.events_per_user / config.days * scale_B,
        end_U=config.start_time + (stay_B * config.days * DAY).astype(np.int64),
        drifts_U=drifts_B,
        churns_U=churns_B,
        community_U=community_B,
        member_UC=member_BC,
    )


def make_catalogue(config: SyntheticConfig) -> Catalogue:
    """Deal the items out to tastes and services in turn."""
    item_I = np.arange(config.num_items, dtype=np.int64)
    K, S = config.num_tastes, config.num_services
    taste_I, service_I, rank_I = item_I % K, item_I // K % S, item_I // (K * S)
    weight_I = 1.0 / (rank_I + 1)
    total_KS = np.zeros((K, S))
    np.add.at(total_KS, (taste_I, service_I), weight_I)
    return Catalogue(taste_I, service_I, rank_I, weight_I / total_KS[taste_I, service_I])


def user_ids(config: SyntheticConfig, rows: Ints) -> pa.StringArray:
    """Return the ids of users: of one width, so that they sort like the rows."""
    return _ids("u", rows, config.num_users)


def item_ids(config: SyntheticConfig) -> pa.StringArray:
    """Return the ids of all items."""
    return _ids("i", np.arange(config.num_items, dtype=np.int64), config.num_items)


def _ids(letter: str, rows: Ints, total: int) -> pa.StringArray:
    digits = pc.utf8_lpad(pc.cast(pa.array(rows), pa.string()), len(str(total)), "0")
    names: pa.StringArray = pc.binary_join_element_wise(letter, digits, "")
    return names


def choose(random: np.random.Generator, share_BK: Floats, user_L: Ints) -> Ints:
    """Return one choice for each event, by the shares of its user, ``(L)``."""
    edges_BK = share_BK.cumsum(axis=1)[:, :-1]
    uniform_L = random.random(len(user_L))
    chosen_L = np.zeros(len(user_L), np.int64)
    for edge_B in edges_BK.T:
        chosen_L += uniform_L >= edge_B[user_L]
    return chosen_L


def _memberships(config: SyntheticConfig, block: int, community_B: Ints) -> Flags:
    """Return the first community of each user, and further ones at random."""
    random = numpy_generator(config.seed, "memberships", block)
    rank_BC = random.random((len(community_B), config.num_communities))
    rank_BC[np.arange(len(community_B)), community_B] = -1.0
    member_BC: Flags = rank_BC.argsort(axis=1).argsort(axis=1) < config.communities_per_user
    return member_BC


def _community_tastes(config: SyntheticConfig) -> Floats:
    random = numpy_generator(config.seed, "communities")
    return _dirichlet(random, np.full((config.num_communities, config.num_tastes), 0.3))


def _dirichlet(random: np.random.Generator, weight_BK: Floats) -> Floats:
    # NumPy's own takes one vector of weights; a row of gammas, normalised, is the same thing.
    gamma_BK = random.standard_gamma(weight_BK) + 1e-12
    share_BK: Floats = gamma_BK / gamma_BK.sum(axis=1, keepdims=True)
    return share_BK
