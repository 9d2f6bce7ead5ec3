"""Sequences of any length whose events follow from the user's name, and an encoder of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from habitus.data.channel_sequence import NUM_TIME_BUCKETS, ChannelSequenceBatch
from habitus.encoders.channel_transformer import ChannelTransformerConfig

NUM_TOKENS, NUM_DENSE, NUM_BINS = (6, 9), 2, 4
CONFIG = ChannelTransformerConfig(
    num_tokens=NUM_TOKENS,
    num_dense=NUM_DENSE,
    max_events=12,
    channel_dim=4,
    width=8,
    num_blocks=2,
    num_heads=2,
    hidden=16,
    dropout=0.2,
)


def make_batch(users: Mapping[int, int]) -> ChannelSequenceBatch:
    """Return users with as many events as asked for; a user's events follow from its name."""
    offsets = torch.tensor([0, *users.values()]).cumsum(0)
    parts = [_events(name, length) for name, length in users.items()]
    joined = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    return ChannelSequenceBatch(**joined, offsets_U1=offsets)


def _events(name: int, length: int) -> dict[str, Tensor]:
    chance = torch.Generator().manual_seed(100 * name + length)
    tokens = [torch.randint(size, (length,), generator=chance) for size in NUM_TOKENS]
    state_TF = torch.randint(2, (length, NUM_DENSE), generator=chance)
    dense_TF = torch.randn(length, NUM_DENSE, generator=chance).masked_fill(state_TF == 1, 0.0)
    bins_TF = torch.randint(NUM_BINS, (length, NUM_DENSE), generator=chance)
    times = torch.randint(NUM_TIME_BUCKETS - 1, (2, length), generator=chance)
    return {
        "tokens_TC": torch.stack(tokens, dim=1),
        "dense_TF": dense_TF,
        "state_TF": state_TF,
        "bins_TF": bins_TF.masked_fill(state_TF == 1, -1),
        "gap_T": times[0],
        "age_T": times[1],
    }
