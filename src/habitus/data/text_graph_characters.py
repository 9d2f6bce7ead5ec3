"""Characters of words as nodes of their own, beside the words of a text graph (A-P1; off).

A word of Han or kana is joined with its characters, a word of another script with its grams: runs
of three to five characters, such as fastText has (Bojanowski et al. 2017). Two words that share a
part are then two steps apart, though they never met. A character is another node than the word of
one character, and a gram than the word that is spelled so.

Only what two words of the vocabulary share is a node: what one word has alone says nothing that
the word does not. Characters are numbered after the words, by the vocabulary alone, so a model
directory keeps nothing of them but the rows of its tables.

Shapes: U users, V nodes, E directed edges, W words, C characters (grams included), N characters of
all words, K characters of a user's graph, T tokens, D width.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit
from scipy.sparse import csr_array

from habitus.data.scripts import HAN, HIRAGANA, KATAKANA
from habitus.data.text_graph_kernels import Array, choose
from habitus.data.tokens import Tokens
from habitus.data.traces import Rows

if TYPE_CHECKING:
    from habitus.data.text_graph import TextGraphs

SHORTEST_GRAM: Final = 3
LONGEST_GRAM: Final = 5
LEAST_WORDS: Final = 2
"""Words of the vocabulary that must have a character."""
_ONE_BY_ONE = re.compile(f"[{HAN}{HIRAGANA}{KATAKANA}]+")


class Characters(NamedTuple):
    """Which characters are in which words of a vocabulary; ``W + c`` is the id of character c."""

    names: list[str]
    """``(C)``, in the order of the first word that has each."""
    ptr_W1: Rows
    """First character of each word, and ``N``."""
    char_N: npt.NDArray[np.int32]
    """The characters of a word, 0 … C - 1, ascending, each once."""

    @classmethod
    def of(cls, words: Sequence[str] | pa.StringArray) -> Self:
        """Return the characters of the words of a vocabulary."""
        listed = words.to_pylist() if isinstance(words, pa.StringArray) else words
        parts = [parts_of(word) for word in listed]
        number = Counter(part for one in parts for part in one)
        names = [part for part, words_of_it in number.items() if words_of_it >= LEAST_WORDS]
        place = {name: c for c, name in enumerate(names)}
        lists = [sorted(place[part] for part in one if part in place) for one in parts]
        ptr_W1 = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        return cls(names, ptr_W1, np.array([c for one in lists for c in one], np.int32))

    @property
    def num_words(self) -> int:
        """Words of the vocabulary: the id of the first character."""
        return len(self.ptr_W1) - 1

    def extend(self, vectors_WD: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return vectors of words and characters, ``(W + C, D)``: a character's is its words' mean.

        Differs from the paper: it has no characters; so they begin near what they are parts of.
        """
        number_C = np.bincount(self.char_N, minlength=len(self.names))
        share_N = 1 / number_C[self.char_N]
        shape = self.num_words, len(self.names)
        mean_CD = csr_array((share_N, self.char_N, self.ptr_W1), shape).T @ vectors_WD
        return np.concatenate([vectors_WD, mean_CD.astype(np.float32)])

    def count_users(self, tokens: Tokens) -> Rows:
        """Return how many users have a word with each character, ``(C)``.

        Args:
            tokens: ids are places in the vocabulary.
        """
        users_C = np.zeros(len(self.names), np.int64)
        first_U1 = tokens.post_ptr_P1[tokens.user_ptr_U1]
        _count_users(tokens.id_T, first_U1, self.ptr_W1, self.char_N, users_C)
        return users_C


def parts_of(word: str) -> list[str]:
    """Return the characters of a word of Han or kana, the grams of another; each once.

    >>> parts_of("中国人"), parts_of("tests"), parts_of("no")
    (['中', '国', '人'], ['tes', 'est', 'sts', 'test', 'ests', 'tests'], [])
    """
    if _ONE_BY_ONE.fullmatch(word):
        return list(dict.fromkeys(word))
    sizes = range(SHORTEST_GRAM, min(LONGEST_GRAM, len(word)) + 1)
    return list(dict.fromkeys(word[i : i + n] for n in sizes for i in range(len(word) - n + 1)))


def add_characters(graphs: TextGraphs, characters: Characters, most: int | None) -> TextGraphs:
    """Return the graphs with the characters of their words, and edges in both directions.

    The words and the edges between them stay as they are. The nodes of a user are its words and
    then its characters, both ascending. A character counts as often as the user's words that have
    it; an edge to it weighs 1.

    Args:
        graphs: all nodes are words.
        characters: of the vocabulary.
        most: characters of a user that stay: those that most of its nodes have, then those of most
            tokens, then the first; None for all.
    """
    node_ptr_U1, word_V, count_V, edge_ptr_V1, col_E, weight_E = graphs
    of_words = characters.ptr_W1, characters.char_N
    chosen = _choose(
        node_ptr_U1,
        word_V,
        count_V,
        *of_words,
        np.zeros(len(characters.names), np.int64),
        len(characters.names) if most is None else most,
    )
    weighted = weight_E is not None
    old_weight_E = np.empty(0, np.float32) if weight_E is None else weight_E
    ptr_V1, new_col_E, new_weight_E = _join(
        node_ptr_U1, word_V, edge_ptr_V1, col_E, old_weight_E, weighted, *of_words, *chosen[:3]
    )
    char_ptr_U1, char_K, _, tokens_K = chosen
    return graphs._replace(
        node_ptr_U1=node_ptr_U1 + char_ptr_U1,
        word_V=_interleave(word_V, node_ptr_U1, char_K + characters.num_words, char_ptr_U1),
        count_V=_interleave(count_V, node_ptr_U1, tokens_K, char_ptr_U1),
        edge_ptr_V1=ptr_V1,
        edge_col_E=new_col_E,
        edge_weight_E=new_weight_E if weighted else None,
    )


