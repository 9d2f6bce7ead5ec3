"""Text graph encoder: a user's words, joined where they co-occur, become one vector by GIN.

PASUM §2.2 (P8–P10): layers of ``h_v = MLP((1 + ε) h_v + Σ_u h_u)`` over the words of a user and the
mean of the last layer as representation. The defaults are the paper's arithmetic: 11,970,602
weights at 38,698 words of 300 dimensions, ``null_user`` not counted.

Shapes: U users, V nodes of all users, W distinct words of the batch, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.config import Config
from habitus.encoders.base import Representation, UserEncoder
from habitus.errors import UsageError

if TYPE_CHECKING:
    from habitus.data.text_graph_batch import TextGraphBatch

Aggregation = Literal["sum", "mean", "sqrt", "none"]
Readout = Literal["mean", "count", "idf", "attention"]


@dataclass(frozen=True, kw_only=True)
class TextGraphEncoderConfig(Config):
    """Sizes and options of :class:`TextGraphEncoder`; defaults of PASUM (A-P9, A-P10)."""

    num_words: int = 0
    """Words of the vocabulary; a run fills it in."""
    word_dim: int = 300
    """Width of a word vector."""
    hidden: int = 300
    """Width of the layers and of the representation."""
    num_layers: int = 2
    """1 to 3."""
    aggregation: Aggregation = "sum"
    """What a node hears of its neighbours: their sum, their mean, the sum over √degree (A-P14), or
    nothing, which makes the user a set of words (DeepSets, A = 0)."""
    norm: Literal["none", "layer"] = "none"
    """LayerNorm after aggregation, inside the MLP, where the GIN of its authors has BatchNorm."""
    residual: bool = False
    """Add what goes into a layer to what comes out; no ReLU then stands between layers."""
    edge_weights: bool = False
    """Weigh neighbours by the weights of the batch's edges, which must be symmetric."""
    readout: Readout = "mean"
    """Weights of nodes, which sum to 1: equal; log(1 + tokens of the word); ``word_weight_W``, a
    buffer that a run fills with idf or SIF; or a learned softmax gate."""
    normalize: bool = False
    """Representations of length 1 (A-P14)."""
    sparse: bool = True
    """Word gradients hold the words of the batch only."""
    shortcuts: bool = True
    """Exact algebra of floors.md E1; False computes the formula as it is written."""
    graphs_per_step: int = 16
    """Users that pass through the layers at a time, so that they stay in a cache; 0 for all."""


class TextGraphEncoder(UserEncoder):
    """Word graphs → one vector per user. A user without words gets ``null_user`` (A-P7)."""

    name: ClassVar[str] = "text_graph"
    config_type: ClassVar[type[Config]] = TextGraphEncoderConfig
    config: TextGraphEncoderConfig
    word_weight_W: Tensor
    """Weight of each word of the vocabulary in readout ``idf``; ones until a run fills it."""

    def __init__(self, config: TextGraphEncoderConfig) -> None:
        super().__init__(config)
        self.words = nn.Embedding(config.num_words, config.word_dim, sparse=config.sparse)
        nn.init.normal_(self.words.weight, std=config.word_dim**-0.5)
        self.null_user = nn.Parameter(torch.randn(config.hidden) * 0.02)
        self.register_buffer("word_weight_W", torch.ones(config.num_words))

    @property
    @override
    def representation_dim(self) -> int:
        return self.config.hidden

    @override
    def forward(self, batch: TextGraphBatch) -> Representation:
        raise UsageError("not yet written")

    @override
    def forward_flops(self, batch: TextGraphBatch) -> tuple[float, float]:
        raise UsageError("not yet written")
