"""Rows that go from each process to each other one, with a gradient that goes back the same way.

``all_to_all_single`` of ``torch.distributed`` with parts of unequal size. Its own version with a
gradient is deprecated, and the one that is named in its place is private.

Shapes: S rows sent, R rows received, W processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Group = dist.ProcessGroup | None
"""None is the default group."""


def world_of(group: Group = None) -> int:
    """Return how many processes a group has; 1 where ``torch.distributed`` was not started."""
    several = dist.is_available() and dist.is_initialized()
    return dist.get_world_size(group) if several else 1


def rank_of(group: Group = None) -> int:
    """Return the place of this process in a group; 0 where there is one."""
    return dist.get_rank(group) if world_of(group) > 1 else 0


def exchange_sizes(sent_W: Sequence[int], device: torch.device, group: Group = None) -> list[int]:
    """Return how many rows each process will send to this one, which sends ``sent_W`` of them."""
    sent = torch.tensor(sent_W, dtype=torch.long, device=device)
    received = torch.empty_like(sent)
    dist.all_to_all_single(received, sent, group=group)
    sizes: list[int] = received.tolist()
    return sizes


def exchange(
    x_S: Tensor, sent_W: Sequence[int], received_W: Sequence[int], group: Group = None
) -> Tensor:
    """Return ``(R, …)``: the first ``sent_W[0]`` rows go to process 0, the next to 1, and so on.

    All processes of the group call it, and the backward pass through it, the same number of times;
    what a process received nothing for takes part with no row.
    """
    x_R: Tensor = _Exchange.apply(x_S, list(sent_W), list(received_W), group)  # type: ignore[no-untyped-call]
    return x_R


class _Exchange(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x_S: Tensor,
        sent_W: list[int],
        received_W: list[int],
        group: Group,
    ) -> Tensor:
        ctx.way_back = (received_W, sent_W, group)
        return _send(x_S, sent_W, received_W, group)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        return _send(grads[0], *ctx.way_back), None, None, None


def _send(x_S: Tensor, sent_W: list[int], received_W: list[int], group: Group) -> Tensor:
    x_R = x_S.new_empty(sum(received_W), *x_S.shape[1:])
    dist.all_to_all_single(x_R, x_S.contiguous(), received_W, sent_W, group=group)
    return x_R
