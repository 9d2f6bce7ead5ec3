"""The least that relations can be trained on: a batch of row numbers, and a table of vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import Representation, UserEncoder


@dataclass(frozen=True)
class RowBatch:
    """Users and views of each row."""

    user_R: Tensor
    view_R: Tensor

    @property
    def num_users(self) -> int:
        return len(self.user_R)

    @property
    def num_events(self) -> int:
        return 3 * len(self.user_R)

    @property
    def padded_events(self) -> int:
        return 4 * len(self.user_R)

    def to(self, device: Any) -> RowBatch:
        return replace(self, user_R=self.user_R.to(device), view_R=self.view_R.to(device))


class PlainRows:
    """Reads row numbers, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[int], list[int]]] = []

    def read(self, user_R: Rows, view_R: Rows) -> RowBatch:
        self.asked.append((user_R.tolist(), view_R.tolist()))
        return RowBatch(torch.from_numpy(user_R), torch.from_numpy(view_R))


@dataclass(frozen=True, kw_only=True)
class TableConfig(Config):
    num_users: int
    width: int = 4


class Table(UserEncoder):
    """A vector for each user and view, through a linear layer; every fifth user has no event."""

    name = "table"
    config_type = TableConfig

    def __init__(self, config: TableConfig) -> None:
        super().__init__(config)
        self.vectors = nn.Embedding(3 * config.num_users, config.width)
        self.linear = nn.Linear(config.width, config.width)
        self.rows_encoded = 0

    @property
    def representation_dim(self) -> int:
        return int(self.linear.out_features)

    def forward(self, batch: RowBatch) -> Representation:
        self.rows_encoded += batch.num_users
        place_R = batch.view_R * (self.vectors.num_embeddings // 3) + batch.user_R
        return Representation(self.linear(self.vectors(place_R)), batch.user_R % 5 != 4, {})

    def forward_flops(self, batch: RowBatch) -> tuple[float, float]:
        flops = 2.0 * batch.num_users * self.representation_dim**2
        return flops, flops


def table(num_users: int, seed: int = 0) -> Table:
    """Return an encoder with weights of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Table(TableConfig(num_users=num_users))
