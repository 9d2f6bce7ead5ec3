"""What a pre-trained encoder is made of: its weights by what they do, and its composed tables.

Total, active and embedding weights are told apart, since experts add to the first alone (A-S23).

Shapes: V tokens of a channel, R rows that it has in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from habitus.data.channel_batches import ChannelEncoding
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.nn.experts import parameter_counts
from habitus.representations.model import Model
from habitus.runs.steps import Json


def size_entries(model: Model) -> Json:
    """Return the weights of the encoder, all, active and in lookup tables, and composed channels.

    A composed channel has ``collision_rate`` 0: no two tokens share both of their rows. Beside it
    stands ``hashed_collision_rate``, the share of the tokens that would share their only row if
    they were hashed into as many rows.
    """
    counts = parameter_counts(model.encoder)
    found: Json = {
        "parameters": counts.total,
        "active_parameters": counts.active,
        "embedding_parameters": counts.embedding,
    }
    if composed := _composed(model):
        found["composed_channels"] = composed
    return found


def composed_in_words(about: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each composed channel: what it saves, and that none of it collides.

    Args:
        about: of a model, with the facts of its training.
    """
    return [
        f"{one['channel']}: {one['num_tokens']:,} tokens composed in {one['num_rows']:,} rows, "
        f"{one['saved_bytes'] / 1e6:,.1f} MB saved; none collide, of as many hashed into as many "
        f"rows {one['hashed_collision_rate']:.0%} would"
        for one in about.get("training", {}).get("composed_channels", [])
    ]


def _composed(model: Model) -> list[Json]:
    encoder, encoding = model.encoder, model.encoding
    if not isinstance(encoder, ChannelTransformer) or not isinstance(encoding, ChannelEncoding):
        return []
    places, dim = encoder.project.places, encoder.config.channel_dim
    names = [channel.name for channel in encoding.vocabulary.token_channels]
    names += ["gap", "age", "place"]
    sizes = zip(names, places.num_tokens_C, places.num_rows_C, strict=True)
    return [
        {
            "channel": name,
            "num_tokens": num_tokens,
            "num_rows": num_rows,
            "saved_bytes": 4 * dim * (num_tokens - num_rows),
            "collision_rate": 0.0,
            "hashed_collision_rate": hashed_collision_rate(num_tokens, num_rows),
        }
        for c, (name, num_tokens, num_rows) in enumerate(sizes)
        if c in places.composed
    ]


def hashed_collision_rate(num_tokens: int, num_rows: int) -> float:
    """Return the expected share of tokens that share a row with another, hashed at random.

    >>> hashed_collision_rate(2, 4)  # the other one lies in the same of four rows
    0.25
    """
    return 1 - (1 - 1 / num_rows) ** (num_tokens - 1)
