"""Token store: the text of all traces segmented once, memory-mapped.

Shapes: D documents, T tokens, W words, U users of a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import pyarrow as pa

from habitus.data.posts import PostsConfig
from habitus.data.segmentation import SegmentationConfig
from habitus.data.snapshot import Snapshot
from habitus.data.tokens import Tokens
from habitus.data.traces import Traces

Progress = Callable[[int, int], None]


class TokenStore:
    """All posts of traces as tokens; a snapshot reads those before its cutoff."""

    words: pa.StringArray
    traces_digest: str

    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def build(
        cls,
        traces: Traces,
        posts: PostsConfig,
        segmentation: SegmentationConfig,
        folder: Path,
        progress: Progress | None = None,
    ) -> Self:
        """Segment all text of ``traces`` into ``folder``; go on where an earlier build stopped."""
        raise NotImplementedError

    def read(self, snapshot: Snapshot, posts: PostsConfig | None = None) -> Tokens:
        """Return the tokens of a snapshot's posts, users in its order; ids of ``self.words``."""
        raise NotImplementedError
