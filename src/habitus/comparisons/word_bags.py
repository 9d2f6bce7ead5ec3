"""Bags of words as batches, and the networks that read them (B-3, B-3b).

The gradient of word vectors holds the words of the batch only, each once; it is handed over as a
product where the optimiser can read one (:mod:`habitus.training.row_adam`).

Shapes: U users of a batch, N entries of all users (a word and its weight), W words, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag
from typing_extensions import override

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import Representation, UserEncoder
from habitus.probes.fine_tune import Batches
from habitus.training.row_adam import RowProducts, by_row, hand_over


class WordBagBatch(NamedTuple):
    """The words of some users and their weights."""

    word_N: Tensor
    ptr_U1: Tensor
    """First entry of each user, and ``N``."""
    weight_N: Tensor

    @property
    def num_users(self) -> int:
        """Users, those without words included."""
        return len(self.ptr_U1) - 1

    @property
    def num_events(self) -> int:
        """Entries of all users, ``N``."""
        return len(self.word_N)

    @property
    def padded_events(self) -> int:
        """Entries that are computed: nothing is padded."""
        return self.num_events

    def to(self, device: torch.device | str) -> WordBagBatch:
        """Return the batch on ``device``."""
        return WordBagBatch(*(tensor.to(device, non_blocking=True) for tensor in self))


def word_bags(weight_UW: csr_array) -> Batches:
    """Return what makes batches of the rows of a matrix."""

    def batches(places: Rows) -> Iterator[tuple[Rows, WordBagBatch]]:
        rows_RW = weight_UW[places]
        arrays = (rows_RW.indices.astype(np.int64), rows_RW.indptr.astype(np.int64), rows_RW.data)
        yield np.arange(len(places)), WordBagBatch(*map(torch.from_numpy, arrays))

    return batches


@dataclass(frozen=True, kw_only=True)
class WordBagEncoderConfig(Config):
    """Sizes of :class:`WordBagEncoder`."""

    num_words: int
    width: int
    """Of word vectors, of hidden layers and of the representation."""
    num_hidden: int = 0
    """Layers after the bag."""
    dropout: float = 0.0
    """Between them."""


class WordBagEncoder(UserEncoder):
    """The weighted sum of word vectors, ReLU, and hidden layers of equal width, each with ReLU.

    With hidden layers there is no ReLU before the first of them.
    """

    name: ClassVar[str] = "word_bag"
    config_type: ClassVar[type[Config]] = WordBagEncoderConfig
    config: WordBagEncoderConfig

    def __init__(self, config: WordBagEncoderConfig) -> None:
        super().__init__(config)
        self.words = nn.EmbeddingBag(config.num_words, config.width, mode="sum", sparse=True)
        nn.init.normal_(self.words.weight, std=config.width**-0.5)
        layers: list[nn.Module] = [] if config.num_hidden else [nn.ReLU()]
        for place in range(config.num_hidden):
            if place:
                layers.append(nn.Dropout(config.dropout))
            layers += [nn.Linear(config.width, config.width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    @property
    @override
    def representation_dim(self) -> int:
        return self.config.width

    @override
    def forward(self, batch: WordBagBatch) -> Representation:
        if batch.word_N.device.type == "cpu":
            sum_UD = _Bag.apply(self.words.weight, batch)  # type: ignore[no-untyped-call]
        else:
            sum_UD = plain_bag(self.words.weight, batch)
        return Representation(self.layers(sum_UD), batch.ptr_U1.diff() > 0, {})

    @override
    def forward_flops(self, batch: WordBagBatch) -> tuple[float, float]:
        width = self.config.width
        flops = 2.0 * width * (batch.num_events + width * self.config.num_hidden * batch.num_users)
        return flops, flops


def plain_bag(table_WD: Tensor, batch: WordBagBatch) -> Tensor:
    """Return the weighted sum of word vectors of each user, ``(U, D)``, by torch alone."""
    return embedding_bag(
        batch.word_N,
        table_WD,
        batch.ptr_U1,
        mode="sum",
        sparse=True,
        per_sample_weights=batch.weight_N,
        include_last_offset=True,
    )


class _Bag(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table_WD: Tensor, batch: WordBagBatch) -> Tensor:  # noqa: ANN401
        ctx.table_WD, ctx.batch = table_WD, batch
        return plain_bag(table_WD, batch)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_UD: Tensor) -> tuple[Tensor | None, None]:  # noqa: ANN401
        batch, table_WD = ctx.batch, ctx.table_WD
        word_W, ptr_W1, place_N = by_row(batch.word_N.numpy(), len(table_WD))
        user_N = np.repeat(np.arange(batch.num_users), batch.ptr_U1.diff().numpy())
        products = RowProducts(
            word_W,
            ptr_W1,
            user_N[place_N],
            batch.weight_N.numpy()[place_N],
            g_UD.contiguous().numpy(),
        )
        return hand_over(table_WD, products), None
