"""Token store: the text of all traces segmented once, memory-mapped.

A store directory holds::

    manifest.json    of which traces and settings, counts of what was cleaned, digest; written last
    ids.npy          (T) int32 place of each token's word
    pointers.npy     (D + 1) first token of each document: of an event, or of the code of an item
    words.parquet    (W) in the order of their first token

It knows no users and no cutoff: which documents a snapshot reads, and in which posts they stand,
comes from the snapshot each time. One store serves all halves and all ``max_posts``.

Shapes: D documents, T tokens, W words, U users of a snapshot.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from habitus.data.posts import Documents, PostsConfig, read_posts
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.token_writer import FORMAT, Progress, TokenManifest, TokenWriter
from habitus.data.tokens import Ids, Tokens, gather
from habitus.data.traces import Rows, Traces
from habitus.data.workspace import workspace
from habitus.errors import DataError, UsageError


class TokenStore:
    """All text of traces as tokens; a snapshot reads what stands before its cutoff.

    Args:
        folder: what :meth:`build` wrote.
        posts: which posts :meth:`read` returns unless it is told; None for all.

    Raises:
        DataError: the directory is missing, unfinished, of another format or damaged.
    """

    def __init__(self, folder: str | Path, posts: PostsConfig | None = None) -> None:
        self.folder = Path(folder)
        file = self.folder / "manifest.json"
        if not file.is_file():
            raise DataError(f"{self.folder} is no token store: build one with TokenStore.build")
        try:
            self.manifest = TokenManifest.from_dict(json.loads(file.read_text(encoding="utf8")))
        except ValueError as error:
            raise DataError(f"{file} is damaged ({error}); build the store again") from error
        if self.manifest.format != FORMAT:
            raise DataError(
                f"{self.folder} has format {self.manifest.format}, this version reads {FORMAT}; "
                f"build the store again"
            )
        self.posts = posts or PostsConfig(text=self.manifest.text)

    @classmethod
    def build(
        cls,
        traces: Traces,
        posts: PostsConfig,
        segmentation: SegmentationConfig,
        folder: str | Path,
        progress: Progress | None = None,
        *,
        overwrite: bool = False,
    ) -> Self:
        """Segment all text of ``traces`` into ``folder``.

        A bucket of documents is in memory at a time, and the words. What a killed or interrupted
        build has finished is taken over by the next one with the same traces and settings; the
        result is the same to the byte.

        Args:
            traces: whose text to segment.
            posts: what the returned store reads; only ``text`` decides what is stored.
            segmentation: how texts become words.
            folder: where the store goes; a store of the same traces and settings is left as it is.
            progress: told how many documents are done, and of how many, after each bucket.
            overwrite: whether another store may be there.

        Raises:
            DataError: the traces have no such text.
            UsageError: something else stands at ``folder``.
            MissingExtraError: there is Chinese text, and no segmenter for it.
        """
        folder, documents = Path(folder), Documents(traces, posts.text)
        if (folder / "manifest.json").is_file():
            if not (folder / "ids.npy").is_file():
                raise UsageError(f"{folder} is no token store: choose another place")
            with suppress(DataError):
                store = cls(folder, posts)
                if store.fits(traces, posts, segmentation):
                    return store
        with workspace(folder, overwrite=overwrite) as place:
            TokenWriter(documents, segmentation, place).run(progress)
        return cls(folder, posts)

    @property
    def traces_digest(self) -> str:
        """Digest of the traces whose text this is."""
        return self.manifest.traces_digest

    @cached_property
    def words(self) -> pa.StringArray:
        """All words, ``(W)``; a token's id is a place here."""
        try:
            table = pq.read_table(self.folder / "words.parquet")
        except (OSError, pa.ArrowException) as error:
            raise self._damaged("words.parquet", error) from error
        words = table["word"].combine_chunks()
        if len(words) != self.manifest.num_words:
            raise self._damaged("words.parquet", f"{len(words)} words")
        return words

    def fits(self, traces: Traces, posts: PostsConfig, segmentation: SegmentationConfig) -> bool:
        """Return whether this is the text of ``traces``, so segmented."""
        made = self.manifest
        return (
            traces.digest == made.traces_digest
            and segmentation == made.segmentation
            and Documents(traces, posts.text).text == made.text
        )

    def read(self, snapshot: Snapshot, posts: PostsConfig | None = None) -> Tokens:
        """Return the tokens of a snapshot's posts, users in its order; ids of :attr:`words`.

        Args:
            snapshot: of the traces that the store was built of.
            posts: which posts; None for :attr:`posts`.

        Raises:
            DataError: the snapshot is of other traces, ``posts`` of another text, or a file is
                damaged.
        """
        posts = self.posts if posts is None else posts
        if snapshot.traces.digest != self.traces_digest:
            raise DataError(f"{self.folder} holds the text of other traces than {snapshot!r}")
        documents = Documents(snapshot.traces, posts.text)
        if documents.text != self.manifest.text:
            raise DataError(
                f"{self.folder} holds the text {self.manifest.text!r}, not {documents.text!r}: "
                f"build another store for it"
            )
        return gather(self._id_T, self._ptr_D1, read_posts(snapshot, documents, posts))

    @cached_property
    def _id_T(self) -> Ids:
        return cast(Ids, self._load("ids.npy", self.manifest.num_tokens))

    @cached_property
    def _ptr_D1(self) -> Rows:
        return cast(Rows, self._load("pointers.npy", self.manifest.num_documents + 1))

    def _load(self, name: str, length: int) -> Any:  # noqa: ANN401 - of either type
        try:
            values = np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name, error) from error
        if len(values) != length:
            raise self._damaged(name, f"{len(values)} values, not {length}")
        return values

    def _damaged(self, name: str, why: object) -> DataError:
        return DataError(f"{self.folder / name} is damaged ({why}); build the store again")

    def __repr__(self) -> str:
        made = self.manifest
        return f"TokenStore({str(self.folder)!r}: {made.num_tokens} tokens, {made.num_words} words)"
