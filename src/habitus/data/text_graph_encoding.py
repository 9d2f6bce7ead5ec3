"""How the posts of a snapshot become batches of text graphs: the fitted state of a model directory.

Shapes: U users of a snapshot, B users of one batch, W words, C characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from habitus.config import Config
from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import (
    TextGraphConfig,
    TextGraphs,
    build_text_graphs,
    join_users,
    with_characters,
)
from habitus.data.text_graph_batch import TextGraphBatch, text_graph_batch
from habitus.data.text_graph_characters import Characters
from habitus.data.text_graph_store import Progress, TextGraphStore
from habitus.data.tokens import TextSource, Tokens, relabel
from habitus.data.traces import Rows
from habitus.data.word_vocabulary import WordVocabulary
from habitus.data.writer import digest_of_table
from habitus.errors import DataError

FILE = "text_graph.json"
_USERS_AT_ONCE = 1024
"""Users whose text is in memory: about 40 MB of graphs of 500 words."""


@dataclass(frozen=True, kw_only=True)
class TextGraphEncodingConfig(Config):
    """All settings between traces and batches."""

    posts: PostsConfig
    segmentation: SegmentationConfig
    graph: TextGraphConfig
    graphs_per_batch: int


class TextGraphEncoding:
    """How the users of a snapshot become text graphs to encode.

    A user's graph depends on its own posts before the cutoff and on the fitted vocabulary, so
    neither later posts nor other users can reach it. A user without known words has no nodes.

    Args:
        vocabulary: the words that the encoder knows, fitted on the training snapshot.
        text: where the words of a snapshot come from; a store of tokens in it is used where it
            fits, and changes nothing.
        graph: how words become graphs.
        graphs_per_batch: users of one batch.
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

    @property
    def config(self) -> TextGraphEncodingConfig:
        """The settings, as a model directory keeps them."""
        return TextGraphEncodingConfig(
            posts=self.text.posts,
            segmentation=self.text.segmentation,
            graph=self.graph,
            graphs_per_batch=self.graphs_per_batch,
        )

    @cached_property
    def characters(self) -> Characters | None:
        """Those of the vocabulary; None where graphs have none."""
        return Characters.of(self.vocabulary.words) if self.graph.char_nodes else None

    @property
    def num_ids(self) -> int:
        """How many ids nodes can have: ``W``, or ``W + C`` where characters are nodes."""
        more = 0 if self.characters is None else len(self.characters.names)
        return len(self.vocabulary) + more

    def build(self, tokens: Tokens) -> TextGraphs:
        """Return the graph of each user of tokens, whose ids are places in the vocabulary."""
        idf_W = self.vocabulary.idf_W if self.graph.needs_idf else None
        return build_text_graphs(tokens, self.graph, idf_W, characters=self.characters)

    def complete(self, graphs: TextGraphs) -> TextGraphs:
        """Return graphs of words that were not built here as :meth:`build` would have them."""
        if self.characters is None:
            return graphs
        return with_characters(graphs, self.graph, self.characters)

    def graphs(self, snapshot: Snapshot) -> TextGraphs:
        """Return the graph of each user, in the order of the snapshot; all are in memory."""
        parts = [self._build(snapshot, places_B) for places_B in _buckets(snapshot.num_users)]
        return join_users(parts, weighted=self.graph.edge_weight != "binary")

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, TextGraphBatch]]:
        """Yield places in the snapshot and their batch, until every user was there once.

        Users of one bucket stand by their number of words, so that little is padded where graphs
        become dense matrices.
        """
        for places_B in _buckets(snapshot.num_users):
            graphs = self._build(snapshot, places_B)
            order_B = np.argsort(np.diff(graphs.node_ptr_U1), kind="stable")
            for start in range(0, len(order_B), self.graphs_per_batch):
                rows_B = order_B[start : start + self.graphs_per_batch]
                yield places_B[rows_B], text_graph_batch(graphs.read(rows_B))

    def write_store(
        self,
        snapshot: Snapshot,
        folder: str | Path,
        *,
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> TextGraphStore:
        """Write the graphs of a snapshot; row ``i`` of the store is user ``i`` of the snapshot.

        An interrupted write is gone on with; a store of the same graphs is left as it is.

        Raises:
            UsageError: something else stands at ``folder``.
        """
        return TextGraphStore.write(
            folder,
            snapshot.num_users,
            self.graph,
            lambda places_B: self._build(snapshot, places_B),
            source=self.source(snapshot),
            users_at_once=_USERS_AT_ONCE,
            overwrite=overwrite,
            progress=progress,
        )

    def source(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return what the graphs of a snapshot are made of: equal values, equal graphs."""
        words = {"word": self.vocabulary.words, "idf": self.vocabulary.idf_W}
        users = pa.table({"row": snapshot.users_U})
        return {
            "traces": snapshot.traces.digest,
            "as_of": snapshot.as_of,
            "users": digest_of_table(users),
            "vocabulary": digest_of_table(pa.table(words)),
            "posts": self.text.posts.to_dict(),
            "segmentation": self.text.segmentation.to_dict(),
        }

    def save(self, folder: Path) -> None:
        """Write the vocabulary and ``text_graph.json``."""
        self.vocabulary.save(folder)
        (folder / FILE).write_text(json.dumps(self.config.to_dict(), indent=1), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            values = json.loads((folder / FILE).read_text(encoding="utf8"))
            config = TextGraphEncodingConfig.from_dict(values)
        except (OSError, ValueError) as error:
            raise DataError(f"{folder / FILE} cannot be read: {error}") from error
        text = TextSource(config.posts, config.segmentation)
        return cls(WordVocabulary.load(folder), text, config.graph, config.graphs_per_batch)

    def _build(self, snapshot: Snapshot, places_B: Rows) -> TextGraphs:
        users_B = snapshot.users_U[places_B]
        tokens, words = self.text.read(Snapshot(snapshot.traces, snapshot.as_of, users_B))
        return self.build(relabel(tokens, self.vocabulary.lookup(words)))


def _buckets(num_users: int) -> Iterator[Rows]:
    for start in range(0, num_users, _USERS_AT_ONCE):
        yield np.arange(start, min(start + _USERS_AT_ONCE, num_users))
