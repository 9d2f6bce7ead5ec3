"""Weighted sums of losses: eq. 8 of PASUM, of one batch and of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from habitus.objectives.base import Loss

Part = tuple[Tensor, Tensor]
"""A mean, and how many targets it is a mean of."""


def weighted(parts: Mapping[str, Part], weights: Mapping[str, float]) -> Loss:
    """Return the sum of the parts that have a weight; the others are only reported."""
    terms = [weights[name] * mean for name, (mean, _) in parts.items() if name in weights]
    total = torch.stack(terms).sum()
    means = {name: mean.detach() for name, (mean, _) in parts.items()}
    return Loss(total, means, {name: count for name, (_, count) in parts.items()})


def mean_loss(losses: Sequence[Loss], weights: Mapping[str, float]) -> Loss:
    """Return the loss over several batches: each part a mean over all its targets."""
    parts: dict[str, Part] = {}
    for name in losses[0].parts:
        count_B = torch.stack([loss.counts[name] for loss in losses])
        mean_B = torch.stack([loss.parts[name] for loss in losses])
        parts[name] = ((mean_B * count_B).sum() / count_B.sum().clamp(min=1), count_B.sum())
    return weighted(parts, weights)


def mean_of(value_B: Tensor) -> Part:
    """Return the mean and the count; 0 of nothing, with a gradient of 0."""
    count = torch.tensor(len(value_B), device=value_B.device)
    return value_B.sum() / count.clamp(min=1), count
