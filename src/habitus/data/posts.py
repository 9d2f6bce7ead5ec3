"""Posts: which texts a user wrote, or bought, before the cutoff.

A post is one event with text. Where events point at items with text, as purchases do, all events
of a user at one time are one post, a basket, whose text is that of the items in order. Events
without text are no posts; a user may have none.

Shapes: U users of a snapshot, P posts, N documents of these posts, L events, D documents (the
texts of all events, or of all items).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from habitus.config import Config
from habitus.data.columns import ITEM_ID, TEXT
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows, Traces
from habitus.errors import DataError, UsageError
from habitus.random import derive_seed

Part = Literal["all", "first", "second"]
ITEM = "item"
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class PostsConfig(Config):
    """Which posts of a user to read."""

    text: str = AUTO
    """A text channel of the events; ``item``: the text of the item that an event points at;
    ``auto``: the channel ``text`` where there is one, else ``item``."""
    max_posts: int | None = None
    """Latest posts of a user that are read; None for all."""
    part: Part = "all"
    """One half of the posts, for tasks whose question is answered by the other half. Later posts
    never move a post to the other half."""
    part_by: str | None = None
    """Category or ID channel whose value decides the half, such as a discussion: events of one
    value are in one half, for all users. None: a user's posts in turn, from the first on."""
    part_seed: int = 0
    """Another number, other halves; in turn, the parity decides which half has the first post."""

    def __post_init__(self) -> None:
        if self.max_posts is not None and self.max_posts < 1:
            raise UsageError(f"max_posts must be at least 1, or None, got {self.max_posts}")


class Posts(NamedTuple):
    """The posts of ``U`` users as numbers of documents."""

    document_N: Rows
    """Documents of each post, in order: one for a text that was written, more for a basket."""
    post_ptr_P1: Rows
    """First document of each post, and ``N`` at the end."""
    user_ptr_U1: Rows
    """First post of each user, and ``P`` at the end."""
    time_P: Rows
    """Time of each post."""


class Documents:
    """The texts of traces, each once: those of the events, or those of the items.

    A document's number is the row of its event, or the code of its item. Texts of items stay in
    memory.

    Raises:
        DataError: there is no such text.
    """

    def __init__(self, traces: Traces, text: str = AUTO) -> None:
        self.traces = traces
        self.text = self._resolve(text)

    @property
    def of_items(self) -> bool:
        """Whether the texts are those of the items."""
        return self.text == ITEM

    @property
    def num_documents(self) -> int:
        """How many documents, ``D``; some have no text."""
        return len(self._item_texts) if self.of_items else self.traces.num_events

    def texts(self, document_N: Rows) -> list[str]:
        """Return the texts of some documents."""
        if not self.of_items:
            return self.traces.texts(self.text, document_N)
        texts: list[str] = self._item_texts.take(pa.array(document_N)).to_pylist()
        return texts

    def num_bytes(self, document_N: Rows) -> Rows:
        """Return how long some documents are in UTF-8; 0 where there is no text."""
        if self.of_items:
            return self._item_bytes[document_N]
        return self.traces.text_lengths(self.text, document_N)

    def _resolve(self, text: str) -> str:
        """Return the text channel that is meant, or ``item``."""
        channels = [n for n, c in self.traces.columns.items() if c.kind == "text"]
        if text == AUTO and TEXT in channels:
            return TEXT
        if text in channels:
            return text
        known = [*channels, *([ITEM] if self._items is not None else [])]
        if text in (AUTO, ITEM) and ITEM in known:
            return ITEM
        do = f"set text (PostsConfig.text) to one of: {', '.join(known)}"
        if not known:
            do = "ingest a text channel of the events, or an items table with a column 'text'"
        raise DataError(f"{self.traces.path} has no text {text!r}: {do}")

    @cached_property
    def _items(self) -> pa.Table | None:
        """The items with their texts, where events point at such."""
        items = self.traces.table("items") if ITEM_ID in self.traces.columns else None
        if items is None or TEXT not in items.column_names:
            return None
        return items.select([ITEM_ID, TEXT])

    @cached_property
    def _item_texts(self) -> pa.LargeStringArray:
        assert self._items is not None
        text = self._items[TEXT].cast(pa.large_string()).combine_chunks()
        ids = self._items[ITEM_ID].cast(pa.string())
        row = pc.index_in(self.traces.dictionary(ITEM_ID), value_set=ids)
        found = pc.fill_null(text.take(row), "")
        return pa.concat_arrays([pa.array([""], pa.large_string()), found])

    @cached_property
    def _item_bytes(self) -> Rows:
        lengths: Rows = pc.binary_length(self._item_texts).to_numpy().astype(np.int64)
        return lengths


