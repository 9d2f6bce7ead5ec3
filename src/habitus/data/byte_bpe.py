"""ByteBPE: texts as tokens of a byte-level byte-pair encoding, fitted on the training part.

Radford et al. "Language Models are Unsupervised Multitask Learners". 2019; CLUE C3. Any text can be
written in its tokens, so nothing is unknown. Special tokens have the first ids and are never read
out of a text, whatever is written there.

Shapes: B texts, T tokens of all texts, K services, J kinds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from habitus.config import Config, digest_of
from habitus.errors import DataError, UsageError

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
    kind, the bytes and the merges. Differs from GPT-2's: a text is read as if a space stood before
    it, so that a word is the same tokens at the beginning and inside.
    """

    def __init__(
        self, tokenizer: Tokenizer, services: tuple[str, ...], kinds: tuple[str, ...]
    ) -> None:
        self._tokenizer = tokenizer
        self.services = services
        """Names of the services, in the order of their tokens and slots."""
        self.kinds = kinds
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
        """Fit on texts of the training part, read one after another; their order changes nothing.

        Raises:
            UsageError: the services and kinds leave no room for the bytes, or one stands twice.
        """
        for names in (services, kinds):
            if len(set(names)) != len(names):
                raise UsageError(f"a name stands twice in {', '.join(names)}: give each once")
        room = config.vocab_size - NUM_FIXED - len(services) - len(kinds)
        if room < NUM_BYTES:
            raise UsageError(
                f"vocab_size {config.vocab_size} has no room for {NUM_BYTES} bytes beside "
                f"{len(services)} services and {len(kinds)} kinds: set it to at least "
                f"{config.vocab_size - room + NUM_BYTES}"
            )
        tokenizer = Tokenizer(BPE())
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
        tokenizer.decoder = ByteLevelDecoder()
        trainer = BpeTrainer(
            vocab_size=room,
            min_frequency=config.min_frequency,
            initial_alphabet=ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer, tuple(services), tuple(kinds))

    @property
    def num_special(self) -> int:
        """Ids before the first of a byte."""
        return NUM_FIXED + len(self.services) + len(self.kinds)

    @property
    def num_tokens(self) -> int:
        """Ids that there are: at most ``vocab_size``. Rows of the encoder's embedding."""
        return self.num_special + int(self._tokenizer.get_vocab_size())

    @cached_property
    def digest(self) -> str:
        """Hash of all that decides which tokens a text becomes."""
        return digest_of([json.loads(self._tokenizer.to_str()), self.services, self.kinds])

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Rows]:
        """Return the tokens of texts, packed, and pointers ``(B + 1)``; no special tokens."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids_B = [encoding.ids for encoding in found]
        ptr_B1 = np.zeros(len(ids_B) + 1, np.int64)
        np.cumsum([len(ids) for ids in ids_B], out=ptr_B1[1:])
        token_T = np.fromiter(chain.from_iterable(ids_B), np.int32, int(ptr_B1[-1]))
        return token_T + np.int32(self.num_special), ptr_B1

    def decode(self, token_T: Ids) -> str:
        """Return the text of some tokens; special ones by their names."""
        names = ["<pad>", "<svc:other>", "<kind:other>"]
        names += [f"<svc:{name}>" for name in self.services]
        names += [f"<kind:{name}>" for name in self.kinds]
        special = [names[token] for token in token_T if token < len(names)]
        ids = [int(token) - len(names) for token in token_T if token >= len(names)]
        return "".join(special) + str(self._tokenizer.decode(ids)).removeprefix(" ")

    def service_tokens(self, service_B: Rows) -> Rows:
        """Return the token of each service; ``K`` or -1 stands for any other."""
        known_B = (service_B >= 0) & (service_B < len(self.services))
        return np.where(known_B, service_B + NUM_FIXED, OTHER_SERVICE)

    def kind_tokens(self, kind_B: Rows) -> Rows:
        """Return the token of each kind; ``J`` or -1 stands for any other."""
        known_B = (kind_B >= 0) & (kind_B < len(self.kinds))
        return np.where(known_B, kind_B + NUM_FIXED + len(self.services), OTHER_KIND)

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json`` and ``special.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.json").write_text(self._tokenizer.to_str(), encoding="utf8")
        special = {"services": self.services, "kinds": self.kinds, "digest": self.digest}
        text = json.dumps(special, indent=1, ensure_ascii=False)
        (folder / "special.json").write_text(text, encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            special = json.loads((folder / "special.json").read_text(encoding="utf8"))
            services, kinds = tuple(special["services"]), tuple(special["kinds"])
            text = (folder / "tokenizer.json").read_text(encoding="utf8")
            bpe = cls(_tokenizer_of(text), services, kinds)
            whole = bpe.digest == special["digest"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(f"the tokens in {folder} cannot be read: {error!r}") from error
        if not whole:
            raise DataError(f"the tokens in {folder} are not those that were saved: copy it again")
        return bpe


def _tokenizer_of(text: str) -> Tokenizer:
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more narrow
        raise ValueError(str(error)) from error
