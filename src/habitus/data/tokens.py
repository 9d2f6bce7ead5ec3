"""Tokens: the posts of many users as numbers, packed; the one door from text to word graphs.

A store of all text of the traces is :mod:`habitus.data.token_store`.

Shapes: U users of a snapshot, P posts, D documents (texts of events or items), N documents of the
posts, T tokens, W words.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from habitus.data.cleaning import clean
from habitus.data.posts import Documents, Posts, PostsConfig, read_posts
from habitus.data.segmentation import SegmentationConfig, Segmenter
from habitus.data.snapshot import Snapshot
from habitus.data.token_buckets import cut_snapshot

if TYPE_CHECKING:
    from habitus.data.token_store import TokenStore

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]

_AT_ONCE = 16_384
"""Documents whose texts are in memory at once."""
_BYTES_AT_ONCE = 2**24
"""Text whose tokens are in memory at once, where they are read in buckets of users."""


class Tokens(NamedTuple):
    """The posts of ``U`` users, one after another, each in its order of words.

    A user may have no posts, and a post no tokens.
    """

    id_T: Ids
    """Place of each token's word in a list of words."""
    post_ptr_P1: Rows
    """First token of each post, and the number of tokens at the end."""
    user_ptr_U1: Rows
    """First post of each user, and the number of posts at the end."""
    time_P: Rows
    """Time of each post in the unit of the traces, ascending within a user."""

    @property
    def num_users(self) -> int:
        """How many users, ``U``."""
        return len(self.user_ptr_U1) - 1

    @property
    def num_posts(self) -> int:
        """How many posts, ``P``."""
        return len(self.post_ptr_P1) - 1


class SegmentedDocuments(NamedTuple):
    """Documents as numbers, and what their numbers mean."""

    id_T: Ids
    length_D: Rows
    """Tokens of each document."""
    words: list[str]
    """In the order of their first token."""
    cleaned: dict[str, int]
    """How often each cleaning rule found something."""


def relabel(tokens: Tokens, new_id_of_word: Ids) -> Tokens:
    """Return the tokens under other numbers, without those whose new number is -1.

    Posts that lose all their tokens stay as empty posts.

    Args:
        tokens: ids are places in ``new_id_of_word``.
        new_id_of_word: ``(W)``; :meth:`WordVocabulary.lookup` makes one.
    """
    new_id_T = new_id_of_word[tokens.id_T]
    kept_T = new_id_T >= 0
    before_T1 = np.zeros(len(kept_T) + 1, np.int64)
    np.cumsum(kept_T, out=before_T1[1:])
    id_T = new_id_T[kept_T].astype(np.int32, copy=False)
    return tokens._replace(id_T=id_T, post_ptr_P1=before_T1[tokens.post_ptr_P1])


def segment(
    snapshot: Snapshot, posts: PostsConfig, segmentation: SegmentationConfig
) -> tuple[Tokens, list[str]]:
    """Return the tokens of a snapshot's posts, users in its order, and the words.

    Words stand in the order of their first token; a word without any token is not there. The text
    of an item is segmented once, however many events point at it.

    Raises:
        DataError: the traces have no such text, or no channel ``posts.part_by``.
        MissingExtraError: there is Chinese text, and no segmenter for it.
    """
    documents = Documents(snapshot.traces, posts.text)
    found = read_posts(snapshot, documents, posts)
    document_D, place_N = np.unique(found.document_N, return_inverse=True)
    segmented = segment_documents(documents, document_D, Segmenter(segmentation))
    ptr_D1 = np.zeros(len(document_D) + 1, np.int64)
    np.cumsum(segmented.length_D, out=ptr_D1[1:])
    tokens = gather(segmented.id_T, ptr_D1, found._replace(document_N=place_N))
    tokens, used = compact(tokens, len(segmented.words))
    return tokens, [segmented.words[place] for place in used]


