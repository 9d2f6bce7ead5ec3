"""Word vocabulary: which words an encoder knows, fitted once on the training posts.

Words of fewer than ``min_users`` users are left out (evaluation D10 v): they could single a person
out, and most names go with them. Words, not numbers, are kept, so that a fitted vocabulary reads
any traces.

Shapes: W words, U users, T tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit

from habitus.config import Config
from habitus.data.tokens import Ids, Rows, Tokens
from habitus.errors import DataError, GuardError, UsageError

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class WordVocabularyConfig(Config):
    """What to keep."""

    min_count: int = 5
    """Rarer words are left out; PASUM has 1,000 (P2)."""
    min_users: int = 5
    """Words of fewer users are left out (evaluation D10 v)."""
    max_words: int | None = None
    """Most frequent words kept; None for all."""

    def __post_init__(self) -> None:
        if self.max_words is not None and self.max_words < 1:
            raise UsageError(f"max_words must be at least 1, or None, got {self.max_words}")


class WordVocabulary:
    """The words that an encoder knows, most frequent first; a word's place is its id.

    Args:
        words: ``(W)``, none twice.
        count_W: tokens of each in the training posts.
        num_users_W: training users of each.
        num_users: all training users.
    """

    def __init__(
        self, words: pa.StringArray, count_W: Rows, num_users_W: Rows, num_users: int
    ) -> None:
        self.words = words
        self.count_W = count_W
        self.num_users_W = num_users_W
        self.num_users = num_users

    def __len__(self) -> int:
        return len(self.words)

    @property
    def idf_W(self) -> npt.NDArray[np.float32]:
        """How telling each word is."""
        return self.idf_of(self.num_users_W)

    def idf_of(self, num_users_N: Rows) -> npt.NDArray[np.float32]:
        """Return how telling is what n users have: ``log((1 + U) / (1 + n)) + 1``, at least 1."""
        idf_N = np.log((1 + self.num_users) / (1 + num_users_N)) + 1
        return idf_N.astype(np.float32)

    @classmethod
    def fit(
        cls, tokens: Tokens, words: Sequence[str] | pa.StringArray, config: WordVocabularyConfig
    ) -> Self:
        """Fit on the tokens of the training snapshot, and on nothing else.

        Words stand by falling count, equal ones by the order of their UTF-8 bytes.

        Args:
            tokens: ids are places in ``words``.
            words: each once.
            config: what to keep.

        Raises:
            GuardError: no word is left.
        """
        return cls.fit_buckets([(tokens, _as_array(words))], config)

    @classmethod
    def fit_buckets(
        cls, buckets: Iterable[tuple[Tokens, pa.StringArray]], config: WordVocabularyConfig
    ) -> Self:
        """Fit as :meth:`fit` does, on some users at a time: equal to a fit on all at once.

        Memory is that of one bucket and of the distinct words, however many users there are.

        Args:
            buckets: as :meth:`TextSource.buckets` yields them; no user in two.
            config: what to keep.

        Raises:
            GuardError: no word is left.
        """
        counted = _count_buckets(buckets)
        words, count_W, users_W = counted.words, counted.count_W, counted.num_users_W
        enough_W = (count_W >= max(1, config.min_count)) & (users_W >= max(1, config.min_users))
        kept = np.flatnonzero(enough_W)
        if not len(kept):
            raise GuardError(_nothing_left(count_W, users_W, counted.num_users, config))
        found = words.take(pa.array(kept))
        rank = np.empty(len(kept), np.int64)
        rank[pc.array_sort_indices(found).to_numpy()] = np.arange(len(kept))
        kept = kept[np.lexsort((rank, -count_W[kept]))][: config.max_words]
        found = words.take(pa.array(kept))
        return cls(found, count_W[kept], users_W[kept], counted.num_users)

    def lookup(self, words: Sequence[str] | pa.StringArray) -> Ids:
        """Return the id of each word, -1 for an unknown one; for :func:`tokens.relabel`."""
        place = pc.index_in(_as_array(words), value_set=self.words)
        ids: Ids = pc.fill_null(place, -1).to_numpy(zero_copy_only=False).astype(np.int32)
        return ids

    def save(self, folder: Path) -> None:
        """Write ``words.parquet`` and ``words.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        columns = {"word": self.words, "count": self.count_W, "num_users": self.num_users_W}
        pq.write_table(pa.table(columns), folder / "words.parquet")
        about = {"format": FORMAT, "num_words": len(self), "num_users": self.num_users}
        (folder / "words.json").write_text(json.dumps(about, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            about = json.loads((folder / "words.json").read_text())
            table = pq.read_table(folder / "words.parquet").combine_chunks()
            if (about["format"], about["num_words"]) != (FORMAT, len(table)):
                raise ValueError(f"{len(table)} words of {about}")
            words, num_users = table["word"].combine_chunks(), int(about["num_users"])
            count_W, users_W = (_numbers(table[name]) for name in ("count", "num_users"))
        except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
            raise DataError(f"the words in {folder} cannot be read: {error!r}") from error
        return cls(words, count_W, users_W, num_users)


class _Counted(NamedTuple):
    """All words of some posts, each once, and who used them."""

    words: pa.StringArray
    count_W: Rows
    num_users_W: Rows
    num_users: int


def _count_buckets(buckets: Iterable[tuple[Tokens, pa.StringArray]]) -> _Counted:
    none = np.zeros(0, np.int64)
    all_words, count_W, users_W, num_users = pa.array([], pa.string()), none, none, 0
    for tokens, words in buckets:
        place_W = pc.index_in(words, value_set=all_words)
        new_W = pc.is_null(place_W).to_numpy(zero_copy_only=False)
        place_W = pc.fill_null(place_W, -1).to_numpy().astype(np.int64)
        place_W[new_W] = len(all_words) + np.arange(new_W.sum())
        all_words = pa.concat_arrays([all_words, words.filter(pa.array(new_W))])
        count_W, users_W = (np.pad(n, (0, len(all_words) - len(n))) for n in (count_W, users_W))
        # No word stands twice in one bucket, so no place does.
        count_W[place_W] += np.bincount(tokens.id_T, minlength=len(words))
        users_W[place_W] += count_users(tokens, len(words))
        num_users += tokens.num_users
    return _Counted(all_words, count_W, users_W, num_users)


def count_users(tokens: Tokens, num_words: int) -> Rows:
    """Return how many users have each word, ``(W)``: not how often they say it."""
    users_W = np.zeros(num_words, np.int64)
    _count_users(tokens.id_T, tokens.post_ptr_P1[tokens.user_ptr_U1], users_W)
    return users_W


@njit(cache=True)
def _count_users(id_T: Ids, first_U1: Rows, users_W: Rows) -> None:
    last_W = np.full(len(users_W), -1, np.int64)
    for user in range(len(first_U1) - 1):
        for token in range(first_U1[user], first_U1[user + 1]):
            word = id_T[token]
            if last_W[word] != user:
                last_W[word] = user
                users_W[word] += 1


def _nothing_left(
    count_W: Rows, users_W: Rows, num_users: int, config: WordVocabularyConfig
) -> str:
    if not count_W.sum():
        return (
            f"the posts of {num_users} training users hold no word: nothing can be learned from "
            f"them; check the text channel, and the rules that clean it"
        )
    return (
        f"no word is left: none of {len(count_W)} has both min_count = {config.min_count} tokens "
        f"and min_users = {config.min_users} users; at most a word has {count_W.max()} tokens, and "
        f"{users_W.max()} of {num_users} users; lower min_count or give more users"
    )


def _as_array(words: Sequence[str] | pa.StringArray) -> pa.StringArray:
    return words if isinstance(words, pa.StringArray) else pa.array(words, pa.string())


def _numbers(column: pa.ChunkedArray) -> Rows:
    numbers: Rows = column.to_numpy().astype(np.int64)
    return numbers
