"""Channel encoder: a packed pre-norm Transformer over sequences of multi-channel events.

SUPERMOE (S6–S10): multi-channel feature projection, blocks of attention and feed-forward layers
with one expert or many, and the maximum over events as representation. With one expert it is the
dense control of every claim about experts (comparison B-27).

Differs from the paper: projection once, at the input, unless asked for (A-S7); pre-LN residuals
(A-S15); no user ID channel (A-S4), so that a user can be forgotten and a new one encoded; time
enters as the gap to the previous event, the age at the cutoff and the place counted from the end
(A-S8).

Shapes: U users, T events, C token channels, F dense channels, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.config import Config
from habitus.data.channel_sequence import NUM_TIME_BUCKETS, ChannelSequenceBatch
from habitus.encoders.base import Representation, UserEncoder
from habitus.errors import UsageError
from habitus.nn.attention import PackedLayout
from habitus.nn.channel_projection import (
    ChannelProjection,
    ChannelReturn,
    DenseKind,
    Mode,
)
from habitus.nn.experts_config import DENSE, ExpertsConfig
from habitus.nn.pooling import Pooling, pool, pooled_width
from habitus.nn.routing import Routed, Router, Routing, statistics
from habitus.nn.transformer import TransformerBlock, block_flops


@dataclass(frozen=True, kw_only=True)
class ChannelTransformerConfig(Config):
    """Sizes of :class:`ChannelTransformer`; defaults of A-S1 with one expert."""

    num_tokens: tuple[int, ...] = ()
    """Tokens of each token channel; a run fills it in from the vocabulary."""
    num_dense: int = 0
    """Dense channels; a run fills it in from the vocabulary."""
    max_events: int = 256
    """Latest events of a user that are read."""
    channel_dim: int = 16
    """Width of one channel before the projection."""
    width: int = 256
    num_blocks: int = 4
    num_heads: int = 8
    hidden: int = 1_024
    num_ffn: int = 1
    """Feed-forward layers a block; 2 in the paper (A-S14)."""
    dropout: float = 0.1
    pooling: Pooling = "max"
    """How events become a user (A-S17)."""
    pool_channels: bool = False
    """Pool the embeddings of an event's channels beside its state: a short way from what a user did
    to the representation, which a few minutes of training do not have to find."""
    projection: Mode = "concat"
    """How channels become one vector; ``sum`` needs a channel_dim of the width and is for small
    vocabularies (A-S8)."""
    dense_embedding: DenseKind = "linear"
    """A dense value times a direction, or its sines and cosines (improvements I3 9)."""
    num_frequencies: int = 16
    """Of those, a channel."""
    mfp_per_block: bool = False
    """Give the channels to later blocks again, as eq. 7 has it (A-S7)."""
    composed_above: int | None = None
    """Token channels of more tokens than this have rows that are sums of a quotient's and a
    remainder's, about 2 √V rows for V tokens (improvements I3 8); null for none."""
    experts: ExpertsConfig = DENSE
    """Experts of the blocks."""

    def __post_init__(self) -> None:
        sizes = ("max_events", "channel_dim", "width", "num_blocks", "num_heads", "hidden")
        for name in (*sizes, "num_frequencies"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.num_ffn < 0:
            raise UsageError(f"num_ffn must be 0 or more, got {self.num_ffn}")
        if self.composed_above is not None and self.composed_above < 1:
            raise UsageError(
                f"composed_above must be at least 1 token, or null for no channel, got "
                f"{self.composed_above}"
            )
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.width % self.num_heads:
            raise UsageError(f"num_heads must divide width {self.width}, got {self.num_heads}")
        if self.projection == "sum" and self.channel_dim != self.width:
            raise UsageError(
                f"projection 'sum' adds channels up: set channel_dim to width {self.width}, got "
                f"{self.channel_dim}"
            )
        if self.hidden % self.experts.split:
            raise UsageError(
                f"experts.split must divide hidden {self.hidden}, got {self.experts.split}"
            )


class ChannelTransformer(UserEncoder):
    """Events of many channels → one vector per user.

    A user without events gets ``no_events``, a learned vector.
    """

    name: ClassVar[str] = "channel_transformer"
    config_type: ClassVar[type[Config]] = ChannelTransformerConfig
    config: ChannelTransformerConfig

    def __init__(self, config: ChannelTransformerConfig) -> None:
        super().__init__(config)
        # Gap, age and place from the end are token channels of their own, after the user's.
        sizes = (*config.num_tokens, NUM_TIME_BUCKETS, NUM_TIME_BUCKETS, config.max_events)
        self.project = ChannelProjection(
            sizes,
            config.num_dense,
            config.channel_dim,
            config.width,
            mode=config.projection,
            dense=config.dense_embedding,
            num_frequencies=config.num_frequencies,
            composed_above=config.composed_above,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                config.width,
                config.hidden,
                config.num_heads,
                num_ffn=config.num_ffn,
                dropout=config.dropout,
                experts=config.experts,
            )
            for _ in range(config.num_blocks)
        )
        self.returns = nn.ModuleList(
            ChannelReturn(self.project.joined_width, config.width)
            for _ in range(config.num_blocks - 1 if config.mfp_per_block else 0)
        )
        self.norm = nn.LayerNorm(config.width)
        self.no_events = nn.Parameter(torch.randn(self.representation_dim) * 0.02)

    @property
    @override
    def representation_dim(self) -> int:
        config = self.config
        # The user's token channels, gap and age; the place in the sequence is the same for all.
        channels = len(config.num_tokens) + 2 if config.pool_channels else 0
        return pooled_width(config.width + channels * config.channel_dim, config.pooling)

    def encode_events(self, batch: ChannelSequenceBatch, layout: PackedLayout) -> Routed:
        """Return the state of each event, ``(T, D)``, and what each router did, by its path here.

        It is what masked channel prediction reads.
        """
        place_T1 = self._place_from_end(batch, layout)[:, None]
        tokens = torch.cat([_timed_tokens(batch), place_T1], dim=1)
        joined_TJ = self.project.join(tokens, batch.dense_TF, batch.state_TF)
        x_TD = self.dropout(self.project.project(joined_TJ))
        routing: dict[str, Routing] = {}
        for i, block in enumerate(self.blocks):
            assert isinstance(block, TransformerBlock)
            if i and self.config.mfp_per_block:
                x_TD = self.returns[i - 1](x_TD, joined_TJ)
            x_TD, found = block.routed(x_TD, layout)
            routing |= {f"blocks.{i}.{place}": one for place, one in found.items()}
        return Routed(self.norm(x_TD), routing)

    def layout(self, batch: ChannelSequenceBatch) -> PackedLayout:
        """Return where the users of a batch lie."""
        return PackedLayout(batch.offsets_U1, batch.gap_T.device)

    @override
    def forward(self, batch: ChannelSequenceBatch) -> Representation:
        layout = self.layout(batch)
        mask_U = (batch.lengths_U > 0).to(batch.gap_T.device)
        h_TD, routing = self.encode_events(batch, layout)
        aux = statistics(routing)
        if batch.num_events == 0:
            return Representation(self.no_events.repeat(batch.num_users, 1), mask_U, aux)
        if self.config.pool_channels:
            h_TD = torch.cat([h_TD, self.project.token_embeddings(_timed_tokens(batch))], dim=1)
        z_UD = pool(h_TD, layout, self.config.pooling)
        return Representation(torch.where(mask_U[:, None], z_UD, self.no_events), mask_U, aux)

    @override
    def rebalance(self, shares: Mapping[str, Tensor]) -> None:
        if self.config.experts.balance != "bias":
            return
        for path, share_E in shares.items():
            router = self.get_submodule(path)
            assert isinstance(router, Router)
            router.rebalance(share_E, self.config.experts.bias_rate)

    @override
    def forward_flops(self, batch: ChannelSequenceBatch) -> tuple[float, float]:
        squares = int((batch.lengths_U**2).sum())
        padded_squares = batch.num_users * batch.max_length**2
        return self._flops(batch, squares), self._flops(batch, padded_squares)

    def _flops(self, batch: ChannelSequenceBatch, squares: int) -> float:
        config, num_events = self.config, batch.num_events
        projection = self.project.flops(num_events)
        for each in self.returns:
            assert isinstance(each, ChannelReturn)
            projection += each.flops(num_events)
        block = block_flops(
            num_events,
            squares,
            config.width,
            config.hidden,
            config.num_ffn,
            config.experts,
            config.num_heads,
        )
        return float(projection + config.num_blocks * block)

    def _place_from_end(self, batch: ChannelSequenceBatch, layout: PackedLayout) -> Tensor:
        ends_T = batch.offsets_U1[1:].repeat_interleave(layout.lengths_U)
        place_T = ends_T - 1 - torch.arange(batch.num_events)
        return place_T.clamp(max=self.config.max_events - 1).to(layout.device)


def _timed_tokens(batch: ChannelSequenceBatch) -> Tensor:
    """Return the tokens of the user's channels, the gap and the age, ``(T, C + 2)``."""
    return torch.cat([batch.tokens_TC, batch.gap_T[:, None], batch.age_T[:, None]], dim=1)
