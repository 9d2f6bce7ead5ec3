"""Encoders: a batch of histories in, one representation per user out."""

from habitus.encoders.base import Representation, UserEncoder
from habitus.registry import Registry

ENCODERS = Registry[type[UserEncoder]](
    "encoder",
    {
        "channel_transformer": "habitus.encoders.channel_transformer:ChannelTransformer",
        "item_text": "habitus.encoders.item_text:ItemTextEncoder",
        "text_graph": "habitus.encoders.text_graph:TextGraphEncoder",
    },
)

__all__ = ["ENCODERS", "Representation", "UserEncoder"]
