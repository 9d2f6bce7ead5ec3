"""Feed-forward layer of a Transformer: ``W_o ReLU(W_i x)`` on each token (SUPERMOE S8).

Shapes: T tokens, D width, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

Activation = Literal["relu", "gelu"]
ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "gelu": gelu}


class FeedForward(nn.Module):
    """``W_o ReLU(W_i x)`` on each token, or GELU in its place."""

    def __init__(
        self, width: int, hidden: int, dropout: float = 0.0, activation: Activation = "relu"
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)
        self.activation: Activation = activation

    def forward(self, x_TD: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        inner_TH = ACTIVATIONS[self.activation](self.inner(x_TD))
        out_TD: Tensor = self.outer(self.dropout(inner_TH))
        return out_TD
