"""Optimiser: which weights decay, at which rate each group moves, and the limit on the gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer, SparseAdam

from habitus.errors import UsageError
from habitus.training.config import TrainingConfig
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from habitus.training.shards import norm_over_shards, sharded_tables

GroupName = Literal["decay", "no_decay", "embedding", "sparse"]
Named = list[tuple[str, nn.Parameter]]


class Optimizers:
    """AdamW for dense weights and, where there are tables with sparse gradients, one for those.

    Args:
        modules: whose trainable weights are updated; a shared weight counts once.
        config: rates, decay, clip.

    Raises:
        UsageError: nothing to train.
    """

    def __init__(self, modules: nn.Module, config: TrainingConfig) -> None:
        groups = parameter_groups(modules, decay_all=config.decay_all)
        if not any(groups.values()):
            raise UsageError("there is nothing to train: no parameter requires a gradient")
        self.config = config
        self.parameters = [p for named in groups.values() for _, p in named]
        self.shards = {id(table.weight) for table in sharded_tables(modules)}
        self.optimizers: dict[str, Optimizer] = {}
        self.names: dict[str, list[str]] = {}
        apart = ["sparse"]
        if config.table_optimizer == "row_wise_adagrad" and groups["embedding"]:
            apart.append("embedding")
            tables = [p for _, p in groups["embedding"]]
            adagrad = RowWiseAdagrad(tables, lr=config.sparse_learning_rate)
            self._add("tables", adagrad, [groups["embedding"]])
        dense = {n: named for n, named in groups.items() if n not in apart and named}
        if dense:
            self._add("adamw", _adamw(dense, config), dense.values())
        if groups["sparse"]:
            tables = [p for _, p in groups["sparse"]]
            self._add("sparse", _sparse(tables, config), [groups["sparse"]])

    def _add(self, name: str, optimizer: Optimizer, groups: Iterable[Named]) -> None:
        for group in optimizer.param_groups:
            group["highest_lr"] = group["lr"]
        self.optimizers[name] = optimizer
        self.names[name] = [n for named in groups for n, _ in named]

    def set_rate(self, multiplier: float) -> float:
        """Set each group's learning rate to a share of its highest; return the main one."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["highest_lr"] * multiplier
        return self.config.learning_rate * multiplier

    def clip(self) -> Tensor:
        """Return the norm of the whole gradient, and shorten the gradient where it is too long."""
        found = [(p, _values(p)) for p in self.parameters if p.grad is not None]
        gradients = [gradient for _, gradient in found]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.shards:
            own = [gradient for p, gradient in found if id(p) not in self.shards]
            norm = norm_over_shards(own, [g for p, g in found if id(p) in self.shards])
        if self.config.clip_norm is not None:
            # A norm of zero is left alone, and a NaN stays one and is found by the caller.
            shrink = torch.clamp(self.config.clip_norm / (norm + 1e-6), max=1.0)
            torch._foreach_mul_(gradients, shrink)
        return norm

    def step(self) -> None:
        """Update the weights."""
        for optimizer in self.optimizers.values():
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)


def parameter_groups(modules: nn.Module, *, decay_all: bool = False) -> dict[GroupName, Named]:
    """Return every trainable parameter once, by the group it belongs to.

    decay: matrices; no_decay: norms, biases, scalars; embedding: lookup tables; sparse: lookup
    tables that were made with ``sparse=True``. A table that is also a matrix elsewhere is a table.

    Args:
        modules: whose parameters.
        decay_all: norms and biases are in decay, too: only scalars are not.
    """
    least = 1 if decay_all else 2
    tables: dict[int, GroupName] = {}
    for module in modules.modules():
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
            tables[id(module.weight)] = "sparse" if module.sparse else "embedding"
    groups: dict[GroupName, Named] = {"decay": [], "no_decay": [], "embedding": [], "sparse": []}
    for name, parameter in modules.named_parameters():
        if parameter.requires_grad:
            usual: GroupName = "decay" if parameter.ndim >= least else "no_decay"
            groups[tables.get(id(parameter), usual)].append((name, parameter))
    return groups


def _adamw(groups: Mapping[Any, Named], config: TrainingConfig) -> AdamW:
    table_rate = config.embedding_learning_rate or config.learning_rate
    decayed = ("decay", "embedding") if config.decay_all else ("decay",)
    settings: list[dict[str, Any]] = [
        {
            "params": [p for _, p in named],
            "lr": table_rate if name == "embedding" else config.learning_rate,
            "weight_decay": config.weight_decay if name in decayed else 0.0,
        }
        for name, named in groups.items()
    ]
    devices = {p.device.type for named in groups.values() for _, p in named}
    # One kernel for all weights; on a CPU it took a quarter of the time of the loop.
    fused = devices <= {"cpu", "cuda"}
    return AdamW(settings, betas=config.betas, eps=config.eps, fused=fused)


def _sparse(tables: list[nn.Parameter], config: TrainingConfig) -> Optimizer:
    if config.sparse_optimizer == "row_wise_adagrad":
        return RowWiseAdagrad(tables, lr=config.sparse_learning_rate)
    return SparseAdam(tables, lr=config.sparse_learning_rate, betas=config.betas, eps=config.eps)


def _values(parameter: nn.Parameter) -> Tensor:
    """Return the gradient's numbers, in place: of a sparse one those that are there."""
    assert parameter.grad is not None
    if not parameter.grad.is_sparse:
        return parameter.grad
    parameter.grad = parameter.grad.coalesce()
    return parameter.grad.values()
