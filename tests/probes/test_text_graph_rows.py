"""Batches of chosen users from graphs that are built once."""

import numpy as np
import torch

from habitus.data.text_graph import TextGraphConfig, build_text_graphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.tokens import Tokens
from habitus.probes.text_graph_rows import text_graph_rows

# Three users: words 1 2 | 3 1 | nothing | 2 3 3
TOKENS = Tokens(
    np.array([1, 2, 3, 1, 2, 3, 3], np.int32),
    np.array([0, 2, 4, 7]),
    np.array([0, 2, 2, 3]),
    np.zeros(3, np.int64),
)


def test_chosen_users_are_a_batch_in_the_order_asked() -> None:
    graphs = build_text_graphs(TOKENS, TextGraphConfig())
    batches = text_graph_rows(graphs)
    ((rows, batch),) = batches(np.array([2, 0]))
    assert rows.tolist() == [0, 1]
    assert batch.lengths_U.tolist() == [2, 3]
    assert batch.word_W[batch.place_V].tolist() == [2, 3, 1, 2, 3]
    assert batch.count_V.tolist() == [1, 2, 2, 1, 1]
    # User 0: 2 windows; 1 with 2 and 1 with 3 stand together once: 1 · 2 > 2 · 1 does not hold.
    assert batch.num_edges == 0


def test_everybody_is_what_the_graphs_are() -> None:
    graphs = build_text_graphs(TOKENS, TextGraphConfig(edge_rule="cooc", edge_threshold=1))
    ((_, batch),) = text_graph_rows(graphs)(np.arange(3))
    whole = text_graph_batch(graphs)
    for name in ("node_ptr_U1", "word_W", "place_V", "edge_ptr_V1", "edge_col_E"):
        assert torch.equal(getattr(batch, name), getattr(whole, name)), name
    # 1-2 and 1-3 of user 0, 2-3 of user 2, both ways
    assert batch.num_edges == 2 * (2 + 1)