def read_posts(snapshot: Snapshot, documents: Documents, config: PostsConfig) -> Posts:
    """Return the posts of a snapshot's users, in its order; nothing from after the cutoff.

    Raises:
        DataError: ``part_by`` is no category or ID channel of the traces.
    """
    row_L, offsets_U1 = snapshot.latest()
    document_L = row_L
    if documents.of_items:
        document_L = snapshot.values(ITEM_ID, row_L).astype(np.int64)
    kept_L = documents.num_bytes(document_L) > 0
    if config.part != "all" and config.part_by is not None:
        kept_L &= _half_by_value(snapshot, row_L, config) == (config.part == "second")
    user_N = np.repeat(np.arange(snapshot.num_users), np.diff(offsets_U1))[kept_L]
    time_N = snapshot.traces.time_L[row_L[kept_L]]
    starts_N = np.ones(len(user_N), np.bool_)
    if documents.of_items:
        starts_N[1:] = (np.diff(user_N) != 0) | (np.diff(time_N) != 0)
    start_P = np.flatnonzero(starts_N)
    user_P = user_N[start_P]
    wanted_P = _wanted(user_P, snapshot.num_users, config)
    wanted_N = np.repeat(wanted_P, np.diff(start_P, append=len(user_N)))
    return Posts(
        document_L[kept_L][wanted_N],
        _pointers(np.diff(start_P, append=len(user_N))[wanted_P]),
        _pointers(np.bincount(user_P[wanted_P], minlength=snapshot.num_users)),
        time_N[start_P[wanted_P]],
    )


def _wanted(user_P: Rows, num_users: int, config: PostsConfig) -> npt.NDArray[np.bool_]:
    """Return which posts of each user are read, as far as their order decides it."""
    wanted_P = np.ones(len(user_P), np.bool_)
    if config.part != "all" and config.part_by is None:
        place_P = _places(user_P, num_users)
        wanted_P = (place_P + config.part_seed) % 2 == (config.part == "second")
    if config.max_posts is not None:
        left_P = user_P[wanted_P]
        count_U = np.bincount(left_P, minlength=num_users)
        wanted_P[wanted_P] = _places(left_P, num_users) >= (count_U - config.max_posts)[left_P]
    return wanted_P


def _places(user_P: Rows, num_users: int) -> Rows:
    """Return the place of each post among those of its user, which stand together."""
    first_U = _pointers(np.bincount(user_P, minlength=num_users))[:-1]
    return np.arange(len(user_P)) - first_U[user_P]


def _half_by_value(snapshot: Snapshot, row_L: Rows, config: PostsConfig) -> npt.NDArray[Any]:
    """Return the half, 0 or 1, of each event: the parity of a hash of its value."""
    name = config.part_by
    columns = snapshot.traces.columns
    usable = [n for n, c in columns.items() if c.kind in ("category", "id")]
    if name is None or name not in usable:
        raise DataError(
            f"part_by must be a category or an ID channel of {snapshot.traces.path}, got {name!r}; "
            f"they are: {', '.join(usable) or 'none'}"
        )
    code_K, place_L = np.unique(snapshot.values(name, row_L), return_inverse=True)
    dictionary = snapshot.traces.dictionary(name)
    values = ["" if code == 0 else dictionary[int(code) - 1].as_py() for code in code_K]
    half_K = np.array([derive_seed(config.part_seed, "half", v) % 2 for v in values], np.int64)
    return half_K[place_L]


def _pointers(count: Rows) -> Rows:
    pointers = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=pointers[1:])
    return pointers
