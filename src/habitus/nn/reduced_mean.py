"""Means over the targets of all processes, not over the means of each.

SUPERMOE eq. 3 and A-S6: the mean of a task is over all users in its sample space, wherever they
are. A process with two targets of a task and one with two hundred must not weigh the same, which
is what the average of their own means would give.

Shapes: K tasks.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from habitus.nn.exchange import Group, world_of


def reduced_mean(sum_K: Tensor, count_K: Tensor, group: Group = None) -> tuple[Tensor, Tensor]:
    """Return the mean of each task and the number of its targets, over all processes, ``(K)`` each.

    Both are the same in all processes; a task without any target has mean 0. The gradient is such
    that its *average* over processes, which is what training takes, is that of one process with
    all targets; nothing is exchanged backward. In one process it is a plain mean. All processes
    call it the same number of times, one without targets as well.

    >>> reduced_mean(torch.tensor([6.0, 0.0]), torch.tensor([3, 0]))
    (tensor([2., 0.]), tensor([3, 0]))
    """
    world = world_of(group)
    if world == 1:
        return sum_K / count_K.clamp(min=1), count_K
    # Counts beside sums in one message: in doubles, where whole numbers stay whole.
    both_2K = torch.stack([sum_K.detach().double(), count_K.double()])
    dist.all_reduce(both_2K, group=group)
    all_K = both_2K[1].to(count_K.dtype)
    share_K = (1 / both_2K[1].clamp(min=1)).to(sum_K.dtype)
    mean_K: Tensor = _Mean.apply(sum_K, both_2K[0].to(sum_K.dtype) * share_K, world * share_K)  # type: ignore[no-untyped-call]
    return mean_K, all_K


class _Mean(torch.autograd.Function):
    """A value that is known, with the gradient of ``sum_K * slope_K``."""

    @staticmethod
    def forward(ctx: Any, sum_K: Tensor, value_K: Tensor, slope_K: Tensor) -> Tensor:  # noqa: ANN401, ARG004
        ctx.save_for_backward(slope_K)
        return value_K

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (slope_K,) = ctx.saved_tensors
        return grads[0] * slope_K, None, None
