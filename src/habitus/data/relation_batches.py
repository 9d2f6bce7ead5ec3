"""RelationBatch: what pre-training by relations reads: users once, and relations between them.

A row of the encoder's batch is a user, or a half of a user's posts. A user that stands in several
triples of a step is read and encoded once.

Shapes: R rows of the encoder's batch, B triples or pairs, G subgraphs, M members of subgraphs,
L links, T (row, domain) pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from habitus.data.loader import Batch
from habitus.data.social_graph import distinct
from habitus.data.traces import Rows
from habitus.random import numpy_generator

if TYPE_CHECKING:
    from habitus.data.relations import Drawn, Relations, RelationUnit

WHOLE, EARLIER, LATER = 0, 1, 2
"""Views of a user: all of it, or one of the halves of its posts."""


@dataclass(frozen=True)
class RelationBatch:
    """One step of pre-training. Every index is an int64 row of ``graphs``, but where it says so."""

    graphs: Batch
    """What the encoder reads, any batch type: ``encoder(batch.graphs)`` gives ``z_RD``."""
    inter_B3: Tensor
    """Anchor, positive, negative of each inter-user triple; -1 for no negative."""
    member_M: Tensor
    """Members of all subgraphs, packed."""
    subgraph_ptr_G1: Tensor
    """First member of each subgraph, and ``M``."""
    intra_B3: Tensor
    """Anchor, positive, negative of each intra-user triple: places among the subgraphs."""
    half_B2: Tensor
    """Earlier and later half of one user's posts."""
    domain_B2: Tensor
    """Two different users of one domain."""
    link_L2: Tensor
    """Rows of ``inter_B3`` that are linked, both ways round: no negatives of each other."""
    tag_T2: Tensor
    """Row and domain (a number, no row) of the users of ``domain_B2``."""

    @property
    def num_users(self) -> int:
        """Rows that are encoded, ``R``."""
        return self.graphs.num_users

    @property
    def num_events(self) -> int:
        """Events (nodes of text graphs) of all rows."""
        return self.graphs.num_events

    @property
    def padded_events(self) -> int:
        """Events and padding that the encoder holds."""
        return self.graphs.padded_events

    def to(self, device: Any) -> RelationBatch:  # noqa: ANN401 - as in Batch
        """Return the batch on ``device``."""
        tensors = {n: v.to(device) for n, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, graphs=self.graphs.to(device), **tensors)


def relation_batch(graphs: Batch, **relations: Tensor) -> RelationBatch:
    """Return a batch; relations that are not given are empty."""
    empty: dict[str, Tensor] = {
        "inter_B3": torch.zeros(0, 3, dtype=torch.long),
        "member_M": torch.zeros(0, dtype=torch.long),
        "subgraph_ptr_G1": torch.zeros(1, dtype=torch.long),
        "intra_B3": torch.zeros(0, 3, dtype=torch.long),
        "half_B2": torch.zeros(0, 2, dtype=torch.long),
        "domain_B2": torch.zeros(0, 2, dtype=torch.long),
        "link_L2": torch.zeros(0, 2, dtype=torch.long),
        "tag_T2": torch.zeros(0, 2, dtype=torch.long),
    }
    return RelationBatch(graphs=graphs, **(empty | relations))


class RowReader(Protocol):
    """Makes the encoder's batch: any encoder can be trained by relations that has one."""

    def read(self, user_R: Rows, view_R: Rows) -> Batch:
        """Return one row for each user (a place in the snapshot) and view, in this order.

        Views ascend, and users ascend within a view; no pair stands twice.
        """
        ...


class RelationBatches:
    """The source of a loader: steps of relations, and the rows that they are between.

    Memory does not grow with the number of users where the reader's does not, but for the follows
    and triples themselves: some 50 bytes a follow.
    """

    def __init__(self, relations: Relations, reader: RowReader) -> None:
        self.relations = relations
        self.reader = reader

    @property
    def num_users(self) -> int:
        """Users that relations are drawn between."""
        return len(self.relations.circle.users)

    def plan(self, generator: np.random.Generator) -> list[RelationUnit]:
        """Return the steps of one epoch."""
        return self.relations.plan(generator)

    def make(self, unit: RelationUnit, generator: np.random.Generator) -> RelationBatch:
        """Return the batch of one step."""
        drawn = self.relations.draw(unit, generator)
        num_users = self.relations.circle.graph.num_users
        keys = _keys(drawn, num_users)
        key_R = distinct(np.concatenate([k.ravel() for k in keys.values()]))
        key_R = key_R[key_R >= 0]
        view_R, user_R = np.divmod(key_R, max(num_users, 1))
        rows = {
            # A key of -1, which is no row, is found nowhere.
            name: torch.from_numpy(np.where(k < 0, -1, np.searchsorted(key_R, k)))
            for name, k in keys.items()
        }
        return relation_batch(
            self.reader.read(user_R, view_R),
            **rows,
            **_subgraphs(drawn),
            **self._between(user_R[view_R == WHOLE], rows),
        )

    def once(self, seed: int, most: int | None = None) -> Iterator[RelationBatch]:
        """Yield one epoch, or its first steps, the same for the same seed: for validation."""
        for index, unit in enumerate(self.plan(numpy_generator(seed, "plan"))[:most]):
            yield self.make(unit, numpy_generator(seed, "batch", index))

    def _between(self, user_R: Rows, rows: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return links and tags of the whole users of a step, who stand first."""
        found: dict[str, Tensor] = {}
        relations = self.relations
        if relations.inter is not None and "links" in relations.reads:
            inter_R = distinct(rows["inter_B3"].numpy().ravel())
            inter_R = inter_R[inter_R >= 0]
            place_L2 = relations.circle.graph.links_among(user_R[inter_R])
            found["link_L2"] = torch.from_numpy(inter_R[place_L2])
        if relations.domains is not None:
            domain_R = distinct(rows["domain_B2"].numpy().ravel())
            tag_T2 = relations.domains.tags(user_R[domain_R])
            tag_T2[:, 0] = domain_R[tag_T2[:, 0]]
            found["tag_T2"] = torch.from_numpy(tag_T2)
        return found


def _keys(drawn: Drawn, num_users: int) -> dict[str, Rows]:
    """Return view and user of all that is read, as one number that sorts by view; -1 for none."""
    halves = (EARLIER * num_users, LATER * num_users)
    return {
        "inter_B3": drawn.inter_B3,
        "member_M": drawn.subgraphs.member_M.astype(np.int64),
        "half_B2": np.stack([drawn.half_B + shift for shift in halves], axis=1),
        "domain_B2": drawn.domain_B2,
    }


def _subgraphs(drawn: Drawn) -> dict[str, Tensor]:
    num_subgraphs = len(drawn.subgraphs.ptr_G1) - 1
    return {
        "subgraph_ptr_G1": torch.from_numpy(drawn.subgraphs.ptr_G1),
        "intra_B3": torch.arange(num_subgraphs).view(-1, 3),
    }
