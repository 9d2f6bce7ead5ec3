"""How the posts of a snapshot become batches of text graphs: the fitted state of a model directory.

Shapes: U users of a snapshot, B users of one batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.text_graph_batch import TextGraphBatch
from habitus.data.traces import Rows

if TYPE_CHECKING:
    from habitus.data.tokens import TextSource
    from habitus.data.word_vocabulary import WordVocabulary


class TextGraphEncoding:
    """How the users of a snapshot become text graphs to encode.

    Each user's graph depends on its own posts before the cutoff and on the fitted vocabulary.
    """

    def __init__(
        self,
        vocabulary: WordVocabulary,
        text: TextSource,
        graph: TextGraphConfig,
        graphs_per_batch: int = 64,
    ) -> None:
        self.vocabulary = vocabulary
        self.text = text
        self.graph = graph
        self.graphs_per_batch = graphs_per_batch

    def graphs(self, snapshot: Snapshot) -> TextGraphs:
        """Return the graph of each user, in the order of the snapshot."""
        raise NotImplementedError

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, TextGraphBatch]]:
        """Yield places in the snapshot and their batch, until every user was there once."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the vocabulary and ``text_graph.json``."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        raise NotImplementedError
