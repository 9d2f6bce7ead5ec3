"""ItemTexts: every distinct text of traces as tokens, made once; memory-mapped where it has a folder.

Shapes: I distinct texts, T their tokens, L events.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from habitus.data.byte_bpe import ByteBPE, Ids, Rows
from habitus.data.traces import Traces

Progress = Callable[[int, int], None]


class ItemTexts:
    """Tokens of each distinct text, without those of service and kind, and the text of events."""

    token_T: Ids
    ptr_I1: Rows

    @classmethod
    def build(
        cls,
        traces: Traces,
        bpe: ByteBPE,
        folder: str | Path | None = None,
        *,
        text: str = "auto",
        max_tokens: int = 32,
        progress: Progress | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Tokenise all texts of ``traces``, in memory or into ``folder``."""
        raise NotImplementedError

    def of_events(self, row_L: Rows) -> Rows:
        """Return the text of each event, -1 for those without."""
        raise NotImplementedError
