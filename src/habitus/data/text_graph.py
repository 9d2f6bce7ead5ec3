"""Text graphs: a user's distinct words, joined where they occur together more than by chance.

PASUM (P3-P5, P7; eq. 1, 2), by the algorithm of A1.3 with A-P3 … A-P7: a window slides over each
post, ``N_i`` and ``N_ij`` count the windows of one user that hold a word and a pair of words, ``N``
all its windows; words whose PMI is above 0 are joined, and the words of highest degree stay.

Differs from the paper: which window, whether a window may cross posts, and how ties of degree are
decided is not in it (A-P3, A-P6); other rules, weights and scores are options (A-P5, A-P6).

Shapes: U users, V nodes of all users, E directed edges (each twice), T tokens, W words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.errors import UsageError

if TYPE_CHECKING:
    from habitus.data.tokens import Tokens

MAX_NODES = 65_535
"""Columns are stored in 16 bits."""


@dataclass(frozen=True, kw_only=True)
class TextGraphConfig(Config):
    """How the words of a user become a graph."""

    window: int = 20
    """Tokens of a window; a post of at most so many is one window (A-P3: TextGCN's value)."""
    max_nodes: int | None = 500
    """Words that stay, by degree in the full graph, then windows, then id (P7, A-P6); None: all."""
    edge_rule: Literal["pmi", "npmi", "llr", "cooc"] = "pmi"
    """Which pairs are joined: PMI or NPMI above the threshold, log-likelihood ratio above it, or at
    least so many windows together (A-P5)."""
    edge_threshold: float = 0.0
    """What the rule compares with; PMI above 0 is decided by integers."""
    edge_weight: Literal["binary", "ppmi", "npmi", "cooc"] = "binary"
    """Binary is the paper's; the others are stored as float32, never below 0."""
    smoothing: float = 1.0
    """Exponent of the count of the context word in PMI (Levy et al. 2015 take .75); 1: none."""
    shrinkage: float = 0.0
    """λ: PMI and NPMI are multiplied by N_ij / (N_ij + λ), so that rare pairs count less."""
    node_score: Literal["degree", "degree_idf"] = "degree"
    """What the words that stay have most of; degree alone favours function words (A-P6)."""


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
        raise NotImplementedError


def build_text_graphs(
    tokens: Tokens,
    config: TextGraphConfig,
    idf_W: npt.NDArray[np.floating] | None = None,
    *,
    threads: int = 1,
) -> TextGraphs:
    """Return the graph of each user of ``tokens``, whose ids are word ids 0 … W - 1.

    Equal, byte for byte, whatever the order of posts, the other users and the threads.

    Raises:
        UsageError: ``node_score`` is ``degree_idf`` and ``idf_W`` is missing or too short.
        DataError: a user has more than 65,535 words and ``max_nodes`` is None.
    """
    raise UsageError("not written yet")
