"""The sampled softmax on a table that is spread over processes.

A-S4, as :mod:`habitus.nn.sampled_softmax`: shared negatives, logits corrected by ``log(S · q)``.
Here the rows of targets and negatives come by one lookup of a table that this process need not
hold, and all processes take the same negatives, so that many are one with all targets.

Shapes: B targets of this process, V tokens, S negatives, A both together, E width.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from habitus.nn.exchange import Group, world_of
from habitus.nn.sampled_softmax import cross_entropy_of_rows, draw_negatives


def shared_negatives(
    num_samples: int, num_tokens: int, generator: torch.Generator, group: Group = None
) -> Tensor:
    """Return log-uniform tokens, the same in all processes, ``(S)``: those that the first draws.

    Every process draws, so that generators that were alike stay alike.
    """
    negative_S = draw_negatives(num_samples, num_tokens, generator)
    if world_of(group) > 1:
        dist.broadcast(negative_S, group=group, group_src=0)
    return negative_S


def sampled_loss(
    query_BE: Tensor,
    table: nn.Embedding,
    bias: nn.Embedding,
    target_B: Tensor,
    negative_S: Tensor,
    *,
    num_tokens: int,
    first_row: int = 0,
) -> Tensor:
    """Return the loss of each target, ``(B)``; the same as from whole tables in one place.

    Args:
        query_BE: what the target's row is to be like.
        table: sharded or not; all channels may share it.
        bias: of each row of the table, a table of width 1.
        target_B: tokens of the channel, from 0.
        negative_S: of :func:`shared_negatives`.
        num_tokens: ``V`` of the channel; tokens stand by descending frequency.
        first_row: where the channel starts in the table.
    """
    row_A = torch.cat([target_B, negative_S]) + first_row
    sizes = [len(target_B), len(negative_S)]
    row_BE, row_SE = table(row_A).split(sizes)
    bias_B, bias_S = bias(row_A).squeeze(1).split(sizes)
    return cross_entropy_of_rows(
        query_BE, (row_BE, bias_B), (row_SE, bias_S), target_B, negative_S, num_tokens
    )
