"""RelationBatch: what pre-training by relations reads: graphs once, and relations between them.

A graph here is one row of an encoder's batch: a user, or a half of a user's posts. A user that
stands in several triples of a step is read and encoded once.

Shapes: R rows of the encoder's batch, B triples or pairs, G subgraphs, M members of subgraphs,
L links, T (row, domain) pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from habitus.data.loader import Batch


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
