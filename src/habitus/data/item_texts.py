"""ItemTexts: every distinct text of traces as tokens, made once; in memory, or memory-mapped.

A folder holds::

    manifest.json    of which traces and tokens, counts, digest; written last
    documents.npy    (D) text of each document, of an item by code and of an event by row; -1: none
    tokens.npy       (T) uint16 or int32
    pointers.npy     (I + 1) first token of each text

It knows no users and no cutoff: which events a snapshot reads comes from the snapshot each time.

Shapes: D documents, I distinct texts, T their tokens, L events.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from habitus.data.byte_bpe import ByteBPE
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_text_writer import (
    FORMAT,
    ItemTextsManifest,
    ItemTextWriter,
    KnownTexts,
    Progress,
    token_dtype,
    tokenise,
)
from habitus.data.posts import AUTO
from habitus.data.traces import Rows, Traces
from habitus.data.workspace import workspace
from habitus.errors import DataError, UsageError


class ItemTexts:
    """Tokens of each distinct text, without those of service and kind, and the text of events."""

    def __init__(
        self,
        manifest: ItemTextsManifest,
        text_D: npt.NDArray[Any],
        token_T: npt.NDArray[Any],
        ptr_I1: Rows,
    ) -> None:
        self.manifest = manifest
        self.text_D = text_D
        """Text of each document, -1 for none."""
        self.token_T = token_T
        """Tokens of all texts."""
        self.ptr_I1 = ptr_I1
        """First token of each text, and ``T``."""

    @classmethod
    def build(
        cls,
        traces: Traces,
        bpe: ByteBPE,
        folder: str | Path | None = None,
        *,
        text: str = AUTO,
        max_tokens: int = 30,
        progress: Progress | None = None,
        overwrite: bool = False,
    ) -> Self:
        """Tokenise all texts of ``traces``, each distinct one once.

        With a folder a bucket of texts is in memory at a time, and 16 bytes for each distinct text;
        what a killed or interrupted build has finished is taken over by the next one with the same
        traces and tokens, and the result is the same to the byte. Without one, all tokens are in
        memory.

        Args:
            traces: whose texts.
            bpe: how they become tokens.
            folder: where the arrays go; those of the same texts are left as they are.
            text: which texts, see :class:`~habitus.data.item_documents.ItemDocuments`.
            max_tokens: tokens of a text that are kept; those of service and kind come on top.
            progress: told how many documents are done, and of how many, after each bucket.
            overwrite: whether other item texts may be there.

        Raises:
            DataError: the traces have no such text.
            UsageError: something else stands at ``folder``.
        """
        documents = ItemDocuments(traces, text)
        if folder is None:
            return cls._in_memory(documents, bpe, max_tokens, progress)
        folder = Path(folder)
        if (folder / "manifest.json").is_file():
            if not (folder / "documents.npy").is_file():
                raise UsageError(f"{folder} holds no item texts: choose another place")
            with suppress(DataError):
                texts = cls.open(folder)
                if texts.fits(traces, bpe, text, max_tokens):
                    return texts
        with workspace(folder, overwrite=overwrite) as place:
            ItemTextWriter(documents, bpe, max_tokens, place).run(progress)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open what :meth:`build` wrote.

        Raises:
            DataError: the folder is missing, unfinished, of another format or damaged.
        """
        folder = Path(folder)
        file = folder / "manifest.json"
        if not file.is_file():
            raise DataError(f"{folder} holds no item texts: build them with ItemTexts.build")
        try:
            manifest = ItemTextsManifest.from_dict(json.loads(file.read_text(encoding="utf8")))
        except ValueError as error:
            raise DataError(f"{file} is damaged ({error}); build the texts again") from error
        if manifest.format != FORMAT:
            raise DataError(
                f"{folder} has format {manifest.format}, this version reads {FORMAT}; "
                f"build the texts again"
            )
        return cls(
            manifest,
            _load(folder / "documents.npy", manifest.num_documents),
            _load(folder / "tokens.npy", manifest.num_tokens),
            _load(folder / "pointers.npy", manifest.num_texts + 1),
        )

    @classmethod
    def _in_memory(
        cls, documents: ItemDocuments, bpe: ByteBPE, max_tokens: int, progress: Progress | None
    ) -> Self:
        buckets = []
        for bucket in tokenise(documents, bpe, max_tokens, KnownTexts()):
            buckets.append(bucket)
            if progress is not None:
                progress(bucket.stop, documents.num_documents)
        length_I = np.concatenate([np.zeros(1, np.int64), *(b.length_I for b in buckets)])
        token_T = np.concatenate([np.zeros(0, np.int32), *(b.token_T for b in buckets)])
        manifest = ItemTextsManifest(
            traces_digest=documents.traces.digest,
            bpe_digest=bpe.digest,
            text=tuple(documents.names),
            max_tokens=max_tokens,
            num_documents=documents.num_documents,
            num_texts=len(length_I) - 1,
            num_tokens=len(token_T),
            num_cut=sum(b.num_cut for b in buckets),
            digest="",
        )
        text_D = np.concatenate([np.zeros(0, np.int64), *(b.text_D for b in buckets)])
        return cls(manifest, text_D, token_T.astype(token_dtype(bpe)), np.cumsum(length_I))

    @property
    def num_texts(self) -> int:
        """Distinct texts, ``I``."""
        return self.manifest.num_texts

    def fits(self, traces: Traces, bpe: ByteBPE, text: str = AUTO, max_tokens: int = 30) -> bool:
        """Return whether these are such texts of ``traces``, in these tokens, so cut."""
        made = self.manifest
        return (
            (traces.digest, bpe.digest, max_tokens)
            == (made.traces_digest, made.bpe_digest, made.max_tokens)
        ) and tuple(ItemDocuments(traces, text).names) == made.text


def _load(path: Path, length: int) -> npt.NDArray[Any]:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); build the texts again") from error
    if len(values) != length:
        raise DataError(f"{path} has {len(values)} values, not {length}; build the texts again")
    found: npt.NDArray[Any] = values
    return found
