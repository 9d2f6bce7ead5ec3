"""Sequences of any length → one vector each: blocks, a last norm, the mean over what is there.

CLUE eq. 1 and 2 (C7, C8): the form of both the Item and the Service Transformer. A-C3: the mean is
over real tokens only; A-C4: learned positions, pre-LN, GELU, weights from N(0, 0.02).

Shapes: T tokens of all sequences, B sequences, D width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from habitus.nn.attention import PackedLayout
from habitus.nn.pooling import pool, weighted_mean
from habitus.nn.transformer import INIT_STD, TransformerBlock, block_flops, init_normal

Positions = Literal["learned", "none"]


class MeanTransformer(nn.Module):
    """A stack of blocks over packed sequences, and the mean of each sequence.

    Args:
        width: of tokens and of results.
        hidden: of feed-forward layers.
        num_heads: of attention.
        num_layers: blocks; with 0 it is the mean of normalised tokens.
        max_length: positions that are told apart; all beyond are the last.
        from_end: count positions from the last token, which is 0.
        positions: none for sequences as sets.
        dropout: on what comes in, and in the blocks.
        normed: normalise what blocks make before the mean, as pre-norm stacks do; without it, a
            vector's length says how much it counts.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        num_heads: int,
        num_layers: int,
        *,
        max_length: int,
        from_end: bool = False,
        positions: Positions = "learned",
        dropout: float = 0.0,
        normed: bool = True,
    ) -> None:
        super().__init__()
        self.width, self.hidden = width, hidden
        self.max_length, self.from_end = max_length, from_end
        self.positions = nn.Embedding(max_length, width) if positions == "learned" else None
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=INIT_STD)
        self.dropout = nn.Dropout(dropout)
        blocks = [
            TransformerBlock(width, hidden, num_heads, dropout=dropout, activation="gelu")
            for _ in range(num_layers)
        ]
        init_normal(blocks)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width) if normed else nn.Identity()

    def forward(
        self,
        x_TD: Tensor,
        layout: PackedLayout,
        step: int = 0,
        weight_T: Tensor | None = None,
    ) -> Tensor:
        """Return the mean of each sequence, ``(B, D)``; none of them may be empty.

        Args:
            x_TD: tokens, sequence by sequence.
            layout: where sequences lie.
            step: tokens that pass through the blocks at a time, as whole sequences, so that they
                stay in the cache of a CPU; 0 for all.
            weight_T: of each token in the mean, above 0; None for equal weights.
        """
        if self.positions is not None:
            x_TD = x_TD + self.positions(self._places(layout))
        x_TD = self.dropout(x_TD)
        spans = list(layout.steps(step))
        if len(spans) < 2:
            return self._means(x_TD, layout, weight_T)
        parts = [layout.part(*span) for span in spans]
        sizes = [part.num_tokens for part in parts]
        weights = [None] * len(parts) if weight_T is None else torch.split(weight_T, sizes)
        taken = zip(torch.split(x_TD, sizes), parts, weights, strict=True)
        return torch.cat([self._means(*each) for each in taken])

    @property
    def is_plain(self) -> bool:
        """Whether it is the mean of what comes in, and nothing else."""
        adds = self.positions is not None or bool(len(self.blocks))
        drops = self.training and self.dropout.p > 0
        return not adds and not drops and isinstance(self.norm, nn.Identity)

    def flops(self, num_tokens: int, sum_squared_lengths: int) -> float:
        """Return operations of one forward pass (floors.md E2)."""
        one = block_flops(num_tokens, sum_squared_lengths, self.width, self.hidden, 1)
        return len(self.blocks) * one

    def _means(self, x_TD: Tensor, layout: PackedLayout, weight_T: Tensor | None) -> Tensor:
        if not len(x_TD):
            return x_TD
        for block in self.blocks:
            x_TD = block(x_TD, layout)
        if weight_T is None:
            return pool(self.norm(x_TD), layout, "mean")
        return weighted_mean(self.norm(x_TD), layout, weight_T)

    def _places(self, layout: PackedLayout) -> Tensor:
        place_T = torch.arange(layout.num_tokens)
        if self.from_end:
            place_T = layout.offsets_U1[1:].repeat_interleave(layout.lengths_U) - 1 - place_T
        else:
            place_T = place_T - layout.offsets_U1[:-1].repeat_interleave(layout.lengths_U)
        return place_T.clamp(max=self.max_length - 1).to(layout.device)
