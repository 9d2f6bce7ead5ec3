"""Keyword graphs: graphs of words that no user wrote, joined as a whole corpus joins them.

PASUM A-P23: the words that stand for a class become a graph like a user's, whose edges come from
the PMI of all training posts. Fig. 4b: one word is a graph of one node.

Shapes: K words, C lists of words, W words of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs
from habitus.data.tokens import Tokens, relabel
from habitus.data.traces import Rows


class WordPairs(NamedTuple):
    """Which of some words belong together."""

    word_K: Rows
    """Ids of the words, ascending."""
    joined_KK: npt.NDArray[np.bool_]
    """Symmetric; no word is joined to itself."""
    weight_KK: npt.NDArray[np.float32] | None
    """None where edges are binary."""


def training_pairs(
    tokens: Tokens, word_K: Rows, num_words: int, config: TextGraphConfig
) -> WordPairs:
    """Return which words are joined when all posts of all users count as one user's.

    Args:
        tokens: the training posts; ids are places in the vocabulary.
        word_K: ids of the words that matter, ascending; one that nobody wrote is joined to nothing.
        num_words: ``W``.
        config: the rule of edges; which words would be kept plays no part. With smoothing, all
            other words count as one.
    """
    size = len(word_K)
    # The other words keep their places in the windows, under one id: only K words are counted.
    place_W = np.full(num_words, size, np.int32)
    place_W[word_K] = np.arange(size)
    one = relabel(tokens, place_W)._replace(user_ptr_U1=np.array([0, tokens.num_posts]))
    everything = replace(config, max_nodes=None, node_score="degree", char_nodes=False)
    graph = build_text_graphs(one, everything)
    row_E = np.repeat(graph.word_V, np.diff(graph.edge_ptr_V1))
    col_E = graph.word_V[graph.edge_col_E]
    both_E = (row_E < size) & (col_E < size)
    row_E, col_E = row_E[both_E], col_E[both_E]
    joined_KK = np.zeros((size, size), np.bool_)
    joined_KK[row_E, col_E] = True
    weight_KK = None
    if graph.edge_weight_E is not None:
        weight_KK = np.zeros((size, size), np.float32)
        weight_KK[row_E, col_E] = graph.edge_weight_E[both_E]
    return WordPairs(word_K, joined_KK, weight_KK)


def keyword_graphs(lists: Sequence[Rows], pairs: WordPairs) -> TextGraphs:
    """Return the graph of each list of word ids; each word counts as written once.

    Args:
        lists: ids, ascending and among those of ``pairs``; a list may be empty.
        pairs: which are joined.
    """
    node_ptr_C1 = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    degrees, columns, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)], []
    for word_N in lists:
        place_N = np.searchsorted(pairs.word_K, word_N)
        joined_NN = pairs.joined_KK[np.ix_(place_N, place_N)]
        degrees.append(joined_NN.sum(axis=1))
        columns.append(joined_NN.nonzero()[1].astype(np.uint16))
        if pairs.weight_KK is not None:
            weights.append(pairs.weight_KK[np.ix_(place_N, place_N)][joined_NN])
    word_V = np.concatenate([np.zeros(0, np.int32), *lists]).astype(np.int32)
    return TextGraphs(
        node_ptr_U1=node_ptr_C1,
        word_V=word_V,
        count_V=np.ones(len(word_V), np.int32),
        edge_ptr_V1=np.cumsum([0, *np.concatenate(degrees)]).astype(np.int64),
        edge_col_E=np.concatenate(columns),
        edge_weight_E=None if pairs.weight_KK is None else np.concatenate(weights),
    )


def one_word_graphs(word_K: Rows, *, weighted: bool = False) -> TextGraphs:
    """Return a graph of one node for each word, in this order.

    Args:
        word_K: ids, any order.
        weighted: for an encoder that reads weights of edges, of which there are none.
    """
    size = len(word_K)
    return TextGraphs(
        node_ptr_U1=np.arange(size + 1, dtype=np.int64),
        word_V=np.asarray(word_K, np.int32),
        count_V=np.ones(size, np.int32),
        edge_ptr_V1=np.zeros(size + 1, np.int64),
        edge_col_E=np.zeros(0, np.uint16),
        edge_weight_E=np.zeros(0, np.float32) if weighted else None,
    )
