"""Relations: what a step of pre-training compares, drawn as places of users.

PASUM §2.3 and table 11 by A-P15: each step takes a batch of every relation that is read; an epoch
is once through the first of them, in the order of ``ORDER``, and the others cycle.

Each relation has chance of its own, derived from that of the step by its name. So leaving one out
changes nothing of the others.

Shapes: B triples or pairs of a step.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from habitus.data.communities import Communities
from habitus.data.domain_pairs import DomainPairs
from habitus.data.edge_split import Circle, split_edges, split_users
from habitus.data.negatives import NegativeSampler
from habitus.data.relations_config import ORDER, Branch, Relation, RelationsConfig
from habitus.data.social_graph import SocialGraph
from habitus.data.subgraphs import IntraTriples, Subgraphs
from habitus.data.traces import Rows
from habitus.data.triples import InterTriples
from habitus.errors import GuardError, UsageError
from habitus.random import derive_seed, numpy_generator


@dataclass(frozen=True)
class Material:
    """What relations are made from: one snapshot's users, by place in it."""

    graph: SocialGraph
    communities: Communities | None = None
    """For intra-user triples, users of one domain, and negatives of the same domain."""
    half_users: Rows | None = None
    """Users with words in both halves of their posts; None: no halves can be read."""


class RelationUnit(NamedTuple):
    """One step: which of each relation."""

    inter_B: Rows
    """Places among the inter-user triples."""
    intra_B: Rows
    """Numbers of intra-user triples."""
    half_B: Rows
    """Users."""
    domain_B: Rows
    """Users whose partners are drawn with the batch."""


class Drawn(NamedTuple):
    """The users of one step."""

    inter_B3: Rows
    """Anchor, positive, negative; -1 for no negative."""
    subgraphs: Subgraphs
    half_B: Rows
    domain_B2: Rows


