"""Graphs of keywords: joined as a whole corpus joins them."""

from __future__ import annotations

import numpy as np
import pytest

from habitus.data.keyword_graphs import (
    WordPairs,
    keyword_graphs,
    one_word_graphs,
    training_pairs,
)
from habitus.data.text_graph import TextGraphConfig, build_text_graphs
from habitus.data.text_graph_batch import text_graph_batch
from habitus.data.tokens import Tokens
from tests.data.plain_text_graph import count_windows

WORDS = 30


def corpus(seed: int = 0, num_users: int = 5) -> tuple[Tokens, list[list[int]]]:
    """Return tokens of some users, and all their posts as lists."""
    random = np.random.default_rng(seed)
    posts = [
        [int(w) for w in random.zipf(1.4, size=random.integers(0, 12)) if w <= WORDS]
        for _ in range(num_users * 8)
    ]
    posts = [[word - 1 for word in post] for post in posts]
    ptr_P1 = np.cumsum([0, *map(len, posts)]).astype(np.int64)
    id_T = np.array([word for post in posts for word in post], np.int32)
    user_U1 = np.arange(num_users + 1, dtype=np.int64) * 8
    return Tokens(id_T, ptr_P1, user_U1, np.arange(len(posts))), posts


@pytest.mark.parametrize("window", [2, 4, 20])
def test_pairs_are_those_of_a_literal_count_over_all_posts(window: int) -> None:
    tokens, posts = corpus()
    chosen = np.array([0, 1, 3, 4, 7, 12])
    found = training_pairs(tokens, chosen, WORDS, TextGraphConfig(window=window, max_nodes=1))
    counts = count_windows(posts, window)
    assert found.joined_KK.any()
    for i, a in enumerate(chosen):
        for j, b in enumerate(chosen):
            both = counts.both.get((min(a, b), max(a, b)), 0) if a != b else 0
            # PMI above 0 in whole numbers: N_ij N > N_i N_j.
            joined = both * counts.windows > counts.of.get(a, 0) * counts.of.get(b, 0)
            assert found.joined_KK[i, j] == (joined and both > 0), (a, b)
    assert found.weight_KK is None


def test_all_words_give_the_graph_of_one_user_who_wrote_everything() -> None:
    tokens, _ = corpus(1)
    config = TextGraphConfig(window=5, max_nodes=None, edge_weight="ppmi")
    whole = build_text_graphs(tokens._replace(user_ptr_U1=np.array([0, tokens.num_posts])), config)
    pairs = training_pairs(tokens, np.arange(WORDS), WORDS, config)
    made = keyword_graphs([whole.word_V.astype(np.int64)], pairs)
    for name in ("node_ptr_U1", "word_V", "edge_ptr_V1", "edge_col_E", "edge_weight_E"):
        np.testing.assert_array_equal(getattr(made, name), getattr(whole, name), name)


def test_a_word_that_nobody_wrote_is_alone() -> None:
    tokens, _ = corpus()
    pairs = training_pairs(tokens, np.array([0, 1, WORDS]), WORDS + 1, TextGraphConfig())
    assert not pairs.joined_KK[2].any()
    assert not pairs.joined_KK[:, 2].any()


def by_hand(weighted: bool) -> WordPairs:
    """Words 2, 5 and 9, of which 5 is joined to both others."""
    joined_KK = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.bool_)
    weight_KK = np.array([[0, 2, 0], [2, 0, 3], [0, 3, 0]], np.float32)
    return WordPairs(np.array([2, 5, 9]), joined_KK, weight_KK if weighted else None)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_list_is_a_graph_of_its_own_words(weighted: bool) -> None:
    lists = [np.array([2, 5]), np.array([], np.int64), np.array([2, 9]), np.array([2, 5, 9])]
    found = keyword_graphs(lists, by_hand(weighted))
    assert found.node_ptr_U1.tolist() == [0, 2, 2, 4, 7]
    assert found.word_V.tolist() == [2, 5, 2, 9, 2, 5, 9]
    assert found.count_V.tolist() == [1] * 7
    # Degrees: 1, 1 | none | 0, 0 | 1, 2, 1; columns are places in the list.
    assert np.diff(found.edge_ptr_V1).tolist() == [1, 1, 0, 0, 1, 2, 1]
    assert found.edge_col_E.tolist() == [1, 0, 1, 0, 2, 1]
    if weighted:
        assert found.edge_weight_E is not None
        assert found.edge_weight_E.tolist() == [2, 2, 2, 2, 3, 3]
    else:
        assert found.edge_weight_E is None


def test_one_word_is_a_graph_of_one_node() -> None:
    graphs = one_word_graphs(np.array([7, 3, 7]))
    batch = text_graph_batch(graphs)
    assert batch.lengths_U.tolist() == [1, 1, 1]
    assert batch.num_edges == 0
    assert batch.word_W[batch.place_V].tolist() == [7, 3, 7]
    assert graphs.edge_weight_E is None
    assert one_word_graphs(np.array([1]), weighted=True).edge_weight_E is not None
