"""Bag of words and a perceptron (B-3, the paper's form): trainable word vectors, two layers.

At 38,698 words of 300 dimensions it has 38,698 · 300 + 2 · (300 · 300 + 300) = 11,790,000 weights,
and the head's.

Differs from the paper: learning rates, dropout and weight decays are not in it; a word's vector
moves where the word is in the batch, without decay.

Shapes: U users, W words, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from typing_extensions import override

from habitus.comparisons.end_to_end import EndToEndComparison, EndToEndConfig
from habitus.comparisons.initial_vectors import InitialVectorsConfig, initial_vectors
from habitus.comparisons.word_bags import WordBagEncoder, WordBagEncoderConfig, word_bags
from habitus.comparisons.word_counts import each_row_over_its_sum
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens
from habitus.data.word_vectors import Vectors
from habitus.probes.fine_tune import Batches, FineTuneConfig


@dataclass(frozen=True, kw_only=True)
class BowMLPConfig(EndToEndConfig):
    """The vectors and the layers."""

    vectors: InitialVectorsConfig = field(default_factory=InitialVectorsConfig)
    num_hidden: int = 2
    dropout: float = 0.5
    """Between the layers; before the head it is that of the training."""
    training: FineTuneConfig = field(
        default_factory=lambda: FineTuneConfig(
            learning_rates=(1e-3, 3e-4), weight_decays=(0.0, 1e-5), dropouts=(0.5,)
        )
    )


class BowMLP(EndToEndComparison):
    """Mean of word vectors over all tokens, and a perceptron; all of it is trained."""

    name: ClassVar[str] = "bow_mlp"
    label: ClassVar[str] = "BoW + MLP"
    config: BowMLPConfig

    def __init__(self, config: BowMLPConfig | None = None, text: TextSource | None = None) -> None:
        super().__init__(config or BowMLPConfig(), text)
        self.vectors_WD: Vectors

    @override
    def fit_words(self, tokens: Tokens, seed: int) -> None:
        self.vectors_WD = initial_vectors(self.config.vectors, tokens, self.vocabulary, seed)

    @override
    def encoder(self) -> WordBagEncoder:
        num_words, width = self.vectors_WD.shape
        sizes = WordBagEncoderConfig(
            num_words=num_words,
            width=width,
            num_hidden=self.config.num_hidden,
            dropout=self.config.dropout,
        )
        encoder = WordBagEncoder(sizes)
        with torch.no_grad():
            encoder.words.weight.copy_(torch.from_numpy(self.vectors_WD))
        return encoder

    @override
    def batches_of(self, snapshot: Snapshot) -> Batches:
        return word_bags(each_row_over_its_sum(self.counts(snapshot)))