class Relations:
    """Relations between the users of a circle.

    Args:
        circle: the users, and the follows between them.
        material: what it was cut from.
        config: how many and how.
        reads: what is drawn.
        seed: of what is drawn once.
        strict: whether a relation that cannot be drawn is an error; else it is left out.

    Raises:
        GuardError: a relation cannot be drawn from this material (without ``strict``: none can).
        UsageError: halves are read and cannot be, or nothing is read.
    """

    def __init__(
        self,
        circle: Circle,
        material: Material,
        config: RelationsConfig,
        reads: Set[Relation],
        seed: int,
        *,
        strict: bool = True,
    ) -> None:
        self.circle, self.material, self.config = circle, material, config
        self.reads, self.seed = reads, seed
        self.inter: InterTriples | None = None
        self.intra: IntraTriples | None = None
        self.half_users: Rows | None = None
        self.domains: DomainPairs | None = None
        self.sizes: dict[Branch, tuple[int, int]] = {}
        """Of each relation that is drawn: how many there are, and how many a step takes."""
        self.num_lost = 0
        """Follows that belong to nobody, since validation users took one end of them."""
        self._open(strict=strict)

    @property
    def num_steps(self) -> int:
        """Steps of an epoch."""
        count, size = next(iter(self.sizes.values()))
        return -(-count // size)

    def about(self) -> dict[str, int]:
        """Return counts for a log or a card."""
        found = {
            "users": len(self.circle.users),
            "follows": self.circle.graph.num_follows,
            "lost_follows": self.num_lost,
        }
        if self.inter is not None:
            found |= {"inter_triples": len(self.inter), "dropped_triples": self.inter.num_dropped}
        if self.intra is not None:
            found |= {"users_with_communities": len(self.intra.roots)}
            found |= {"communities": len(self.intra.community_G)}
        if self.half_users is not None:
            found["users_with_halves"] = len(self.half_users)
        if self.domains is not None:
            found["users_with_domains"] = len(self.domains.users)
        return found

    def plan(self, generator: np.random.Generator) -> list[RelationUnit]:
        """Return the steps of one epoch."""
        chance = int(generator.integers(2**63))
        first = next(iter(self.sizes))
        steps = {}
        for branch, (count, size) in self.sizes.items():
            wanted = count if branch == first else self.num_steps * size
            steps[branch] = cycle(count, wanted, size, numpy_generator(chance, branch))
        nothing = [np.zeros(0, np.int64)] * self.num_steps
        columns = [steps.get(branch, nothing) for branch in ORDER]
        if self.half_users is not None:
            columns[2] = [self.half_users[place_B] for place_B in columns[2]]
        if self.domains is not None:
            columns[3] = [self.domains.users[place_B] for place_B in columns[3]]
        return [RelationUnit(*parts) for parts in zip(*columns, strict=True)]

    def draw(self, unit: RelationUnit, generator: np.random.Generator) -> Drawn:
        """Return the users of one step."""
        chance = int(generator.integers(2**63))
        inter_B3 = np.zeros((0, 3), np.int64)
        if self.inter is not None:
            inter_B3 = self.inter.batch(unit.inter_B, numpy_generator(chance, "inter"))
        subgraphs = Subgraphs(np.zeros(0, np.int32), np.zeros(1, np.int64))
        if self.intra is not None:
            subgraphs = self.intra.draw(unit.intra_B, derive_seed(self.seed, "intra"))
        domain_B2 = np.zeros((0, 2), np.int64)
        if self.domains is not None:
            domain_B2 = self.domains.draw(unit.domain_B, numpy_generator(chance, "domains"))
        return Drawn(inter_B3, subgraphs, unit.half_B, domain_B2)

    def _open(self, *, strict: bool) -> None:
        """Draw what is drawn once, and count."""
        makers = {
            "inter": self._inter,
            "intra": self._intra,
            "halves": self._halves,
            "domains": self._domains,
        }
        problems: list[GuardError] = []
        for branch in (b for b in ORDER if b in self.reads):
            try:
                count, size = makers[branch]()
            except GuardError as error:
                if strict:
                    raise
                problems.append(error)
                continue
            self.sizes[branch] = count, min(count, size)
        if problems and not self.sizes:
            raise GuardError(
                f"there is no relation to learn from or to validate on: {problems[0]}; or set "
                f"valid_share to 0 and validate on other users"
            )
        if not self.sizes:
            raise UsageError("no relation is read: give one of them a weight above 0")

    def _inter(self) -> tuple[int, int]:
        graph, config = self.circle.graph, self.config
        sampler = None
        if "negatives" in self.reads:
            sampler = NegativeSampler(self.circle, config.negatives, self.material.communities)
        generator = numpy_generator(self.seed, "inter")
        self.inter = InterTriples.draw(
            graph.follow_F2, sampler, generator, resample=config.resample_negatives
        )
        if not len(self.inter):
            raise GuardError(
                f"{graph.num_follows} follows between {len(self.circle.users)} users give no "
                f"inter-user triple: ingest follows, or leave them "
                f"out (triplet.alpha=0, or contrast.inter_weight=0)"
            )
        return len(self.inter), config.inter_batch

    def _intra(self) -> tuple[int, int]:
        config, communities = self.config, self.material.communities
        if communities is None:
            raise UsageError("intra-user triples need communities")
        self.intra = IntraTriples(self.circle.graph, communities, config.one_hop, config.two_hop)
        return config.intra_triples, config.intra_batch

    def _halves(self) -> tuple[int, int]:
        if self.material.half_users is None:
            raise UsageError("halves of posts are asked for, and this source reads whole users")
        self.half_users = np.intersect1d(self.material.half_users, self.circle.users)
        if len(self.half_users) < 2:
            raise GuardError(
                f"{len(self.half_users)} of {len(self.circle.users)} users have words in both "
                f"halves of their posts, and 2 are needed: set half_weight to 0"
            )
        return len(self.half_users), self.config.half_batch

    def _domains(self) -> tuple[int, int]:
        if self.material.communities is None:
            raise UsageError("users of one domain need communities")
        self.domains = DomainPairs(self.material.communities.only(self.circle.users))
        return len(self.domains.users), self.config.domain_batch


def train_and_valid(
    material: Material,
    config: RelationsConfig,
    reads: Set[Relation],
    seed: int,
    *,
    strict: bool = True,
) -> tuple[Relations, Relations | None]:
    """Return relations to train on, and to validate on: of other users, or None for share 0.

    Where no follow is read, the share is one of users. A relation that the few users for validation
    do not have is left out of theirs; without ``strict``, one that nobody has is left out of both.

    Raises:
        GuardError: a relation cannot be drawn, or none for validation.
    """
    split_by = split_edges if reads & {"inter", "intra"} else split_users
    split = split_by(material.graph, config.valid_share, numpy_generator(seed, "split"))
    train_seed = derive_seed(seed, "train")
    train = Relations(split.train, material, config, reads, train_seed, strict=strict)
    train.num_lost = split.num_lost
    if not config.valid_share:
        return train, None
    few = replace(config, intra_triples=math.ceil(config.intra_triples * config.valid_share))
    valid_seed = derive_seed(seed, "valid")
    return train, Relations(split.valid, material, few, reads, valid_seed, strict=False)


def cycle(count: int, wanted: int, size: int, generator: np.random.Generator) -> list[Rows]:
    """Return ``wanted`` places below ``count`` in batches: one shuffle after the other.

    >>> [len(places_B) for places_B in cycle(3, 7, 2, np.random.default_rng(0))]
    [2, 2, 2, 1]
    """
    shuffles = [generator.permutation(count) for _ in range(-(-wanted // count))]
    places = np.concatenate(shuffles)[:wanted]
    return [places[start : start + size] for start in range(0, wanted, size)]
