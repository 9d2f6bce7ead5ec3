"""Sharded tables in a step: their gradients as means over processes, and their part of the norm.

Towers are the same in all processes and their gradients are averaged; of a sharded table each
process has other rows, and the exchange has added up already what all processes say of them
(``spec``: tables model-parallel, towers data-parallel). What is left is to divide, so that both are
gradients of the same loss: the mean of the losses of all processes.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from habitus.nn.exchange import Group, world_of
from habitus.nn.sharded_table import ShardedTable


def sharded_tables(modules: nn.Module) -> list[ShardedTable]:
    """Return the tables of which this process holds a part only."""
    tables = (module for module in modules.modules() if isinstance(module, ShardedTable))
    return [table for table in tables if table.layout.world > 1]


def spread(module: nn.Module, name: str) -> None:
    """Put a sharded table in the place of a plain one: the rows of this process stay, no others.

    Args:
        module: that has the table.
        name: of the table in it.
    """
    table = getattr(module, name)
    assert isinstance(table, nn.Embedding)
    weight_VD = table.weight.detach()
    num_rows, dim = weight_VD.shape
    shard = ShardedTable(num_rows, dim, std=0, dtype=weight_VD.dtype, device=weight_VD.device)
    shard.take(weight_VD)
    setattr(module, name, shard)


def collect(modules: nn.Module) -> None:
    """Put plain tables in the place of sharded ones, whole in the first process.

    All processes call it. Others keep no row: their tables can be used for nothing.
    """
    for path, table in list(modules.named_modules()):
        if isinstance(table, ShardedTable):
            whole_VD = table.whole()
            parent, _, name = path.rpartition(".")
            plain = nn.Embedding(len(whole_VD), table.embedding_dim, _weight=whole_VD)
            setattr(modules.get_submodule(parent), name, plain)


def average_shards(modules: nn.Module) -> None:
    """Make the gradient of every sharded table that of the mean of the losses of all processes."""
    for table in sharded_tables(modules):
        if table.weight.grad is not None:
            gradient = table.weight.grad.coalesce()
            gradient.values().div_(table.layout.world)
            table.weight.grad = gradient


def norm_over_shards(
    own: Iterable[Tensor], shards: Iterable[Tensor], group: Group = None
) -> Tensor:
    """Return the norm of the whole gradient, the same number in all processes.

    Args:
        own: gradients that are the same in all processes.
        shards: gradients of the rows of this process; the values alone of sparse ones.
        group: who shares the tables.
    """
    shard_norm = torch.nn.utils.get_total_norm(list(shards))
    if world_of(group) > 1:
        square = shard_norm.float().square()
        dist.all_reduce(square, group=group)
        shard_norm = square.sqrt()
    own_norm = torch.nn.utils.get_total_norm(list(own)).to(shard_norm.device)
    return torch.hypot(own_norm.float(), shard_norm.float())
