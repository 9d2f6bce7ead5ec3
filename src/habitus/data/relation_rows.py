"""Rows of text graphs: what an encoder of text graphs reads of users and of halves of their posts.

Shapes: U users, R rows of a batch, P posts, V nodes, E edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from habitus.data.relation_batches import WHOLE
from habitus.data.snapshot import ranges
from habitus.data.text_graph import TextGraphs
from habitus.data.text_graph_batch import TextGraphBatch, text_graph_batch
from habitus.data.tokens import Tokens
from habitus.data.traces import Rows


class GraphReader(Protocol):
    """A store of graphs, or the graphs themselves."""

    def read(self, rows_U: Rows) -> TextGraphs:
        """Return the graphs of some users, in this order."""
        ...


class TextGraphRows:
    """Reads text graphs: of all posts of a user, and of the halves where they are given.

    Args:
        whole: graphs of the snapshot's users.
        halves: graphs of the earlier and the later half of their posts.
    """

    def __init__(
        self, whole: GraphReader, halves: tuple[GraphReader, GraphReader] | None = None
    ) -> None:
        self.readers = (whole, *(halves or ()))

    def read(self, user_R: Rows, view_R: Rows) -> TextGraphBatch:
        """Return one graph a row; views ascend."""
        parts = [self.readers[view].read(user_R[view_R == view]) for view in np.unique(view_R)]
        return text_graph_batch(concatenate(parts or [self.readers[WHOLE].read(user_R)]))


def concatenate(parts: Sequence[TextGraphs]) -> TextGraphs:
    """Return the graphs of several lists of users, one after the other."""
    if len(parts) == 1:
        return parts[0]
    weights = [part.edge_weight_E for part in parts if part.edge_weight_E is not None]
    return TextGraphs(
        _join([part.node_ptr_U1 for part in parts]),
        np.concatenate([part.word_V for part in parts]),
        np.concatenate([part.count_V for part in parts]),
        _join([part.edge_ptr_V1 for part in parts]),
        np.concatenate([part.edge_col_E for part in parts]),
        np.concatenate(weights) if len(weights) == len(parts) else None,
    )


def halves_by_time(tokens: Tokens) -> tuple[Tokens, Tokens]:
    """Return the earlier and the later half of each user's posts; the later has the odd one.

    improvements.md I1 row 3. The two share no post; a user of one post has no earlier half.
    """
    start_U, stop_U = tokens.user_ptr_U1[:-1], tokens.user_ptr_U1[1:]
    middle_U = (start_U + stop_U) // 2
    return _posts(tokens, start_U, middle_U), _posts(tokens, middle_U, stop_U)


def _posts(tokens: Tokens, start_U: Rows, stop_U: Rows) -> Tokens:
    """Return some of each user's posts, a range of them."""
    post_P, user_ptr_U1 = ranges(start_U, stop_U - start_U)
    first_P, last_P = tokens.post_ptr_P1[post_P], tokens.post_ptr_P1[post_P + 1]
    token_T, post_ptr_P1 = ranges(first_P, last_P - first_P)
    return Tokens(tokens.id_T[token_T], post_ptr_P1, user_ptr_U1, tokens.time_P[post_P])


def _join(pointers: Sequence[Rows]) -> Rows:
    """Return the offsets of ragged arrays that stand one after the other."""
    lengths = [np.diff(pointer) for pointer in pointers]
    return np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