def _interleave(of_V: Array, node_ptr_U1: Rows, of_K: Array, char_ptr_U1: Rows) -> Array:
    """Return the values of each user's words and then of its characters."""
    place_K = np.repeat(node_ptr_U1[1:], np.diff(char_ptr_U1))
    return np.insert(of_V, place_K, of_K.astype(of_V.dtype))


@njit(cache=True, nogil=True)
def _choose(
    node_ptr_U1: Array,
    word_V: Array,
    count_V: Array,
    ptr_W1: Array,
    char_N: Array,
    words_C: Array,
    most: int,
) -> tuple[Array, Array, Array, Array]:
    """Return where each user's characters start, which they are, and their words and tokens.

    ``words_C`` is zeros, and is given back so: no user clears a whole vocabulary.
    """
    num_users, room = len(node_ptr_U1) - 1, 0
    for word in word_V:
        room += ptr_W1[word + 1] - ptr_W1[word]
    tokens_C, met_C = np.zeros(len(words_C), np.int64), np.empty(len(words_C), np.int64)
    char_ptr_U1, k = np.zeros(num_users + 1, np.int64), 0
    char_K, words_K, tokens_K = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )
    for u in range(num_users):
        met = 0
        for v in range(node_ptr_U1[u], node_ptr_U1[u + 1]):
            for c in char_N[ptr_W1[word_V[v]] : ptr_W1[word_V[v] + 1]]:
                if words_C[c] == 0:
                    met_C[met], met = c, met + 1
                words_C[c], tokens_C[c] = words_C[c] + 1, tokens_C[c] + count_V[v]
        mine = np.sort(met_C[:met])
        new = choose(words_C[mine].astype(np.float64), tokens_C[mine], most)
        for m in range(met):
            c = mine[m]
            if new[m] >= 0:
                char_K[k], words_K[k], tokens_K[k], k = c, words_C[c], tokens_C[c], k + 1
            words_C[c], tokens_C[c] = 0, 0
        char_ptr_U1[u + 1] = k
    return char_ptr_U1, char_K[:k], words_K[:k], tokens_K[:k]


@njit(cache=True, nogil=True)
def _join(
    node_ptr_U1: Array,
    word_V: Array,
    edge_ptr_V1: Array,
    col_E: Array,
    weight_E: Array,
    weighted: bool,
    ptr_W1: Array,
    char_N: Array,
    char_ptr_U1: Array,
    char_K: Array,
    words_K: Array,
) -> tuple[Array, Array, Array]:
    """Return pointers, columns and weights of the edges, those of words with each other first."""
    size = len(col_E) + 2 * words_K.sum()
    ptr_V1 = np.zeros(len(word_V) + len(char_K) + 1, np.int64)
    new_col_E = np.empty(size, np.uint16)
    new_weight_E = np.ones(size if weighted else 0, np.float32)
    # Place of a character among those of a user, or -1; where its next word is written.
    place_C, next_K = np.full(char_N.max() + 1 if len(char_N) else 0, -1), np.empty_like(words_K)
    row, e = 0, 0
    for u in range(len(node_ptr_U1) - 1):
        first, number = node_ptr_U1[u], node_ptr_U1[u + 1] - node_ptr_U1[u]
        begin, stop = char_ptr_U1[u], char_ptr_U1[u + 1]
        inner = edge_ptr_V1[first + number] - edge_ptr_V1[first]
        to = e + inner + words_K[begin:stop].sum()
        for k in range(begin, stop):
            place_C[char_K[k]], next_K[k], to = k, to, to + words_K[k]
            ptr_V1[row + number + k - begin + 1] = to
        for n in range(number):
            old = edge_ptr_V1[first + n]
            for o in range(old, edge_ptr_V1[first + n + 1]):
                new_col_E[e] = col_E[o]
                if weighted:
                    new_weight_E[e] = weight_E[o]
                e += 1
            word = word_V[first + n]
            for c in char_N[ptr_W1[word] : ptr_W1[word + 1]]:
                k = place_C[c]
                if k >= 0:
                    new_col_E[e], new_col_E[next_K[k]] = number + k - begin, n
                    e, next_K[k] = e + 1, next_K[k] + 1
            ptr_V1[row + n + 1] = e
        place_C[char_K[begin:stop]] = -1
        row, e = row + number + stop - begin, to
    return ptr_V1, new_col_E, new_weight_E


@njit(cache=True, nogil=True)
def _count_users(
    id_T: Array, first_U1: Array, ptr_W1: Array, char_N: Array, users_C: Array
) -> None:
    last_C = np.full(len(users_C), -1, np.int64)
    for user in range(len(first_U1) - 1):
        for word in id_T[first_U1[user] : first_U1[user + 1]]:
            for c in char_N[ptr_W1[word] : ptr_W1[word + 1]]:
                if last_C[c] != user:
                    last_C[c] = user
                    users_C[c] += 1
