"""What an encoder holds of a hidden channel: its states where every value of the channel is hidden.

An encoder that sees a remedy need not know it. Read with the remedies hidden, the states of a
history say what the encoder stored; what was taken stands in the counts beside them.

Shapes: U users, D width.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from habitus.data.channel_batches import ChannelEncoding
from habitus.data.snapshot import Snapshot
from habitus.data.vocabulary import MASK
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import DataError
from habitus.nn.pooling import pool
from habitus.probes.base import Matrix
from habitus.representations.model import Model


class HiddenReading:
    """The mean state of a user's events, one channel hidden in all of them.

    Args:
        model: of channel sequences.
        channel: a token channel of its vocabulary.

    Raises:
        DataError: the model reads no such channel.
    """

    def __init__(self, model: Model, channel: str) -> None:
        assert isinstance(model.encoding, ChannelEncoding)
        names = [c.name for c in model.encoding.vocabulary.token_channels]
        if channel not in names:
            raise DataError(f"the model reads {', '.join(names)}, and no channel {channel!r}")
        self.model, self.channel = model, names.index(channel)

    def encode(self, snapshot: Snapshot) -> Matrix:
        """Return the vectors, ``(U, D)``; zeros for a user without events."""
        encoder = self.model.encoder
        assert isinstance(encoder, ChannelTransformer)
        z_UD = np.zeros((snapshot.num_users, encoder.config.width), np.float32)
        with torch.inference_mode():
            for places_B, batch in self.model.encoding.batches(snapshot):
                if batch.num_events == 0:
                    continue
                tokens_TC = batch.tokens_TC.clone()
                tokens_TC[:, self.channel] = MASK
                layout = encoder.layout(batch)
                h_TD = encoder.encode_events(replace(batch, tokens_TC=tokens_TC), layout).x_TD
                z_UD[places_B] = pool(h_TD, layout, "mean").numpy()
        return z_UD
