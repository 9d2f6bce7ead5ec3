"""Multi-channel feature projection (MFP): the channels of an event → one vector.

SUPERMOE eq. 4. Token channels share one table with an offset each and are fetched by one gather;
a dense channel is ``value · direction + embedding of its state``; the concatenation goes through
Linear → LayerNorm → GELU.

Differs from the paper: applied once, at the input (A-S7); ``split`` is a plain table on one device
(A-S9); gap, age and position of the event are channels too (A-S8).

Shapes: T events, C token channels, F dense channels, E width of one channel, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

DENSE_STATES = 3
"""Present, missing, masked."""


class ChannelProjection(nn.Module):
    """Concatenated channel embeddings, projected to the width of the encoder."""

    token_offset_C: Tensor
    state_offset_F: Tensor

    def __init__(
        self, num_tokens_C: Sequence[int], num_dense: int, channel_dim: int, width: int
    ) -> None:
        super().__init__()
        sizes = torch.tensor([*num_tokens_C, *[DENSE_STATES] * num_dense], dtype=torch.long)
        offsets = sizes.cumsum(0) - sizes
        num_channels = len(num_tokens_C)
        self.register_buffer("token_offset_C", offsets[:num_channels], persistent=False)
        self.register_buffer("state_offset_F", offsets[num_channels:], persistent=False)
        self.table = nn.Embedding(int(sizes.sum()), channel_dim)
        nn.init.normal_(self.table.weight, std=channel_dim**-0.5)
        self.direction_FE = nn.Parameter(torch.randn(num_dense, channel_dim) * channel_dim**-0.5)
        self.project = nn.Sequential(
            nn.Linear(len(sizes) * channel_dim, width), nn.LayerNorm(width), nn.GELU()
        )

    def forward(self, tokens_TC: Tensor, dense_TF: Tensor, state_TF: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        places = [tokens_TC + self.token_offset_C, state_TF + self.state_offset_F]
        embedded = self.table(torch.cat(places, dim=1))
        num_tokens = tokens_TC.shape[1]
        dense_TFE = embedded[:, num_tokens:] + dense_TF[:, :, None] * self.direction_FE
        joined = torch.cat([embedded[:, :num_tokens], dense_TFE], dim=1)
        out_TD: Tensor = self.project(joined.flatten(1))
        return out_TD

    def token_embeddings(self, tokens_TC: Tensor) -> Tensor:
        """Return the embeddings of the first ``C`` token channels side by side, ``(T, C · E)``."""
        offsets_C = self.token_offset_C[: tokens_TC.shape[1]]
        embedded_TCE: Tensor = self.table(tokens_TC + offsets_C)
        return embedded_TCE.flatten(1)

    def channel_table(self, channel: int, num_tokens: int) -> Tensor:
        """Return the rows of one token channel, ``(V, E)``: tied output weights."""
        start = int(self.token_offset_C[channel])
        return self.table.weight[start : start + num_tokens]
