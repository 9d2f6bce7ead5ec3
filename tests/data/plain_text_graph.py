"""The text graph by definition: literal loops, one pair and one window at a time.

Written from the text of the resolutions (A-P3 … A-P6), with dictionaries; it shares nothing with
the package.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from habitus.data.text_graph import TextGraphConfig, TextGraphs
from habitus.data.tokens import Tokens

Posts = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Counts:
    """Windows of one user."""

    windows: int
    of: dict[int, int]
    """``N_i``."""
    both: dict[tuple[int, int], int]
    """``N_ij``, i < j."""


def count_windows(posts: Posts, window: int) -> Counts:
    """Return how many windows there are, and how many hold each word and pair."""
    counts = Counts(sum(len(windows_of(p, window)) for p in posts), {}, {})
    for post in posts:
        for words in windows_of(post, window):
            for word in words:
                counts.of[word] = counts.of.get(word, 0) + 1
            for pair in combinations(sorted(words), 2):
                counts.both[pair] = counts.both.get(pair, 0) + 1
    return counts


def windows_of(post: Sequence[int], window: int) -> list[set[int]]:
    """Return the words of each window of a post."""
    if not post:
        return []
    if len(post) <= window:
        return [set(post)]
    return [set(post[at : at + window]) for at in range(len(post) - window + 1)]


def score(kind: str, pair: tuple[int, int], counts: Counts, config: TextGraphConfig) -> float:
    """Return what a rule compares, or a weight before it is cut at 0."""
    n, n_i, n_j, n_ij = counts.windows, *(counts.of[w] for w in pair), counts.both[pair]
    if kind == "cooc":
        return n_ij
    if kind == "llr":
        expected = [a * b / n for a in (n_i, n - n_i) for b in (n_j, n - n_j)]
        seen = [n_ij, n_i - n_ij, n_j - n_ij, n - n_i - n_j + n_ij]
        ratio = 2 * sum(s * math.log(s / e) for s, e in zip(seen, expected, strict=True) if s)
        return ratio if n_ij * n > n_i * n_j else -ratio
    alpha = config.smoothing
    scale = sum(counts.of.values()) / sum(c**alpha for c in counts.of.values())
    there = math.log((n_ij / n) / (n_i / n * (n_j**alpha * scale / n)))
    back = math.log((n_ij / n) / (n_j / n * (n_i**alpha * scale / n)))
    pmi = (there + back) / 2 * n_ij / (n_ij + config.shrinkage)
    if kind == "npmi":
        return 0.0 if n_ij == n else pmi / -math.log(n_ij / n)
    return pmi


def is_edge(pair: tuple[int, int], counts: Counts, config: TextGraphConfig) -> bool:
    """Return whether the rule joins a pair that met."""
    if config.edge_rule == "cooc":
        return counts.both[pair] >= config.edge_threshold
    n_i, n_j = counts.of[pair[0]], counts.of[pair[1]]
    if config.edge_threshold == 0 and (config.smoothing == 1 or config.edge_rule == "llr"):
        return counts.both[pair] * counts.windows > n_i * n_j
    return score(config.edge_rule, pair, counts, config) > config.edge_threshold


def plain_graph(
    posts: Posts, config: TextGraphConfig, idf: Sequence[float] = ()
) -> tuple[list[int], dict[tuple[int, int], float]]:
    """Return the words that stay and the weight of each edge, i < j."""
    counts = count_windows(posts, config.window)
    edges = {pair for pair in counts.both if is_edge(pair, counts, config)}
    degree = {word: sum(word in pair for pair in edges) for word in counts.of}
    count = Counter(word for post in posts for word in post)
    base = {w: count[w] if config.node_score.startswith("count") else degree[w] for w in degree}
    rank = {w: base[w] * idf[w] for w in base} if config.node_score.endswith("_idf") else base
    kept = sorted(counts.of, key=lambda w: (-rank[w], -counts.of[w], w))[: config.max_nodes]
    weights = {}
    for i, j in edges:
        if i in kept and j in kept:
            kind = "pmi" if config.edge_weight == "ppmi" else config.edge_weight
            weight = 1.0 if kind == "binary" else score(kind, (i, j), counts, config)
            weights[i, j] = max(0.0, weight)
    return sorted(kept), weights


def tokens_of(users: Sequence[Posts]) -> Tokens:
    """Return the tokens of users whose posts are lists of word ids."""
    posts = [post for user in users for post in user]
    return Tokens(
        np.array([word for post in posts for word in post], np.int32),
        np.cumsum([0, *map(len, posts)], dtype=np.int64),
        np.cumsum([0, *map(len, users)], dtype=np.int64),
        np.arange(len(posts), dtype=np.int64),
    )


def edges_of(graphs: TextGraphs, user: int) -> tuple[list[int], dict[tuple[int, int], float]]:
    """Return the words of one user and the weight of each directed edge, by words."""
    first, last = graphs.node_ptr_U1[user : user + 2]
    words = graphs.word_V[first:last].tolist()
    weights = {}
    for node in range(first, last):
        for edge in range(*graphs.edge_ptr_V1[node : node + 2]):
            pair = words[node - first], words[graphs.edge_col_E[edge]]
            assert pair not in weights
            held = graphs.edge_weight_E
            weights[pair] = 1.0 if held is None else float(held[edge])
    return words, weights
