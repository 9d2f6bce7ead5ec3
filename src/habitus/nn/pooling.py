"""Pooling of packed sequences: one vector per sequence (A-S17).

Shapes: T tokens, U sequences, D width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from habitus.nn.attention import PackedLayout

Pooling = Literal["max", "mean", "sum", "max_mean", "max_sum"]


def pool(x_TD: Tensor, layout: PackedLayout, pooling: Pooling) -> Tensor:
    """Return ``(U, D)``, or ``(U, 2 D)`` for two poolings; a row of zeros for an empty sequence.

    ``sum`` is ``sign(s) · log(1 + |s|)`` of the sum ``s``: it tells long from short histories.
    """
    parts = [_reduce(x_TD, layout, name) for name in pooling.split("_")]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def weighted_mean(x_TD: Tensor, layout: PackedLayout, weight_T: Tensor) -> Tensor:
    """Return ``(U, D)``: the mean of each sequence by weights above 0; none may be empty."""
    share_T = weight_T / weight_sums(weight_T, layout).repeat_interleave(
        layout.lengths_U.to(x_TD.device)
    )
    lengths_U = layout.lengths_U.to(x_TD.device)
    return torch.segment_reduce(x_TD * share_T[:, None], "sum", lengths=lengths_U, unsafe=True)


def weight_sums(weight_T: Tensor, layout: PackedLayout) -> Tensor:
    """Return the sum of the weights of each sequence, ``(U)``."""
    lengths_U = layout.lengths_U.to(weight_T.device)
    return torch.segment_reduce(weight_T, "sum", lengths=lengths_U, unsafe=True)


def pooled_width(width: int, pooling: Pooling) -> int:
    """Return the width of what :func:`pool` returns."""
    return width * len(pooling.split("_"))


def _reduce(x_TD: Tensor, layout: PackedLayout, reduce: str) -> Tensor:
    lengths_U = layout.lengths_U.to(x_TD.device)
    pooled_UD = torch.segment_reduce(x_TD, reduce, lengths=lengths_U, unsafe=True)
    if reduce == "sum":
        # A long history counts for more, but not in proportion.
        pooled_UD = pooled_UD.sign() * pooled_UD.abs().log1p()
    return pooled_UD.masked_fill((lengths_U == 0)[:, None], 0.0)
