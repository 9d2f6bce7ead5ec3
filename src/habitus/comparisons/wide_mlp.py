"""WideMLP (B-3b, Galke & Scherp 2022): TF-IDF, one wide layer with ReLU, dropout, a linear head.

It beats TextGCN where test documents are unseen in training, so every claim for a graph of words
has to beat it. Reference: ``models.py`` of lgalke/text-clf-baselines.

Differs from the reference: the TF-IDF row, not what the first layer makes of it, has length 1; the
idf is smoothed; it stops early on the validation users; a word's row of the first layer moves where
the word is in the batch (Adam's step on those rows).

Shapes: U users, W words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array
from typing_extensions import override

from habitus.comparisons.end_to_end import EndToEndComparison, EndToEndConfig
from habitus.comparisons.word_bags import WordBagEncoder, WordBagEncoderConfig, word_bags
from habitus.comparisons.word_counts import count_words
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens
from habitus.data.word_vocabulary import WordVocabularyConfig
from habitus.errors import UsageError
from habitus.probes.fine_tune import Batches, FineTuneConfig


@dataclass(frozen=True, kw_only=True)
class WideMLPConfig(EndToEndConfig):
    """The width."""

    vocabulary: WordVocabularyConfig = field(
        default_factory=lambda: WordVocabularyConfig(min_count=1, min_users=3)
    )
    width: int = 1024
    training: FineTuneConfig = field(
        default_factory=lambda: FineTuneConfig(
            learning_rates=(1e-3, 3e-4),
            weight_decays=(0.0,),
            dropouts=(0.5, 0.2),
            batch_size=64,
            max_epochs=100,
        )
    )

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width must be 1 or more, got {self.width}")


class WideMLP(EndToEndComparison):
    """A perceptron with one wide layer on TF-IDF of words."""

    name: ClassVar[str] = "wide_mlp"
    label: ClassVar[str] = "WideMLP"
    config: WideMLPConfig

    def __init__(self, config: WideMLPConfig | None = None, text: TextSource | None = None) -> None:
        super().__init__(config or WideMLPConfig(), text)
        self._weights: Any = None

    @override
    def fit_words(self, tokens: Tokens, seed: int) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        counts_UW = count_words(tokens, len(self.vocabulary))
        self._weights = TfidfTransformer().fit(counts_UW)

    @override
    def encoder(self) -> WordBagEncoder:
        num_words = len(self.vocabulary)
        return WordBagEncoder(WordBagEncoderConfig(num_words=num_words, width=self.config.width))

    @override
    def batches_of(self, snapshot: Snapshot) -> Batches:
        weight_UW = csr_array(self._weights.transform(self.counts(snapshot)), dtype=np.float32)
        return word_bags(weight_UW)
