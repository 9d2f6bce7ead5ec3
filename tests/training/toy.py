"""The smallest system that can be trained: an encoder, an objective and a source of batches.

Users' events are codes with a value; a user prefers a third of the codes. The objective hides
events and asks which codes they had.

Shapes: U users, L events, M hidden events, D width, V codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from habitus.config import Config
from habitus.data.loader import Loader
from habitus.encoders import Representation, UserEncoder
from habitus.objectives import Loss, Objective
from habitus.training import Trainer, TrainingConfig

NUM_CODES = 12
CONFIG = TrainingConfig(
    max_steps=24,
    learning_rate=1e-2,
    evaluate_every=6,
    log_every=4,
    checkpoint_every_s=0,
    seed=3,
)
"""A checkpoint after every step."""


@dataclass(frozen=True)
class ToyBatch:
    code_L: Tensor
    value_L: Tensor
    user_L: Tensor
    num_users: int

    @property
    def num_events(self) -> int:
        return len(self.code_L)

    @property
    def padded_events(self) -> int:
        """As if every user had as many events as the longest."""
        return self.num_users * int(torch.bincount(self.user_L, minlength=1).max())

    def to(self, device: Any) -> ToyBatch:
        code_L, value_L = self.code_L.to(device), self.value_L.to(device)
        return ToyBatch(code_L, value_L, self.user_L.to(device), self.num_users)

    def only(self, keep_L: Tensor) -> ToyBatch:
        kept = (self.code_L[keep_L], self.value_L[keep_L], self.user_L[keep_L])
        return ToyBatch(*kept, num_users=self.num_users)


def toy_batch(users: Mapping[int, int]) -> ToyBatch:
    """Return users with as many events as asked for; a user's events follow from its name."""
    codes, values, rows = [np.empty(0, np.int64)], [np.empty(0, np.float32)], []
    for row, (name, size) in enumerate(users.items()):
        chance = np.random.default_rng(name)
        codes.append((name % 3) * (NUM_CODES // 3) + chance.integers(NUM_CODES // 3, size=size))
        values.append(chance.normal(size=size).astype(np.float32))
        rows += [row] * size
    return ToyBatch(
        torch.from_numpy(np.concatenate(codes)),
        torch.from_numpy(np.concatenate(values)),
        torch.tensor(rows, dtype=torch.long),
        len(users),
    )


@dataclass(frozen=True, kw_only=True)
class ToyEncoderConfig(Config):
    width: int = 8
    dropout: float = 0.2


class ToyEncoder(UserEncoder):
    """The mean of a user's events, each read by two layers."""

    name: ClassVar[str] = "toy"
    config_type: ClassVar[type[Config]] = ToyEncoderConfig
    config: ToyEncoderConfig

    def __init__(self, config: ToyEncoderConfig) -> None:
        super().__init__(config)
        self.embed = nn.Embedding(NUM_CODES, config.width)
        self.hidden = nn.Linear(config.width + 1, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)
        self.no_events = nn.Parameter(torch.ones(config.width))

    @property
    def representation_dim(self) -> int:
        return self.config.width

    def forward(self, batch: ToyBatch) -> Representation:
        x_LD = torch.cat([self.embed(batch.code_L), batch.value_L[:, None]], dim=1)
        h_LD = self.norm(self.dropout(self.hidden(x_LD).relu()))
        events_U = torch.bincount(batch.user_L, minlength=batch.num_users)
        sum_UD = h_LD.new_zeros(batch.num_users, h_LD.shape[1])
        sum_UD = sum_UD.index_add(0, batch.user_L, h_LD)
        mask_U = events_U > 0
        mean_UD = sum_UD / events_U.clamp(min=1)[:, None]
        return Representation(torch.where(mask_U[:, None], mean_UD, self.no_events), mask_U, {})

    def forward_flops(self, batch: ToyBatch) -> tuple[float, float]:
        one = 2.0 * (self.config.width + 1) * self.config.width
        return one * batch.num_events, one * batch.padded_events


@dataclass(frozen=True, kw_only=True)
class ToyObjectiveConfig(Config):
    hidden_share: float = 0.3


class ToyObjective(Objective):
    """Cross-entropy of the codes of hidden events, given the user's other events."""

    name: ClassVar[str] = "toy"
    config: ToyObjectiveConfig

    def __init__(self, config: ToyObjectiveConfig, width: int = 8) -> None:
        super().__init__()
        self.config = config
        self.head = nn.Linear(width, NUM_CODES)

    def forward(self, encoder: UserEncoder, batch: ToyBatch, generator: torch.Generator) -> Loss:
        draw_L = torch.rand(batch.num_events, generator=generator).to(batch.code_L.device)
        hidden_L = draw_L < self.config.hidden_share
        z_UD = encoder(batch.only(~hidden_L)).z_UD
        logits_MV = self.head(z_UD[batch.user_L[hidden_L]])
        loss = cross_entropy(logits_MV, batch.code_L[hidden_L], reduction="sum")
        loss = loss / hidden_L.sum().clamp(min=1)
        return Loss(loss, {"code": loss.detach()}, {"code": hidden_L.sum()})

    def forward_flops(self, encoder: UserEncoder, batch: ToyBatch) -> tuple[float, float]:
        true, executed = encoder.forward_flops(batch)
        head = self.config.hidden_share * 2.0 * encoder.representation_dim * NUM_CODES
        return true + head * batch.num_events, executed + head * batch.num_events


class ToySource:
    """Every user once an epoch, in random order; each batch a random part of their events."""

    def __init__(self, num_users: int = 23, batch_users: int = 5) -> None:
        self.num_users = num_users
        self.batch_users = batch_users

    def plan(self, generator: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        order_U = generator.permutation(self.num_users)
        return np.array_split(order_U, range(self.batch_users, self.num_users, self.batch_users))

    def make(self, unit: npt.NDArray[np.int64], generator: np.random.Generator) -> ToyBatch:
        sizes = generator.integers(0, 12, size=len(unit))
        return toy_batch(dict(zip(unit.tolist(), sizes.tolist(), strict=True)))


def toy_modules(width: int = 8) -> tuple[ToyEncoder, ToyObjective]:
    """Return fresh modules, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ToyEncoder(ToyEncoderConfig(width=width))
        return encoder, ToyObjective(ToyObjectiveConfig(), width)


def toy_trainer(
    config: TrainingConfig,
    folder: Path,
    *,
    validated: bool = True,
    prefetch: int = 0,
    source: ToySource | None = None,
    device: str = "cpu",
    wrap: Callable[[Objective], Objective] = lambda objective: objective,
    **options: Any,
) -> Trainer:
    """Return a trainer of fresh modules; validation is on 20 other users."""
    encoder, inner = toy_modules()
    encoder.to(device)
    objective = wrap(inner).to(device)
    loader = Loader(source or ToySource(), seed=config.seed, prefetch=prefetch)
    batch = toy_batch(dict.fromkeys(range(100, 120), 6)).to(device)

    def validate() -> Loss:
        loss: Loss = inner(encoder, batch, torch.Generator().manual_seed(9))
        return loss

    if validated:
        options.setdefault("validate", validate)
    return Trainer(encoder, objective, loader, config, folder, **options)
