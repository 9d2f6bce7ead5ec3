"""Words that two platforms share: how much of one's posts the other's vocabulary knows.

PASUM A-P24: what was trained on platform A reads of platform B the words that both have, and
nothing else; how much that is has to be said.

Shapes: T tokens, W words of some posts.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from typing_extensions import override

from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource, Tokens, compact, relabel
from habitus.data.word_vocabulary import WordVocabulary
from habitus.errors import UsageError


class Coverage(NamedTuple):
    """How much of some posts a vocabulary knows; each is a share of 1."""

    tokens: float
    words: float
    """Of the distinct words."""
    users: float
    """Users of whom at least one word is known."""


class SharedWords(TextSource):
    """Words of one platform of which only a part is shared; of other traces it hides nothing.

    Which words stay is decided by a hash of the word, so more sharing keeps all that less had.

    Args:
        text: where the words come from.
        digest: of the traces in which words are hidden.
        share: of the words that stay.

    Raises:
        UsageError: a share that is not in [0, 1].
    """

    def __init__(self, text: TextSource, digest: str, share: float) -> None:
        super().__init__(text.posts, text.segmentation, text.store)
        if not 0 <= share <= 1:
            raise UsageError(f"the share of words that stay must be in [0, 1], got {share}")
        self.digest, self.share = digest, share

    @override
    def read(self, snapshot: Snapshot) -> tuple[Tokens, pa.StringArray]:
        tokens, words = super().read(snapshot)
        if snapshot.traces.digest != self.digest or self.share == 1:
            return tokens, words
        stays_W = places(words) < self.share
        kept = relabel(tokens, np.where(stays_W, np.arange(len(words)), -1).astype(np.int32))
        kept, used = compact(kept, len(words))
        return kept, words.take(pa.array(used))


def places(words: pa.StringArray) -> npt.NDArray[np.float64]:
    """Return the place of each word in [0, 1): of its letters alone, ``(W)``."""
    digests = (hashlib.blake2b(w.encode(), digest_size=8).digest() for w in words.to_pylist())
    return np.frombuffer(b"".join(digests), "<u8") / 2.0**64


def coverage(
    text: TextSource, snapshot: Snapshot, vocabulary: WordVocabulary, share: float = 1.0
) -> Coverage:
    """Return how much of a snapshot's posts a vocabulary knows; 0 of nothing.

    Args:
        text: where the words come from: all of them.
        snapshot: whose posts.
        vocabulary: of the other platform.
        share: of the words that stay, as :class:`SharedWords` has it; a hidden word is unknown.
    """
    tokens, words = text.read(snapshot)
    known_W = (vocabulary.lookup(words) >= 0) & (places(words) < share)
    known_T = known_W[tokens.id_T]
    before_T1 = np.concatenate([[0], np.cumsum(known_T)])
    known_U = np.diff(before_T1[tokens.post_ptr_P1[tokens.user_ptr_U1]])
    return Coverage(*(float(k.mean()) if len(k) else 0.0 for k in (known_T, known_W, known_U > 0)))
