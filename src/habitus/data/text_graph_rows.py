"""Rows of a relation batch as text graphs: whole users, and the halves of their posts.

Improvements I1.3: the earlier and the later half of a user's posts are two views of one person.

Shapes: U users of a snapshot, R rows of a batch, V nodes, E edges, P posts, T tokens.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from habitus.data.snapshot import ranges
from habitus.data.text_graph import TextGraphs, join_users
from habitus.data.text_graph_batch import TextGraphBatch, text_graph_batch
from habitus.data.tokens import Tokens
from habitus.data.traces import Rows


class GraphReader(Protocol):
    """Graphs of users by place in a snapshot: held in memory, or mapped."""

    def read(self, rows_U: Rows) -> TextGraphs:
        """Return the graphs of some users, in this order."""
        ...


class TextGraphRows:
    """Makes text graph batches of users and views.

    Args:
        views: a reader of whole users, and where halves are read, of earlier and later halves.
    """

    def __init__(self, *views: GraphReader) -> None:
        self.views = views

    def read(self, user_R: Rows, view_R: Rows) -> TextGraphBatch:
        """Return one graph for each user and view, in this order; views ascend."""
        parts = [
            self.views[view].read(user_R[view_R == view]) for view in np.unique(view_R).tolist()
        ]
        return text_graph_batch(join_users(parts, weighted=parts[0].edge_weight_E is not None))


def half_of(tokens: Tokens, half: Literal["earlier", "later"]) -> Tokens:
    """Return one half of each user's posts; of an odd number, the later half has one more."""
    first_U, stop_U = tokens.user_ptr_U1[:-1], tokens.user_ptr_U1[1:]
    middle_U = first_U + (stop_U - first_U) // 2
    start_U, end_U = (first_U, middle_U) if half == "earlier" else (middle_U, stop_U)
    post_P, user_ptr_U1 = ranges(start_U, end_U - start_U)
    start_P, end_P = tokens.post_ptr_P1[post_P], tokens.post_ptr_P1[post_P + 1]
    token_T, post_ptr_P1 = ranges(start_P, end_P - start_P)
    return Tokens(tokens.id_T[token_T], post_ptr_P1, user_ptr_U1, tokens.time_P[post_P])
