"""N-grams of words and characters, counted per user (B-2b).

Words and pairs of neighbouring words of one post are counted from word ids; characters from the
words, each between two spaces: what scikit-learn calls ``char_wb``. A word's n-grams are looked up
once, however often it is used.

Shapes: U users, T tokens, W words, N pairs, P kinds of pairs, G kinds of character n-grams,
F columns of one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_array

from habitus.comparisons.word_counts import count_columns, count_words, users_of_columns
from habitus.config import Config
from habitus.data.tokens import Ids, Rows, Tokens
from habitus.data.word_vocabulary import WordVocabulary, WordVocabularyConfig
from habitus.errors import UsageError

Blocks = list[csr_array]
"""Counts of words, of pairs and of characters, as far as they are asked for."""


@dataclass(frozen=True, kw_only=True)
class NGramsConfig(Config):
    """What is counted."""

    pairs: bool = True
    """Count pairs of neighbouring words beside words."""
    characters: tuple[int, int] | None = None
    """Least and greatest length of character n-grams, such as (3, 5); None for none. They make
    matrices ten times as large."""
    min_users: int = 3
    """What fewer training users have is left out."""
    max_features: int = 200_000
    """The most frequent of all kinds together that are kept."""

    def __post_init__(self) -> None:
        if self.min_users < 1 or self.max_features < 1:
            raise UsageError(f"min_users and max_features must be 1 or more, got {self}")
        if self.characters is not None and not 1 <= self.characters[0] <= self.characters[1]:
            raise UsageError(
                f"characters must be a least and a greatest length, got {self.characters}"
            )


class NGrams:
    """The n-grams that are counted, fitted on training posts."""

    def __init__(self, config: NGramsConfig) -> None:
        self.config = config
        self.vocabulary: WordVocabulary
        self._pair_P: Rows = np.zeros(0, np.int64)
        self._characters: Any = None
        self._kept: list[Rows] = []
        """Columns of each block that are kept."""

    def fit(self, tokens: Tokens, words: pa.StringArray) -> Blocks:
        """Choose what is counted, and return the counts of these users.

        Raises:
            GuardError: no word is used by ``min_users`` users.
        """
        min_users = self.config.min_users
        self.vocabulary = WordVocabulary.fit(
            tokens, words, WordVocabularyConfig(min_count=1, min_users=min_users)
        )
        if self.config.pairs:
            pair_N, ptr_U1 = self._pairs(tokens, self._ids(tokens, words))
            self._pair_P = _used_by(pair_N, ptr_U1, min_users)
        if self.config.characters is not None:
            from sklearn.feature_extraction.text import CountVectorizer

            self._characters = CountVectorizer(
                analyzer="char_wb", ngram_range=self.config.characters, lowercase=False
            ).fit(words.to_pylist())
        blocks = self._count(tokens, words)
        self._kept = self._choose(blocks)
        return self._cut(blocks)

    def counts(self, tokens: Tokens, words: pa.StringArray) -> Blocks:
        """Return the counts of some users; ids of tokens are places in ``words``."""
        return self._cut(self._count(tokens, words))

    @property
    def num_features(self) -> int:
        """Columns of all blocks."""
        return sum(map(len, self._kept))

    def _ids(self, tokens: Tokens, words: pa.StringArray) -> Ids:
        """Return the vocabulary's id of each token, -1 where it has none.

        Unknown words keep their place, so that their neighbours do not become a pair.
        """
        return self.vocabulary.lookup(words)[tokens.id_T]

    def _count(self, tokens: Tokens, words: pa.StringArray) -> Blocks:
        """Return the counts of everything that was fitted."""
        id_T = self._ids(tokens, words)
        ptr_U1 = tokens.post_ptr_P1[tokens.user_ptr_U1]
        blocks = [count_columns(id_T, ptr_U1, len(self.vocabulary))]
        if self.config.pairs:
            pair_N, pair_ptr_U1 = self._pairs(tokens, id_T)
            column_N = _places(pair_N, self._pair_P)
            blocks.append(count_columns(column_N, pair_ptr_U1, len(self._pair_P)))
        if self._characters is not None:
            grams_WG = csr_array(self._characters.transform(words.to_pylist()), dtype=np.float32)
            blocks.append(csr_array(count_words(tokens, len(words)) @ grams_WG))
        return blocks

    def _pairs(self, tokens: Tokens, id_T: Ids) -> tuple[Rows, Rows]:
        """Return the pairs of known neighbours of one post, and where each user's begin."""
        first_N, second_N = id_T[:-1].astype(np.int64), id_T[1:]
        kept_N = (first_N >= 0) & (second_N >= 0)
        start_P = tokens.post_ptr_P1
        start_P = start_P[(start_P > 0) & (start_P < len(id_T))]
        kept_N[start_P - 1] = False
        before_T1 = np.zeros(len(id_T) + 1, np.int64)
        np.cumsum(kept_N, out=before_T1[1 : len(kept_N) + 1])
        before_T1[len(kept_N) + 1 :] = before_T1[len(kept_N)]
        pair_N = first_N[kept_N] * len(self.vocabulary) + second_N[kept_N]
        return pair_N, before_T1[tokens.post_ptr_P1[tokens.user_ptr_U1]]

    def _choose(self, blocks: Blocks) -> list[Rows]:
        """Return the columns of each block that enough users have, at most ``max_features``."""
        enough = [users_of_columns(block) >= self.config.min_users for block in blocks]
        columns = [np.flatnonzero(enough_F) for enough_F in enough]
        sums = [np.asarray(b.sum(axis=0)).ravel()[c] for b, c in zip(blocks, columns, strict=True)]
        # stable: ties go to words before pairs before characters
        order = np.argsort(-np.concatenate(sums), kind="stable")[: self.config.max_features]
        ends = np.cumsum([0, *map(len, columns)])
        of_block = [np.sort(order[(order >= a) & (order < b)]) - a for a, b in _spans(ends)]
        return [c[places] for c, places in zip(columns, of_block, strict=True)]

    def _cut(self, blocks: Blocks) -> Blocks:
        return [block[:, kept] for block, kept in zip(blocks, self._kept, strict=True)]


def _used_by(value_N: Rows, ptr_U1: Rows, min_users: int) -> Rows:
    """Return the values that enough users have, ascending."""
    value_P, place_N = np.unique(value_N, return_inverse=True)
    users_P = users_of_columns(count_columns(place_N, ptr_U1, len(value_P)))
    return np.asarray(value_P[users_P >= min_users], np.int64)


def _places(value_N: Rows, known_P: Rows) -> npt.NDArray[np.int64]:
    """Return the place of each value among ascending ones, -1 where it is not there."""
    place_N = np.searchsorted(known_P, value_N)
    place_N[place_N == len(known_P)] = 0
    found_N = known_P[place_N] == value_N if len(known_P) else np.zeros(len(value_N), bool)
    return np.where(found_N, place_N, -1)


def _spans(ends: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))
