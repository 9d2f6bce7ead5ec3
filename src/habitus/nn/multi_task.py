"""Heads for many tasks on any representation: linear towers, shared bottom, MMoE, PLE (CGC).

Linear towers are SUPERMOE eq. 8, ``y_i = Tower_i(H)`` without an activation; the pooling of eq. 8
is the encoder's. MMoE: Ma et al. 2018 (KDD), softmax routers on the input mix shared experts for
each task. PLE: Tang et al. 2020 (RecSys), stacked CGC levels with experts of each task beside
shared ones; the shared router of a level, over all its experts, is left out at the last one (B-26).

Experts and towers are one ReLU layer each; all experts of a kind are one weight tensor.

Shapes: B rows, D width in, K tasks, E experts, H width of an expert, N experts of one task.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.config import Config
from habitus.errors import UsageError
from habitus.nn.batched_linear import BatchedLinear

HeadName = Literal["linear", "shared", "mmoe", "ple"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)


@dataclass(frozen=True, kw_only=True)
class MultiTaskHeadConfig(Config):
    """Which head, and its sizes."""

    head: HeadName = "mmoe"
    hidden: int = 64
    """Width of the shared bottom and of each expert."""
    tower: int = 32
    """Width of each task's own layer before its output; linear towers have none."""
    num_experts: int = 4
    """Of MMoE, all of them shared."""
    num_shared: int = 2
    """Shared experts of each level of PLE."""
    num_own: int = 1
    """Experts of each task at each level of PLE; 0 leaves shared ones only."""
    num_levels: int = 2
    """CGC levels of PLE."""

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise UsageError(f"head must be one of {', '.join(HEADS)}, got {self.head!r}")
        for name in ("hidden", "tower", "num_experts", "num_shared", "num_levels"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.num_own < 0:
            raise UsageError(f"num_own must be 0 or more, got {self.num_own}")


class MultiTaskHead(nn.Module, ABC):
    """A representation in, one number a task out: a logit, or a value of regression."""

    @abstractmethod
    def forward(self, x_BD: Tensor) -> Tensor:
        """Return the outputs, ``(B, K)``."""

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """Return the weights that several tasks move: where gradients can conflict."""

    @abstractmethod
    def output_bias(self) -> Tensor:
        """Return the bias of each task's output, ``(K)``, a view: where a training begins."""


class LinearTowers(MultiTaskHead):
    """Eq. 8: one linear layer a task on the representation; tasks share nothing here.

    They begin at 0: there is one minimum, and chance would only have to be unlearned.
    """

    def __init__(self, width: int, num_tasks: int, generator: torch.Generator) -> None:
        super().__init__()
        self.towers = BatchedLinear(1, num_tasks, width, 1, generator)
        for parameter in self.towers.parameters():
            nn.init.zeros_(parameter)

    @override
    def forward(self, x_BD: Tensor) -> Tensor:
        out_BK: Tensor = self.towers(x_BD[:, None])[:, 0, :, 0]
        return out_BK

    @override
    def shared_parameters(self) -> list[nn.Parameter]:
        return []

    @override
    def output_bias(self) -> Tensor:
        return self.towers.bias_GEH[0, :, 0]


class Towers(nn.Module):
    """A ReLU layer and an output for each task, on an input of its own."""

    def __init__(self, num_tasks: int, width: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.inner = BatchedLinear(num_tasks, 1, width, hidden, generator)
        self.outer = BatchedLinear(num_tasks, 1, hidden, 1, generator)

    def forward(self, x_BKH: Tensor) -> Tensor:
        """Return ``(B, K)``."""
        inner_BKH = self.inner(x_BKH)[:, :, 0].relu()
        out_BK: Tensor = self.outer(inner_BKH)[:, :, 0, 0]
        return out_BK


class _WithTowers(MultiTaskHead):
    """A head that ends in towers."""

    towers: Towers

    @override
    def output_bias(self) -> Tensor:
        return self.towers.outer.bias_GEH[:, 0, 0]


class SharedBottom(_WithTowers):
    """One ReLU layer that all tasks read."""

    def __init__(
        self, width: int, num_tasks: int, config: MultiTaskHeadConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.num_tasks = num_tasks
        self.bottom = BatchedLinear(1, 1, width, config.hidden, generator)
        self.towers = Towers(num_tasks, config.hidden, config.tower, generator)

    @override
    def forward(self, x_BD: Tensor) -> Tensor:
        bottom_B1H = self.bottom(x_BD[:, None])[:, :, 0].relu()
        out_BK: Tensor = self.towers(bottom_B1H.expand(-1, self.num_tasks, -1))
        return out_BK

    @override
    def shared_parameters(self) -> list[nn.Parameter]:
        return list(self.bottom.parameters())


class MMoE(_WithTowers):
    """Shared experts, mixed for each task by its router on the input."""

    def __init__(
        self, width: int, num_tasks: int, config: MultiTaskHeadConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.experts = BatchedLinear(1, config.num_experts, width, config.hidden, generator)
        self.routers = BatchedLinear(1, num_tasks, width, config.num_experts, generator)
        self.towers = Towers(num_tasks, config.hidden, config.tower, generator)

    def routing(self, x_BD: Tensor) -> Tensor:
        """Return the weight of each expert for each task, ``(B, K, E)``; rows sum to 1."""
        logit_BKE: Tensor = self.routers(x_BD[:, None])[:, 0]
        return logit_BKE.softmax(dim=-1)

    @override
    def forward(self, x_BD: Tensor) -> Tensor:
        expert_BEH = self.experts(x_BD[:, None])[:, 0].relu()
        out_BK: Tensor = self.towers(torch.bmm(self.routing(x_BD), expert_BEH))
        return out_BK

    @override
    def shared_parameters(self) -> list[nn.Parameter]:
        return list(self.experts.parameters())


class CGC(nn.Module):
    """One level of PLE: each task mixes its own experts and the shared ones.

    Args:
        width: of the inputs of a level.
        num_tasks: K.
        config: numbers of experts and their width.
        last: whether nothing reads the shared output, so that it has no router.
        generator: the weights are drawn from it.
    """

    def __init__(
        self,
        width: int,
        num_tasks: int,
        config: MultiTaskHeadConfig,
        generator: torch.Generator,
        *,
        last: bool,
    ) -> None:
        super().__init__()
        own, shared, hidden = config.num_own, config.num_shared, config.hidden
        self.own = BatchedLinear(num_tasks, own, width, hidden, generator) if own else None
        self.shared = BatchedLinear(1, shared, width, hidden, generator)
        self.routers = BatchedLinear(num_tasks, 1, width, own + shared, generator)
        everything = num_tasks * own + shared
        self.shared_router = None if last else BatchedLinear(1, 1, width, everything, generator)

    def forward(self, task_BKD: Tensor, shared_BD: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return each task's mixture, ``(B, K, H)``, and the shared one, ``(B, H)``."""
        shared_BEH = self.shared(shared_BD[:, None])[:, 0].relu()
        weight_BKX = self.routers(task_BKD)[:, :, 0].softmax(dim=-1)
        num_own = weight_BKX.shape[2] - shared_BEH.shape[1]
        mixed_BKH = torch.bmm(weight_BKX[:, :, num_own:], shared_BEH)
        every_BXH = shared_BEH
        if self.own is not None:
            own_BKNH = self.own(task_BKD).relu()
            mixed_BKH = mixed_BKH + torch.einsum(
                "bkn,bknh->bkh", weight_BKX[:, :, :num_own], own_BKNH
            )
            every_BXH = torch.cat([own_BKNH.flatten(1, 2), shared_BEH], dim=1)
        if self.shared_router is None:
            return mixed_BKH, None
        weight_B1X = self.shared_router(shared_BD[:, None])[:, 0].softmax(dim=-1)
        return mixed_BKH, torch.bmm(weight_B1X, every_BXH)[:, 0]


class PLE(_WithTowers):
    """Progressive layered extraction: CGC levels, then a tower for each task."""

    def __init__(
        self, width: int, num_tasks: int, config: MultiTaskHeadConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.num_tasks = num_tasks
        widths = [width, *[config.hidden] * (config.num_levels - 1)]
        self.levels = nn.ModuleList(
            CGC(w, num_tasks, config, generator, last=level == config.num_levels - 1)
            for level, w in enumerate(widths)
        )
        self.towers = Towers(num_tasks, config.hidden, config.tower, generator)

    @override
    def forward(self, x_BD: Tensor) -> Tensor:
        task_BKD, shared_BD = x_BD[:, None].expand(-1, self.num_tasks, -1), x_BD
        for level in self.levels:
            task_BKD, shared_BD = level(task_BKD, shared_BD)
        out_BK: Tensor = self.towers(task_BKD)
        return out_BK

    @override
    def shared_parameters(self) -> list[nn.Parameter]:
        *below, last = self.levels
        # What a lower level's shared router mixes reaches every task; a task's router does not.
        found = [
            parameter
            for level in below
            for part in (level.own, level.shared, level.shared_router)
            if isinstance(part, nn.Module)
            for parameter in part.parameters()
        ]
        assert isinstance(last, CGC)
        return [*found, *last.shared.parameters()]


def multi_task_head(
    config: MultiTaskHeadConfig, width: int, num_tasks: int, generator: torch.Generator
) -> MultiTaskHead:
    """Return a head whose first weights come from the generator alone.

    Args:
        config: which head, and its sizes.
        width: of the representation.
        num_tasks: K; 1 makes the control of one task with the same experts.
        generator: the weights are drawn from it.

    Raises:
        UsageError: no task, or a representation without width.
    """
    if min(width, num_tasks) < 1:
        raise UsageError(
            f"a head needs a width and tasks of 1 or more, got {width} and {num_tasks}"
        )
    if config.head == "linear":
        return LinearTowers(width, num_tasks, generator)
    types: dict[str, type[SharedBottom | MMoE | PLE]] = {
        "shared": SharedBottom,
        "mmoe": MMoE,
        "ple": PLE,
    }
    return types[config.head](width, num_tasks, config, generator)
