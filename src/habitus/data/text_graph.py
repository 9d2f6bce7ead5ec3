"""Text graphs: a user's distinct words, joined where they occur together more than by chance.

PASUM (P3-P5, P7; eq. 1, 2), by the algorithm of A1.3 with A-P3 … A-P7: a window slides over each
post, ``N_i`` and ``N_ij`` count the windows of one user that hold a word and a pair of words, ``N``
all its windows; words whose PMI is above 0 are joined, and the words of highest degree stay.

Differs from the paper: which window, whether a window may cross posts, and how ties of degree are
decided is not in it (A-P3, A-P6); other rules, weights and scores are options (A-P5, A-P6).

Shapes: U users, V nodes of all users, E directed edges (each pair twice), T tokens, W words, C
users that are worked on at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from habitus.config import Config
from habitus.data import association
from habitus.data.association import Rules
from habitus.data.snapshot import ranges
from habitus.data.text_graph_characters import Characters, add_characters
from habitus.data.text_graph_kernels import Array, build
from habitus.data.traces import Rows
from habitus.errors import DataError, UsageError

if TYPE_CHECKING:
    from habitus.data.tokens import Tokens

MAX_NODES = 65_535
"""Columns are stored in 16 bits."""
_AT_ONCE = 64
"""Users of one call of compiled code: what it makes stays in the cache."""


@dataclass(frozen=True, kw_only=True)
class TextGraphConfig(Config):
    """How the words of a user become a graph."""

    window: int = 20
    """Tokens of a window; a post of at most so many is one window (A-P3: TextGCN's value)."""
    max_nodes: int | None = 500
    """Words that stay, by degree in the full graph, then windows, then id (P7, A-P6); None: all."""
    edge_rule: Literal["pmi", "npmi", "llr", "cooc"] = "pmi"
    """Which pairs are joined: PMI or NPMI above the threshold, a log-likelihood ratio above it in
    pairs that meet more than by chance, or at least so many windows together (A-P5)."""
    edge_threshold: float = 0.0
    """What the rule compares with; where it is 0, PMI above 0 is decided by integers."""
    edge_weight: Literal["binary", "ppmi", "npmi", "cooc"] = "binary"
    """Binary is the paper's; the others are stored as float32, never below 0."""
    smoothing: float = 1.0
    """Exponent of the count of the context word in PMI (Levy et al. 2015: .75); 1: none."""
    shrinkage: float = 0.0
    """λ: PMI and NPMI are multiplied by N_ij / (N_ij + λ), so that rare pairs count less."""
    node_score: Literal["degree", "degree_idf", "count", "count_idf"] = "degree"
    """What the words that stay have most of: neighbours (the paper), which favours function words,
    or tokens; as they are, or times idf (A-P6, improvements I1.7)."""
    char_nodes: bool = False
    """Whether the characters of the words that stay are nodes too, joined with these words; of
    words of other scripts than Han and kana, runs of 3 to 5 characters (A-P1). They are added when
    the graph of words is made, and change nothing in it."""
    max_char_nodes: int | None = 500
    """Characters that stay, beside ``max_nodes`` words: those of most of these words, then of most
    tokens, then the first of the vocabulary; None: all."""

    def __post_init__(self) -> None:
        if self.window < 2:
            raise UsageError(f"window must be at least 2, got {self.window}: one word has no pair")
        if self.max_nodes is not None and not 1 <= self.max_nodes <= MAX_NODES:
            raise UsageError(f"max_nodes must be in [1, {MAX_NODES}] or None, got {self.max_nodes}")
        if self.max_char_nodes is not None and self.max_char_nodes < 1:
            raise UsageError(
                f"max_char_nodes must be at least 1 or None, got {self.max_char_nodes}; for no "
                f"characters set char_nodes to false"
            )
        if self.char_nodes and (self.max_nodes or 0) + (self.max_char_nodes or 0) > MAX_NODES:
            raise UsageError(
                f"max_nodes and max_char_nodes must be at most {MAX_NODES} together, got "
                f"{self.max_nodes} and {self.max_char_nodes}"
            )
        if not 0 < self.smoothing <= 1:
            raise UsageError(f"smoothing must be in (0, 1], got {self.smoothing}")
        if self.shrinkage < 0:
            raise UsageError(f"shrinkage must be at least 0, got {self.shrinkage}")
        if self.edge_rule in ("llr", "cooc") and self.edge_threshold < 0:
            raise UsageError(
                f"edge_threshold of the rule {self.edge_rule!r} must be at least 0, got "
                f"{self.edge_threshold}"
            )

    @property
    def needs_idf(self) -> bool:
        """Whether a graph depends on the idf of words."""
        return self.node_score.endswith("_idf")

    @property
    def rules(self) -> Rules:
        """The settings as numbers, for compiled code."""
        return Rules(
            window=self.window,
            max_nodes=-1 if self.max_nodes is None else self.max_nodes,
            rule=getattr(association, self.edge_rule.upper()),
            threshold=float(self.edge_threshold),
            weight=getattr(association, self.edge_weight.upper()),
            smoothing=float(self.smoothing),
            shrinkage=float(self.shrinkage),
            by_count=self.node_score in ("count", "count_idf"),
        )


class TextGraphs(NamedTuple):
    """Graphs of some users, ragged: what is stored and what batches are made of."""

    node_ptr_U1: Rows
    """First node of each user, and ``V``."""
    word_V: npt.NDArray[np.int32]
    """Word of each node, ascending within a user."""
    count_V: npt.NDArray[np.int32]
    """How often the word stands in the user's posts."""
    edge_ptr_V1: Rows
    """First edge of each node, and ``E``."""
    edge_col_E: npt.NDArray[np.uint16]
    """Neighbour: its place among the nodes of the same user; ascending within a node."""
    edge_weight_E: npt.NDArray[np.float32] | None
    """None where edges are binary."""

    @property
    def num_users(self) -> int:
        """Users, those without words included."""
        return len(self.node_ptr_U1) - 1

    def read(self, rows_U: Rows) -> TextGraphs:
        """Return the graphs of some users, in this order: as ``TextGraphStore.read`` does."""
        start_U, stop_U = self.node_ptr_U1[rows_U], self.node_ptr_U1[rows_U + 1]
        node_V, node_ptr_U1 = ranges(start_U, stop_U - start_U)
        degree_V = self.edge_ptr_V1[node_V + 1] - self.edge_ptr_V1[node_V]
        first_U, last_U = self.edge_ptr_V1[start_U], self.edge_ptr_V1[stop_U]
        weight_E = self.edge_weight_E
        return TextGraphs(
            node_ptr_U1,
            self.word_V[node_V],
            self.count_V[node_V],
            pointers(degree_V),
            take_ranges(self.edge_col_E, first_U, last_U),
            None if weight_E is None else take_ranges(weight_E, first_U, last_U),
        )


def build_text_graphs(
    tokens: Tokens,
    config: TextGraphConfig,
    idf_W: npt.NDArray[np.floating] | None = None,
    *,
    characters: Characters | None = None,
    threads: int = 1,
) -> TextGraphs:
    """Return the graph of each user of ``tokens``, whose ids are word ids 0 … W - 1.

    Equal, byte for byte, whatever the order of posts, the other users and the threads.

    Raises:
        UsageError: ``node_score`` has an idf, and ``idf_W`` is missing or too short; or there are
            to be ``char_nodes``, and ``characters`` of the vocabulary are missing.
        DataError: a user has more than 65,535 words, or words and characters.
    """
    if config.char_nodes and characters is None:
        raise UsageError(
            "char_nodes needs the characters of the vocabulary that numbered the words"
        )
    num_words = int(tokens.id_T.max()) + 1 if len(tokens.id_T) else 0
    assert not len(tokens.id_T) or tokens.id_T.min() >= 0
    idf = _idf(config, idf_W, num_words)
    work = partial(_build_some, tokens, num_words, config, idf, characters)
    starts = range(0, tokens.num_users, _AT_ONCE)
    if threads == 1:
        return join_users(
            [work(start) for start in starts], weighted=config.edge_weight != "binary"
        )
    # Compiled code lets go of Python's lock: threads do here what prange would do inside it.
    with ThreadPoolExecutor(threads) as pool:
        return join_users(list(pool.map(work, starts)), weighted=config.edge_weight != "binary")


def with_characters(
    graphs: TextGraphs, config: TextGraphConfig, characters: Characters, start: int = 0
) -> TextGraphs:
    """Return graphs of words with their characters, if the config has them; else as they are.

    Raises:
        DataError: a user, counted from ``start``, has more than 65,535 words and characters.
    """
    if not config.char_nodes:
        return graphs
    found = add_characters(graphs, characters, config.max_char_nodes)
    nodes_U = np.diff(found.node_ptr_U1)
    if (nodes_U > MAX_NODES).any():
        user = int(nodes_U.argmax())
        raise DataError(
            f"user {start + user} of those asked for has {nodes_U[user]} words and characters, a "
            f"graph can have {MAX_NODES}: set max_char_nodes, or max_nodes"
        )
    return found


def join_users(parts: Sequence[TextGraphs], *, weighted: bool) -> TextGraphs:
    """Return the users of all parts, one after the other."""
    nodes = np.cumsum([0, *(len(p.word_V) for p in parts)])
    edges = np.cumsum([0, *(len(p.edge_col_E) for p in parts)])
    node_ptrs = [p.node_ptr_U1[1:] + n for p, n in zip(parts, nodes[:-1], strict=True)]
    edge_ptrs = [p.edge_ptr_V1[1:] + e for p, e in zip(parts, edges[:-1], strict=True)]
    weights = [p.edge_weight_E for p in parts if p.edge_weight_E is not None]
    zero = np.zeros(1, np.int64)
    return TextGraphs(
        np.concatenate([zero, *node_ptrs]),
        np.concatenate([np.empty(0, np.int32), *(p.word_V for p in parts)]),
        np.concatenate([np.empty(0, np.int32), *(p.count_V for p in parts)]),
        np.concatenate([zero, *edge_ptrs]),
        np.concatenate([np.empty(0, np.uint16), *(p.edge_col_E for p in parts)]),
        np.concatenate([np.empty(0, np.float32), *weights]) if weighted else None,
    )


def pointers(length_B: npt.NDArray[np.integer]) -> Rows:
    """Return where each of some ranges starts that stand one after the other, and the end.

    >>> pointers(np.array([2, 0, 3])).tolist()
    [0, 2, 2, 5]
    """
    ptr_B1 = np.zeros(len(length_B) + 1, np.int64)
    np.cumsum(length_B, out=ptr_B1[1:])
    return ptr_B1


def take_ranges(values_E: Array, start_B: Rows, stop_B: Rows) -> Array:
    """Return the concatenated ranges ``start … stop`` of an array, which may be memory-mapped.

    >>> take_ranges(np.arange(9), np.array([7, 1]), np.array([9, 2])).tolist()
    [7, 8, 1]
    """
    taken = np.empty(int((stop_B - start_B).sum()), values_E.dtype)
    _copy_ranges(np.asarray(values_E), start_B, stop_B, taken)
    return taken


@njit(cache=True, nogil=True)
def _copy_ranges(values_E: Array, start_B: Rows, stop_B: Rows, taken: Array) -> None:
    to = 0
    for b in range(len(start_B)):
        values = values_E[start_B[b] : stop_B[b]]
        place = taken[to : to + len(values)]
        for e in range(len(values)):
            place[e] = values[e]
        to += len(values)


def _idf(config: TextGraphConfig, idf_W: Array | None, num_words: int) -> Array:
    if not config.needs_idf:
        return np.empty(0)
    if idf_W is None or len(idf_W) < num_words:
        have = "none" if idf_W is None else f"that of {len(idf_W)}"
        raise UsageError(
            f"node_score {config.node_score!r} needs the idf of {num_words} words, got {have}: "
            f"give the idf_W of the vocabulary that numbered them, or take a score without idf"
        )
    return np.require(idf_W, np.float64, ["C", "W"])


def _build_some(
    tokens: Tokens,
    num_words: int,
    config: TextGraphConfig,
    idf_W: Array,
    characters: Characters | None,
    start: int,
) -> TextGraphs:
    """Return the graphs of up to ``C`` users from ``start`` on."""
    user_ptr_C1 = tokens.user_ptr_U1[start : start + _AT_ONCE + 1]
    ptr_P1 = tokens.post_ptr_P1[user_ptr_C1[0] : user_ptr_C1[-1] + 1]
    # Code would be compiled anew for read-only arrays, such as mapped ones: these are copied.
    id_T = np.require(tokens.id_T[ptr_P1[0] : ptr_P1[-1]], np.int32, ["C", "W"])
    found = build(
        id_T,
        ptr_P1 - ptr_P1[0],
        user_ptr_C1 - user_ptr_C1[0],
        num_words,
        config.rules,
        idf_W,
        MAX_NODES,
    )
    node_ptr_U1, word_V, count_V, edge_ptr_V1, col_E, weight_E, bad = found
    if bad >= 0:
        raise _too_many_words(tokens, start + bad)
    weights = None if config.edge_weight == "binary" else weight_E
    graphs = TextGraphs(node_ptr_U1, word_V, count_V, edge_ptr_V1, col_E, weights)
    return graphs if characters is None else with_characters(graphs, config, characters, start)


def _too_many_words(tokens: Tokens, user: int) -> DataError:
    first, last = tokens.post_ptr_P1[tokens.user_ptr_U1[user : user + 2]]
    number = len(np.unique(tokens.id_T[first:last]))
    return DataError(
        f"user {user} of those asked for has {number} different words, a graph can have "
        f"{MAX_NODES}: set max_nodes, or fit a smaller vocabulary"
    )
