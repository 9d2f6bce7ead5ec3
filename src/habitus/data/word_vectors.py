"""Word vectors: read from a file, or made here from the posts; and for words that have none.

Shapes: W words of a vocabulary, D width, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.data.tokens import Tokens

Vectors = npt.NDArray[np.float32]


class WordVectors(NamedTuple):
    """Vectors of the words of a vocabulary, as far as they have one."""

    vectors_WD: Vectors
    """0 for a word that has none."""
    known_W: npt.NDArray[np.bool_]
    """Whether a word has one."""


def load_word_vectors(path: Path, words: Sequence[str] | pa.StringArray) -> WordVectors:
    """Return the vectors of ``words`` from a file of word2vec (text or binary), GloVe or fastText.

    Raises:
        DataError: it is no such file, is cut off or damaged, or knows none of the words.
    """
    raise NotImplementedError


def fit_ppmi_svd(tokens: Tokens, num_words: int, dim: int, window: int, seed: int) -> WordVectors:
    """Return vectors from the co-occurrence of words in posts; ids are places in a vocabulary."""
    raise NotImplementedError


def complete(
    vectors_WD: Vectors,
    known_W: npt.NDArray[np.bool_],
    words: Sequence[str] | pa.StringArray,
    seed: int,
) -> Vectors:
    """Return the vectors with N(0, σ²) draws for unknown words, σ as in the known ones (A-P8)."""
    raise NotImplementedError
