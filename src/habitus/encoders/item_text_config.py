"""Sizes and options of the item text encoder, and the family of its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from habitus.config import Config
from habitus.errors import UsageError
from habitus.nn.mean_transformer import Positions


class Size(NamedTuple):
    """Width, blocks of each of the two Transformers, and heads."""

    width: int
    layers: int
    heads: int


SIZES: Mapping[str, Size] = {
    "xs": Size(64, 4, 4),
    "s": Size(128, 4, 4),
    "m": Size(192, 6, 6),
    "l": Size(256, 8, 8),
    "xl": Size(384, 8, 6),
    "2xl": Size(512, 8, 8),
    "paper": Size(720, 8, 6),
}
"""The family of improvements.md I2-sizes, for :meth:`ItemTextEncoderConfig.of_size`."""


@dataclass(frozen=True, kw_only=True)
class ItemTextEncoderConfig(Config):
    """Sizes and options of :class:`~habitus.encoders.item_text.ItemTextEncoder`."""

    vocab_size: int = 1
    """Tokens; a run fills it in."""
    num_services: int = 1
    """Slots of a user's vector; a run fills it in."""
    width: int = 128
    item_layers: int = 4
    """Blocks over the tokens of a text."""
    service_layers: int = 4
    """Blocks over the items of a slot; with 0 a slot is the mean of its items."""
    num_heads: int = 4
    hidden: int | None = None
    """Of feed-forward layers; None for four times the width (C13)."""
    dropout: float = 0.1
    max_tokens: int = 32
    """Positions in a text (C2)."""
    max_items: int = 512
    """Positions in a slot (C13)."""
    out_dim: int | None = None
    """Width of a user's vector, cut to a multiple of its slots; None for the width in each slot
    (A-C7; the paper has 300)."""
    positions: Positions = "learned"
    """Whether order is seen: of tokens in a text, and of items in a slot."""
    weighted: bool = False
    """Whether each token has a learned weight in the mean of its text, and each text the sum of
    these in the mean of its slot (I2 15): rare words tell more of people than common ones."""
    normed: bool = True
    """Whether tokens, and texts, are normalised before the mean, as pre-norm stacks do; without it
    the length of a vector says how much it counts."""
    ages: bool = False
    """Whether items also know how long ago they were, by octaves (I2 9); needs dates."""
    single: bool = False
    """One Transformer of ``item_layers`` blocks over all tokens of a slot (C27), without a Service
    Transformer: set ``service_layers`` to 0."""
    max_sequence: int = 2_048
    """Latest tokens of a slot that a single Transformer reads (C27)."""
    missing: Literal["zeros", "learned"] = "zeros"
    """What stands in the slot of a service that a user does not use (A-C1)."""
    tokens_per_step: int = 4_096
    """Tokens, or items, that pass through the blocks at a time on a CPU; 0 for all."""

    def __post_init__(self) -> None:
        positive = ("vocab_size", "num_services", "width", "num_heads", "max_tokens", "max_items")
        for name in (*positive, "max_sequence"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("item_layers", "service_layers", "tokens_per_step"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.hidden is not None and self.hidden < 1:
            raise UsageError(f"hidden must be at least 1, got {self.hidden}")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.width % self.num_heads:
            raise UsageError(f"num_heads must divide width {self.width}, got {self.num_heads}")
        if self.out_dim is not None and self.out_dim < self.num_services:
            raise UsageError(
                f"out_dim must be at least 1 for each of {self.num_services} services, "
                f"got {self.out_dim}"
            )
        if self.single and self.service_layers:
            raise UsageError(
                f"a single Transformer has no other over items: set service_layers to 0, "
                f"got {self.service_layers}"
            )
        if self.single and (self.ages or self.weighted):
            raise UsageError(
                "ages and weights belong to items, and a single Transformer reads tokens only: set "
                "ages and weighted to false"
            )

    @classmethod
    def of_size(cls, name: str, **others: Any) -> Self:  # noqa: ANN401 - as in the fields
        """Return a config of the family :data:`SIZES`.

        Raises:
            UsageError: no such size.
        """
        if name not in SIZES:
            raise UsageError(f"size must be one of {', '.join(SIZES)}, got {name!r}")
        size = SIZES[name]
        values = {
            "width": size.width,
            "item_layers": size.layers,
            "service_layers": size.layers,
            "num_heads": size.heads,
        }
        return cls(**{**values, **others})
