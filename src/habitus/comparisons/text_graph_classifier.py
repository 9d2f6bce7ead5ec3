"""GIN without pre-training (B-6), and DeepSets: PASUM's encoder, trained on each task alone.

DeepSets is the same with A = 0: a user is the set of its words, nobody hears of a neighbour. What
GIN does better than it is what the graph is worth; what PASUM does better than GIN is what
pre-training is worth.

Shapes: U users, W words, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from typing_extensions import override

from habitus.comparisons.end_to_end import EndToEndComparison, EndToEndConfig
from habitus.comparisons.initial_vectors import InitialVectorsConfig, initial_vectors
from habitus.comparisons.kept_users import KeptUsers, kept_graphs
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.tokens import TextSource, Tokens
from habitus.data.word_vectors import Vectors
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.errors import UsageError
from habitus.probes.fine_tune import Batches
from habitus.probes.text_graph_rows import text_graph_rows


@dataclass(frozen=True, kw_only=True)
class TextGraphClassifierConfig(EndToEndConfig):
    """The graph, the vectors and the encoder."""

    graph: TextGraphConfig = field(default_factory=TextGraphConfig)
    vectors: InitialVectorsConfig = field(default_factory=InitialVectorsConfig)
    encoder: TextGraphEncoderConfig = field(default_factory=TextGraphEncoderConfig)
    """``num_words`` and ``word_dim`` are filled in."""


class TextGraphClassifier(EndToEndComparison):
    """The text graph encoder with fresh weights.

    Raises:
        UsageError: the config's aggregation has edges where there are none to be, or none.
    """

    has_edges: ClassVar[bool]
    """Whether a word hears of its neighbours."""
    config: TextGraphClassifierConfig

    def __init__(
        self, config: TextGraphClassifierConfig | None = None, text: TextSource | None = None
    ) -> None:
        usual = TextGraphEncoderConfig(aggregation="sum" if self.has_edges else "none")
        super().__init__(config or TextGraphClassifierConfig(encoder=usual), text)
        self.vectors_WD: Vectors
        self._graphs: KeptUsers[TextGraphs]
        aggregation = self.config.encoder.aggregation
        if (aggregation != "none") != self.has_edges:
            allowed = "sum, mean or sqrt" if self.has_edges else "none"
            raise UsageError(f"the aggregation of {self.name} must be {allowed}, got {aggregation}")

    @override
    def fit_words(self, tokens: Tokens, seed: int) -> None:
        encoding = TextGraphEncoding(self.vocabulary, self.text, self.config.graph)
        self._graphs = kept_graphs(encoding.graphs)
        vectors_WD = initial_vectors(self.config.vectors, tokens, self.vocabulary, seed)
        characters = encoding.characters
        self.vectors_WD = vectors_WD if characters is None else characters.extend(vectors_WD)

    @override
    def encoder(self) -> TextGraphEncoder:
        num_words, word_dim = self.vectors_WD.shape
        sizes = replace(self.config.encoder, num_words=num_words, word_dim=word_dim)
        encoder = TextGraphEncoder(sizes)
        with torch.no_grad():
            encoder.words.weight.copy_(torch.from_numpy(self.vectors_WD))
        return encoder

    @override
    def batches_of(self, snapshot: Snapshot) -> Batches:
        return text_graph_rows(self._graphs.read(snapshot))


class GIN(TextGraphClassifier):
    """A graph isomorphism network on a user's words, trained on each task alone."""

    name: ClassVar[str] = "gin"
    label: ClassVar[str] = "GIN"
    has_edges: ClassVar[bool] = True


class DeepSets(TextGraphClassifier):
    """The same network without edges: a user is the set of its words."""

    name: ClassVar[str] = "deep_sets"
    label: ClassVar[str] = "DeepSets"
    has_edges: ClassVar[bool] = False
