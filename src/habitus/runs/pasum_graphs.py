"""The text graphs that a pasum run trains on: whole users, and the halves of their posts.

Shapes: U users of a snapshot, V nodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from habitus.data.snapshot import Snapshot
from habitus.data.text_graph import TextGraphs, build_text_graphs
from habitus.data.text_graph_encoding import TextGraphEncoding
from habitus.data.text_graph_rows import half_of
from habitus.data.tokens import relabel
from habitus.data.traces import Rows


class GraphView(Protocol):
    """Graphs of the users of a snapshot, by their place in it."""

    @property
    def node_ptr_U1(self) -> Rows:
        """First node of each user, and ``V``."""
        ...

    def read(self, rows_U: Rows) -> TextGraphs:
        """Return the graphs of some users, in this order."""
        ...


GraphViews = tuple[GraphView, ...]
"""Whole users; then, where halves are read, earlier and later halves."""


def graph_views(
    snapshot: Snapshot,
    encoding: TextGraphEncoding,
    work: Path | None,
    *,
    halves: bool,
) -> GraphViews:
    """Return the graphs of a snapshot."""
    tokens, words = encoding.text.read(snapshot)
    known = relabel(tokens, encoding.vocabulary.lookup(words))
    parts = [known, *([half_of(known, "earlier"), half_of(known, "later")] if halves else [])]
    idf_W = encoding.vocabulary.idf_W
    return tuple(build_text_graphs(part, encoding.graph, idf_W) for part in parts)
