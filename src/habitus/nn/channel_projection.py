"""Multi-channel feature projection (MFP): the channels of an event → one vector.

SUPERMOE eq. 4. Token channels share one table with an offset each and are fetched by one gather; a
dense channel is the embedding of its value and of its state. ``concat``: all channels side by side
go through Linear → LayerNorm → GELU. ``sum`` (A-S8): each row is as wide as the encoder and rows
are added, which is the same with the linear layer multiplied into the tables; for small
vocabularies.

Differs from the paper: applied once, at the input, and before later blocks only as an option
(A-S7); ``split`` is a plain table on one device, and :class:`habitus.nn.sharded_table.ShardedTable`
where a run spreads it over processes (A-S9); gap, age and position of the event are channels too
(A-S8).

Shapes: T events, C token channels, F dense channels, M = C + F, E width of one channel, D width, J
width of what is projected (M · E, or D), K frequencies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from habitus.nn.table_lookup import is_plain, look_up
from habitus.nn.token_places import TokenPlaces

Mode = Literal["concat", "sum"]
DenseKind = Literal["linear", "periodic"]
FREQUENCY_STD = 0.1
"""Of first frequencies, in periods for each standard deviation of a channel."""


class PeriodicDense(nn.Module):
    """Sines and cosines of a value, a linear layer and ReLU, one of each a channel (PLR).

    Gorishniy et al. "On Embeddings for Numerical Features in Tabular Deep Learning". 2022.
    """

    def __init__(self, num_dense: int, num_frequencies: int, channel_dim: int) -> None:
        super().__init__()
        self.frequency_FK = nn.Parameter(torch.randn(num_dense, num_frequencies) * FREQUENCY_STD)
        bound = (2 * num_frequencies) ** -0.5
        shape = (num_dense, 2 * num_frequencies, channel_dim)
        self.weight_FKE = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias_FE = nn.Parameter(torch.empty(num_dense, channel_dim).uniform_(-bound, bound))

    def forward(self, dense_TF: Tensor) -> Tensor:
        """Return ``(T, F, E)``."""
        angle_TFK = 2 * math.pi * dense_TF[:, :, None] * self.frequency_FK
        wave_TFK = torch.cat([angle_TFK.sin(), angle_TFK.cos()], dim=2)
        out_FTE = torch.bmm(wave_TFK.transpose(0, 1), self.weight_FKE) + self.bias_FE[:, None]
        return out_FTE.transpose(0, 1).relu()


class ChannelProjection(nn.Module):
    """Channel embeddings, joined or added, projected to the width of the encoder.

    Args:
        num_tokens_C: tokens of each token channel.
        num_dense: dense channels.
        channel_dim: width of one channel; that of the encoder where channels are added.
        width: of the encoder.
        mode: how channels become one vector.
        dense: a value times a direction, or its sines and cosines.
        num_frequencies: of those.
        composed_above: token channels of more tokens than this have rows that are sums of two.
    """

    def __init__(
        self,
        num_tokens_C: Sequence[int],
        num_dense: int,
        channel_dim: int,
        width: int,
        *,
        mode: Mode = "concat",
        dense: DenseKind = "linear",
        num_frequencies: int = 16,
        composed_above: int | None = None,
    ) -> None:
        super().__init__()
        if mode == "sum" and channel_dim != width:
            raise ValueError(f"channels of {channel_dim} cannot be added to a width of {width}")
        self.mode = mode
        self.places = TokenPlaces(num_tokens_C, num_dense, composed_above)
        self.table = nn.Embedding(self.places.num_rows, channel_dim)
        nn.init.normal_(self.table.weight, std=channel_dim**-0.5)
        self.places.shrink(self.table.weight)
        self.periodic: PeriodicDense | None = None
        if dense == "periodic":
            self.periodic = PeriodicDense(num_dense, num_frequencies, channel_dim)
        else:
            direction_FE = torch.randn(num_dense, channel_dim) * channel_dim**-0.5
            self.direction_FE = nn.Parameter(direction_FE)
        num_channels = len(num_tokens_C) + num_dense
        self.joined_width = width if mode == "sum" else num_channels * channel_dim
        linear = [] if mode == "sum" else [nn.Linear(self.joined_width, width)]
        self.project = nn.Sequential(*linear, nn.LayerNorm(width), nn.GELU())

    def forward(self, tokens_TC: Tensor, dense_TF: Tensor, state_TF: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        out_TD: Tensor = self.project(self.join(tokens_TC, dense_TF, state_TF))
        return out_TD

    def join(self, tokens_TC: Tensor, dense_TF: Tensor, state_TF: Tensor) -> Tensor:
        """Return what is projected: the channels side by side, or their sum, ``(T, J)``."""
        place_TM = self.places(tokens_TC, state_TF)
        if self.mode == "sum":
            return self._added(place_TM) + self._values(dense_TF).sum(1)
        embedded_TME = look_up(self.table, place_TM)
        num_tokens = tokens_TC.shape[1]
        tokens_TCE = self.places.added(embedded_TME, num_tokens)
        dense_TFE = embedded_TME[:, self.places.lookups(num_tokens) :] + self._values(dense_TF)
        return torch.cat([tokens_TCE, dense_TFE], dim=1).flatten(1)

    def flops(self, num_events: int) -> float:
        """Return operations of one forward pass (floors.md E3): 2·T·J·D, or T·M·D to add channels.

        Sines and cosines: 4·T·F·K·E. A value times a direction is left out.
        """
        num_tokens, num_dense = len(self.places.offset_C), len(self.places.state_offset_F)
        num_rows = self.places.lookups(num_tokens) + num_dense
        sums = num_events * num_rows * self.joined_width if self.mode == "sum" else 0
        waves = 2 * num_events * self.periodic.weight_FKE.numel() if self.periodic else 0
        return _linear_flops(self.project, num_events) + sums + waves

    def _added(self, place_TM: Tensor) -> Tensor:
        if not is_plain(self.table):
            return look_up(self.table, place_TM).sum(1)
        # One pass: no tensor of all channels is ever held.
        added_TD: Tensor = embedding_bag(place_TM, self.table.weight, mode="sum")
        return added_TD

    def _values(self, dense_TF: Tensor) -> Tensor:
        if self.periodic is not None:
            values_TFE: Tensor = self.periodic(dense_TF)
            return values_TFE
        return dense_TF[:, :, None] * self.direction_FE

    def token_embeddings(self, tokens_TC: Tensor) -> Tensor:
        """Return the embeddings of the first ``C`` token channels side by side, ``(T, C · E)``."""
        rows_TME = look_up(self.table, self.places.of_tokens(tokens_TC))
        return self.places.added(rows_TME, tokens_TC.shape[1]).flatten(1)

    def channel_rows(self, channel: int, tokens_B: Tensor) -> Tensor:
        """Return the rows of some tokens of one channel, ``(B, E)``, from wherever they are."""
        rows_BPE = look_up(self.table, self.places.of_channel(channel, tokens_B))
        return rows_BPE.sum(1) if channel in self.places.composed else rows_BPE.squeeze(1)

    def channel_table(self, channel: int, num_tokens: int) -> Tensor:
        """Return the rows of one token channel, ``(V, E)``: tied output weights.

        Of a sharded table they are fetched, so all processes have to call it; of a composed channel
        they are made. Of any other they are the weights themselves.
        """
        if channel in self.places.composed or not is_plain(self.table):
            device = self.places.offset_C.device
            return self.channel_rows(channel, torch.arange(num_tokens, device=device))
        start = int(self.places.offset_C[channel])
        return self.table.weight[start : start + num_tokens]


class ChannelReturn(nn.Module):
    """The channels again, before a later block: ``x + amount · MFP(channels)`` (A-S7, eq. 7)."""

    def __init__(self, joined_width: int, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(joined_width, width), nn.LayerNorm(width), nn.GELU())
        # Little at first: the state of a block is not to be drowned.
        self.amount_D = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x_TD: Tensor, joined_TJ: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        out_TD: Tensor = x_TD + self.amount_D * self.project(joined_TJ)
        return out_TD

    def flops(self, num_events: int) -> float:
        """Return operations of one forward pass: 2·T·J·D."""
        return _linear_flops(self.project, num_events)


def _linear_flops(layers: nn.Sequential, num_rows: int) -> float:
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    return float(sum(2 * num_rows * each.weight.numel() for each in linear))
