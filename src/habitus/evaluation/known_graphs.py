"""Known answers about text graphs: two users whose graphs are counted on the fingers (A-P4)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from habitus.evaluation.known_answers import Answer


def text_graph_by_hand() -> Iterable[Answer]:
    """Two users: pairs above chance are joined, a pair of every window is not."""
    from habitus.data.text_graph import TextGraphConfig, build_text_graphs
    from habitus.data.tokens import Tokens

    # Posts of the first user: 1 2, 1 3, 4; of the second: 1 2, 2 1. Each is one window.
    id_T, post_ptr_P1 = (
        np.array([1, 2, 1, 3, 4, 1, 2, 2, 1], np.int32),
        np.array([0, 2, 4, 5, 7, 9]),
    )
    tokens = Tokens(id_T, post_ptr_P1, np.array([0, 3, 5]), np.zeros(5, np.int64))
    graphs = build_text_graphs(tokens, TextGraphConfig(window=20, max_nodes=10))
    first, second = graphs.read(np.array([0])), graphs.read(np.array([1]))
    row_E = np.repeat(np.arange(len(first.word_V)), np.diff(first.edge_ptr_V1))
    found = {
        (int(first.word_V[i]), int(first.word_V[j]))
        for i, j in zip(row_E, first.edge_col_E, strict=True)
    }
    wrong = found ^ {(1, 2), (2, 1), (1, 3), (3, 1)}
    above = "by hand: N = 3, N₁ = 2, N₂ = N₃ = N₁₂ = N₁₃ = 1, and 1 · 3 > 2 · 1"
    yield Answer("text graph, edges that are wrong", len(wrong), 0, 0, above)
    alone = "by hand: 4 has no neighbour and stays"
    yield Answer("text graph, words", len(first.word_V), 4, 0, alone)
    chance = "by hand: N = N₁ = N₂ = N₁₂ = 2, PMI = log 1 = 0"
    yield Answer(
        "text graph, edges of a pair in every window", len(second.edge_col_E), 0, 0, chance
    )
    yield Answer(
        "text graph, its words", len(second.word_V), 2, 0, "by hand: words without edges stay"
    )
