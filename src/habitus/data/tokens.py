"""Tokens: the posts of many users as numbers, packed; the one door from text to word graphs.

Shapes: U users of a snapshot, P posts, T tokens, W words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot

if TYPE_CHECKING:
    from habitus.data.token_store import TokenStore

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


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

    Words stand in the order of their first token; a word without any token is not there.
    """
    raise NotImplementedError


class TextSource:
    """Where the words of a snapshot come from: a store if it fits, else they are segmented anew.

    What :meth:`read` returns is the same in both cases.
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
        """Return the tokens of a snapshot's posts, users in its order, and the words."""
        raise NotImplementedError