class TextSource:
    """Where the words of a snapshot come from: a store if it fits, else they are segmented anew.

    What :meth:`read` returns is the same in both cases.

    Args:
        posts: which posts of a user to read.
        segmentation: how they become words.
        store: text segmented before; it is used for the traces and the segmentation that it was
            made of, whatever the other settings of ``posts``.
    """

    def __init__(
        self,
        posts: PostsConfig,
        segmentation: SegmentationConfig,
        store: TokenStore | None = None,
    ) -> None:
        self.posts = posts
        self.segmentation = segmentation
        self.store = store

    def read(self, snapshot: Snapshot) -> tuple[Tokens, pa.StringArray]:
        """Return the tokens of a snapshot's posts, users in its order, and the words.

        Both as :func:`segment` does, and with its errors: no word is there that occurs only after
        the cutoff.
        """
        store = self.store
        if store is None or not store.fits(snapshot.traces, self.posts, self.segmentation):
            tokens, words = segment(snapshot, self.posts, self.segmentation)
            return tokens, pa.array(words, pa.string())
        tokens, used = compact(store.read(snapshot, self.posts), len(store.words))
        return tokens, store.words.take(pa.array(used))

    def buckets(
        self, snapshot: Snapshot, bytes_at_once: int = _BYTES_AT_ONCE
    ) -> Iterator[tuple[Tokens, pa.StringArray]]:
        """Yield what :meth:`read` returns of some users at a time, in the snapshot's order.

        What is fitted on all training posts is counted from these, so that memory does not grow
        with the number of users. Each bucket has words of its own.

        Args:
            snapshot: whose posts.
            bytes_at_once: UTF-8 bytes of text of a bucket; a user who alone has more is alone.
        """
        documents = Documents(snapshot.traces, self.posts.text)
        for part in cut_snapshot(snapshot, documents, bytes_at_once):
            yield self.read(part)


def segment_documents(
    documents: Documents, document_D: Rows, segmenter: Segmenter
) -> SegmentedDocuments:
    """Return some documents as numbers: the one loop over texts in Python."""
    place: defaultdict[str, int] = defaultdict(count().__next__)
    ids, lengths, cleaned = array("i"), array("q"), dict[str, int]()
    for start in range(0, len(document_D), _AT_ONCE):
        texts = documents.texts(document_D[start : start + _AT_ONCE])
        texts, found = clean(texts, segmenter.config.cleaning)
        cleaned = {rule: cleaned.get(rule, 0) + number for rule, number in found.items()}
        for words in map(segmenter.split, texts):
            ids.extend(map(place.__getitem__, words))
            lengths.append(len(words))
    return SegmentedDocuments(
        np.array(ids, np.int32), np.array(lengths, np.int64), list(place), cleaned
    )


def gather(id_T: Ids, ptr_D1: Rows, posts: Posts) -> Tokens:
    """Return the tokens of posts, given those of all documents."""
    start_N = ptr_D1[posts.document_N]
    length_N = ptr_D1[posts.document_N + 1] - start_N
    before_N1 = np.zeros(len(length_N) + 1, np.int64)
    np.cumsum(length_N, out=before_N1[1:])
    taken_T = np.empty(before_N1[-1], np.int32)
    _copy_ranges(np.asarray(id_T), start_N, before_N1, taken_T)
    return Tokens(taken_T, before_N1[posts.post_ptr_P1], posts.user_ptr_U1, posts.time_P)


def compact(tokens: Tokens, num_words: int) -> tuple[Tokens, Rows]:
    """Return tokens numbered in the order of the first token of a word, and the words they use."""
    new_id_W = np.full(num_words, -1, np.int32)
    used = _first_places(tokens.id_T, new_id_W)
    return tokens._replace(id_T=new_id_W[tokens.id_T]), used


@njit(cache=True)
def _copy_ranges(id_T: Ids, start_N: Rows, before_N1: Rows, taken_T: Ids) -> None:
    for n in range(len(start_N)):
        first, length = start_N[n], before_N1[n + 1] - before_N1[n]
        taken_T[before_N1[n] : before_N1[n + 1]] = id_T[first : first + length]


@njit(cache=True)
def _first_places(id_T: Ids, new_id_W: Ids) -> Rows:
    used_W = np.empty(len(new_id_W), np.int64)
    number = 0
    for place in id_T:
        if new_id_W[place] < 0:
            new_id_W[place] = number
            used_W[number] = place
            number += 1
    return used_W[:number].copy()
