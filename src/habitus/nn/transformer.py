"""Pre-norm Transformer block over packed sequences, shared by every encoder of the house.

A-S14: ``num_ffn`` feed-forward sub-layers follow the attention; A-S15: a pre-LN residual around
every sub-layer. S8: the feed-forward layer is ``W_o ReLU(W_i x)``; A-C4: GELU, and weights that
begin as those of GPT-2.

Shapes: T tokens, D width, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import gelu

from habitus.nn.attention import PackedAttention, PackedLayout

Activation = Literal["relu", "gelu"]
INIT_STD = 0.02


class FeedForward(nn.Module):
    """``W_o ReLU(W_i x)`` on each token, or GELU in its place."""

    def __init__(
        self, width: int, hidden: int, dropout: float = 0.0, activation: Activation = "relu"
    ) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)
        self.activation = activation

    def forward(self, x_TD: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        inner_TH = self.inner(x_TD)
        inner_TH = inner_TH.relu() if self.activation == "relu" else gelu(inner_TH)
        out_TD: Tensor = self.outer(self.dropout(inner_TH))
        return out_TD


class TransformerBlock(nn.Module):
    """Attention, then ``num_ffn`` feed-forward layers, each a residual on a normalised input."""

    def __init__(
        self,
        width: int,
        hidden: int,
        num_heads: int,
        *,
        num_ffn: int = 1,
        dropout: float = 0.0,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = PackedAttention(width, num_heads)
        self.ffn_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(num_ffn))
        self.ffns = nn.ModuleList(
            FeedForward(width, hidden, dropout, activation) for _ in range(num_ffn)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_TD: Tensor, layout: PackedLayout) -> Tensor:
        """Return ``(T, D)``."""
        x_TD = x_TD + self.dropout(self.attention(self.attention_norm(x_TD), layout))
        for norm, ffn in zip(self.ffn_norms, self.ffns, strict=True):
            x_TD = x_TD + self.dropout(ffn(norm(x_TD)))
        return x_TD


def init_normal(blocks: Sequence[TransformerBlock], std: float = INIT_STD) -> None:
    """Draw the matrices of a stack from N(0, std²), with biases of 0 (A-C4, GPT-2).

    What is added to the residual stream begins smaller by √n, ``n`` additions in all: √(2L) in a
    stack of ``L`` blocks with one feed-forward layer each.
    """
    additions = sum(1 + len(block.ffns) for block in blocks)
    for block in blocks:
        adding = {id(block.attention.output), *(id(ffn.outer) for ffn in block.ffns)}
        for module in block.modules():
            if isinstance(module, nn.Linear):
                scale = additions**-0.5 if id(module) in adding else 1.0
                nn.init.normal_(module.weight, std=std * scale)
                nn.init.zeros_(module.bias)


def block_flops(
    num_tokens: int, sum_squared_lengths: int, width: int, hidden: int, num_ffn: int
) -> float:
    """Return operations of one forward pass of a block (floors.md E3): 8TD² + 4ΣL²D + 4·n·TDH."""
    projections = 8 * num_tokens * width**2
    attention = 4 * sum_squared_lengths * width
    return float(projections + attention + 4 * num_ffn * num_tokens * width * hidden)
