"""Word vocabulary: which words an encoder knows, fitted once on the training posts.

Shapes: W words, U users, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.config import Config
from habitus.data.tokens import Ids, Tokens


@dataclass(frozen=True, kw_only=True)
class WordVocabularyConfig(Config):
    """What to keep."""

    min_count: int = 5
    """Rarer words are left out; PASUM has 1,000 (P2)."""
    min_users: int = 5
    """Words of fewer users are left out (evaluation D10 v): they could single a person out."""
    max_words: int | None = None
    """Most frequent words kept; None for all."""


class WordVocabulary:
    """The words that an encoder knows, most frequent first; a word's place is its id."""

    words: pa.StringArray
    count_W: npt.NDArray[np.int64]
    num_users_W: npt.NDArray[np.int64]
    idf_W: npt.NDArray[np.float32]

    @classmethod
    def fit(
        cls, tokens: Tokens, words: Sequence[str] | pa.StringArray, config: WordVocabularyConfig
    ) -> Self:
        """Fit on the tokens of the training snapshot, and on nothing else."""
        raise NotImplementedError

    def lookup(self, words: Sequence[str] | pa.StringArray) -> Ids:
        """Return the id of each word, -1 for an unknown one."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write ``words.parquet`` and ``words.json``."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        raise NotImplementedError
