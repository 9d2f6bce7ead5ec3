"""An encoder that returns vectors which a test wrote down, and a training of a few steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from habitus.config import Config
from habitus.data.edge_split import Circle
from habitus.data.loader import Loader
from habitus.data.relation_batches import RelationBatch, RelationBatches, relation_batch
from habitus.data.relations import Material, Relations
from habitus.data.relations_config import Relation, RelationsConfig
from habitus.encoders import Representation, UserEncoder
from habitus.objectives import Loss, Objective
from habitus.training.config import TrainingConfig
from habitus.training.trainer import Trainer
from tests.data.rows import PlainRows, RowBatch, Table, table
from tests.data.social import random_communities, random_graph

NUM_USERS = 50
MATERIAL = Material(
    random_graph(NUM_USERS, 0.12),
    random_communities(NUM_USERS, 4, 0.4, seed=0),
    torch.arange(NUM_USERS).numpy(),
)


class Given(UserEncoder):
    """Row ``r`` of every batch is vector ``r``."""

    name = "given"
    config_type = Config

    def __init__(self, vectors: Sequence[Sequence[float]], empty: Sequence[int] = ()) -> None:
        super().__init__(Config())
        self.z_RD = nn.Parameter(torch.tensor(vectors, dtype=torch.float32))
        self.mask_R = torch.tensor([r not in empty for r in range(len(vectors))])

    @property
    def representation_dim(self) -> int:
        return self.z_RD.shape[1]

    def forward(self, batch: Any) -> Representation:
        return Representation(self.z_RD[: batch.num_users], self.mask_R[: batch.num_users], {})

    def forward_flops(self, batch: Any) -> tuple[float, float]:
        return 0.0, 0.0


def long(rows: Sequence[Any]) -> Tensor:
    """Return int64 rows."""
    return torch.tensor(rows, dtype=torch.long)


def batch_of(num_rows: int, **relations: Sequence[Any]) -> RelationBatch:
    """Return a batch of rows and relations between them."""
    rows = RowBatch(torch.arange(num_rows), torch.zeros(num_rows, dtype=torch.long))
    return relation_batch(rows, **{name: long(value) for name, value in relations.items()})


def lose(objective: Objective, encoder: UserEncoder, batch: RelationBatch) -> Loss:
    """Return the loss of a batch."""
    loss: Loss = objective(encoder, batch, torch.Generator())
    return loss


def train(
    objective: Objective,
    reads: frozenset[Relation],
    folder: Path,
    material: Material = MATERIAL,
    steps: int = 12,
) -> tuple[Table, list[float]]:
    """Return an encoder after a short training, and the loss of each step."""
    config = RelationsConfig(inter_batch=24, intra_batch=6, half_batch=8, domain_batch=8)
    relations = Relations(Circle.of_all(material.graph), material, config, reads, seed=0)
    encoder = table(NUM_USERS)
    training = TrainingConfig(max_steps=steps, learning_rate=1e-2, log_every=1)
    loader = Loader(RelationBatches(relations, PlainRows()), seed=0)
    history = Trainer(encoder, objective, loader, training, folder).fit().history
    return encoder, [record["loss"] for record in history if record["kind"] == "train"]


def same_bits(one: nn.Module, other: nn.Module) -> bool:
    """Return whether all weights are equal, bit by bit."""
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
