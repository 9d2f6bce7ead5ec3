"""What balances routers without a loss: their biases, moved once after each step (A-S13)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist

from habitus.encoders import UserEncoder
from habitus.objectives import Loss
from habitus.objectives.split import ALONE
from habitus.training.distributed import peers


def rebalance(encoder: UserEncoder, losses: Sequence[Loss]) -> None:
    """Hand the encoder the mean share of each expert over the batches of a step.

    Over those of all processes, so that each moves its biases alike. Nothing where nothing is
    routed.
    """
    names = list(losses[0].shares)
    if not names:
        return
    means = [torch.stack([loss.shares[name] for loss in losses]).mean(0) for name in names]
    if peers() is not ALONE:
        flat = torch.cat(means)
        dist.all_reduce(flat)
        means = list(torch.split(flat / dist.get_world_size(), [len(mean) for mean in means]))
    encoder.rebalance(dict(zip(names, means, strict=True)))
