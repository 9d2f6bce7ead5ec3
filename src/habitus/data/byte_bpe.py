"""ByteBPE: texts as tokens of a byte-level byte-pair encoding, fitted on the training part.

Radford et al. "Language Models are Unsupervised Multitask Learners". 2019; CLUE C3. Any text can be
written in its tokens, so nothing is unknown. Special tokens have the first ids and are never read
out of a text, whatever is written there.

Shapes: B texts, T tokens of all texts, K services, J kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from habitus.config import Config
from habitus.errors import UsageError

PAD, OTHER_SERVICE, OTHER_KIND = 0, 1, 2
NUM_FIXED = 3
"""Special tokens that every encoding has: padding, another service, another kind."""
NUM_BYTES = 256

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ByteBPEConfig(Config):
    """How large the encoding is."""

    vocab_size: int = 8_192
    """Tokens, special ones and the 256 bytes included, at most (paper: 50,257)."""
    min_frequency: int = 2
    """Times that a pair must be met to become a token."""

    def __post_init__(self) -> None:
        if self.vocab_size < NUM_FIXED + NUM_BYTES:
            raise UsageError(
                f"vocab_size must be at least {NUM_FIXED + NUM_BYTES}, got {self.vocab_size}"
            )
        if self.min_frequency < 1:
            raise UsageError(f"min_frequency must be at least 1, got {self.min_frequency}")


class ByteBPE:
    """A fitted encoding, and the services and kinds that have tokens of their own.

    Ids: 0 padding, 1 ``<svc:other>``, 2 ``<kind:other>``, then one for each service, one for each
    kind, the bytes and the merges.
    """

    services: tuple[str, ...]
    """Names of the services, in the order of their tokens and slots."""
    kinds: tuple[str, ...]
    """Names of the kinds of event, in the order of their tokens."""

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        config: ByteBPEConfig,
        *,
        services: Sequence[str] = (),
        kinds: Sequence[str] = (),
    ) -> Self:
        """Fit on texts of the training part, read one after another.

        Raises:
            UsageError: the services and kinds leave no room for the bytes.
        """
        raise NotImplementedError

    @property
    def num_tokens(self) -> int:
        """Ids that there are: at most ``vocab_size``. Rows of the encoder's embedding."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """Hash of all that decides which tokens a text becomes."""
        raise NotImplementedError

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Rows]:
        """Return the tokens of texts, packed, and pointers ``(B + 1)``; no special tokens."""
        raise NotImplementedError

    def decode(self, token_T: Ids) -> str:
        """Return the text of some tokens; special ones by their names."""
        raise NotImplementedError

    def service_tokens(self, service_B: Rows) -> Rows:
        """Return the token of each service; ``K`` or -1 stands for any other."""
        raise NotImplementedError

    def kind_tokens(self, kind_B: Rows) -> Rows:
        """Return the token of each kind; ``J`` or -1 stands for any other."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json`` and ``special.json``."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        raise NotImplementedError
