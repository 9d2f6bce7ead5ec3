"""Several processes that share a step: rows gathered with their gradient, and gradients averaged.

``torchrun --nproc-per-node 2 -m -- habitus.cli pretrain …`` starts them; each trains on batches of
its own, and what they wish, such as to stop, they agree on.

A-C11: each process compares its users with those of all, and what the others do with its rows comes
back to it; the result is that of one process with all users. (open_clip: local loss and gather with
gradient.)

Shapes: R rows of this process, C rows of all processes, W processes.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.objectives.split import ALONE, Peers
from habitus.training.shards import average_shards, sharded_tables


class Processes:
    """The processes of the default group of ``torch.distributed``; batches may differ in size."""

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.world = dist.get_world_size()

    def gather(self, x_R: Tensor) -> Tensor:
        """Return the rows of all processes, by rank, with a gradient if ``x_R`` has one."""
        rows_C: Tensor = _Gather.apply(x_R)  # type: ignore[no-untyped-call]
        return rows_C


def peers() -> Peers:
    """Return who shares a step: the processes where there are several."""
    several = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
    return Processes() if several else ALONE


def average_gradients(modules: nn.Module) -> None:
    """Make every gradient the mean over processes; nothing where there is one.

    Of a sharded table no other process has the rows: its gradient is divided only.

    Raises:
        UsageError: a table has sparse gradients.
    """
    if peers() is ALONE:
        return
    average_shards(modules)
    shards = {id(table.weight) for table in sharded_tables(modules)}
    weights = [p for p in modules.parameters() if p.requires_grad and id(p) not in shards]
    if not weights:
        return
    # A process may not have met a weight, and all have to speak of the same.
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
    if any(gradient.is_sparse for gradient in gradients):
        raise UsageError("tables with sparse gradients train in one process: set sparse to false")
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    parts = torch.split(flat, [weight.numel() for weight in weights])
    for weight, mean in zip(weights, parts, strict=True):
        weight.grad = mean.view_as(weight).to(weight.dtype)


@contextmanager
def processes() -> Iterator[None]:
    """Join the processes that ``torchrun`` started, where it did, and part from them at the end.

    Nothing is done in a process of its own, nor where ``torch.distributed`` was started already.
    """
    started = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if not started or not dist.is_available() or dist.is_initialized():
        yield
        return
    # Negatives are drawn on the CPU, wherever the weights are.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        # Whatever still holds the group would keep its threads beyond the interpreter's end.
        gc.collect()
        dist.destroy_process_group()


def is_first() -> bool:
    """Return whether this is the first of the processes that ``torchrun`` started, or the only one.

    Known from the start: what all would write the same, one writes.
    """
    return os.environ.get("RANK", "0") == "0"


def device_of_process(name: str) -> str:
    """Return ``cuda`` as that of this process among those of its machine; others as they are.

    >>> device_of_process("cpu")
    'cpu'
    """
    several = peers() is not ALONE
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if several and name == "cuda" else name


@contextmanager
def first_alone() -> Iterator[None]:
    """Let the first process do something before the others do: what is kept is then found."""
    shared = peers()
    if shared is not ALONE and shared.rank > 0:
        dist.barrier()
    yield
    if shared is not ALONE and shared.rank == 0:
        dist.barrier()


def any_wishes(*wishes: bool) -> tuple[bool, ...]:
    """Return which of the wishes any process has: the same answer everywhere."""
    if peers() is ALONE:
        return wishes
    votes = torch.tensor([int(wish) for wish in wishes])
    dist.all_reduce(votes)
    return tuple(vote > 0 for vote in votes.tolist())


def least(number: int) -> int:
    """Return the least number that any process has."""
    if peers() is ALONE:
        return number
    found = torch.tensor(number)
    dist.all_reduce(found, dist.ReduceOp.MIN)
    return int(found)


@torch.no_grad()
def same_weights(modules: nn.Module) -> None:
    """Give all processes the weights and buffers of the first, but for shards of tables."""
    if peers() is ALONE:
        return
    shards = {id(table.weight) for table in sharded_tables(modules)}
    for tensor in (*modules.parameters(), *modules.buffers()):
        if id(tensor) not in shards:
            dist.broadcast(tensor, 0)


class _Gather(torch.autograd.Function):
    """All rows forward; backward, the sum over processes of the gradients of one's own rows."""

    @staticmethod
    def forward(ctx: Any, x_R: Tensor) -> Tensor:  # noqa: ANN401
        world, rank = dist.get_world_size(), dist.get_rank()
        size = torch.tensor([len(x_R)], device=x_R.device)
        sizes_W = [torch.zeros_like(size) for _ in range(world)]
        dist.all_gather(sizes_W, size)
        rows_W = [int(rows) for rows in sizes_W]
        # Collectives want equal shapes.
        filled = x_R.new_zeros(max(rows_W), *x_R.shape[1:])
        filled[: len(x_R)] = x_R
        found = [torch.empty_like(filled) for _ in range(world)]
        dist.all_gather(found, filled)
        ctx.span = (sum(rows_W[:rank]), sum(rows_W[: rank + 1]))
        return torch.cat([part[:rows] for part, rows in zip(found, rows_W, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # noqa: ANN401
        grad_C = grads[0].contiguous().clone()
        dist.all_reduce(grad_C)
        start, stop = ctx.span
        return grad_C[start:stop]
