"""Word vectors to begin with: read from a file, or fitted on the training posts.

PASUM takes those of Li et al. 2018, made of Weibo; here a file is named, or vectors are factors of
the co-occurrence of words in the training posts.

Shapes: W words, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from habitus.config import Config
from habitus.data.tokens import Tokens
from habitus.data.word_vectors import Vectors, complete, fit_ppmi_svd, load_word_vectors
from habitus.data.word_vocabulary import WordVocabulary
from habitus.errors import UsageError
from habitus.random import derive_seed


@dataclass(frozen=True, kw_only=True)
class InitialVectorsConfig(Config):
    """Where word vectors come from."""

    path: Path | None = None
    """A file of word2vec, GloVe or fastText, whose width is taken; None: fitted here."""
    dim: int = 300
    """Width of vectors that are fitted here."""
    window: int = 5
    """Words on either side that count as together, where they are fitted here."""

    def __post_init__(self) -> None:
        if self.dim < 1 or self.window < 1:
            raise UsageError(f"dim and window must be 1 or more, got {self}")


def initial_vectors(
    config: InitialVectorsConfig, tokens: Tokens, vocabulary: WordVocabulary, seed: int
) -> Vectors:
    """Return a vector for each word of the vocabulary, ``(W, D)``.

    Args:
        config: where from.
        tokens: training posts; ids are places in the vocabulary.
        vocabulary: the words.
        seed: of the factors, and of words that the file does not know (A-P8).
    """
    seed = derive_seed(seed, "initial_vectors") % 2**31
    if config.path is not None:
        found = load_word_vectors(config.path, vocabulary.words)
    else:
        found = fit_ppmi_svd(tokens, len(vocabulary.words), config.dim, config.window, seed)
    return complete(found.vectors_WD, found.known_W, vocabulary.words, seed)
