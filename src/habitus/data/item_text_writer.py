"""Tokenise the texts of items and events, each distinct one once; a killed build goes on.

Memory holds a bucket of texts, and 16 bytes for each distinct text.

Shapes: D documents, I distinct texts, T their tokens, X distinct texts of one bucket.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from habitus.config import Config, digest_of
from habitus.data.byte_bpe import ByteBPE
from habitus.data.ingest_state import SCRATCH, IngestState, Torn
from habitus.data.item_documents import ItemDocuments
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows
from habitus.data.workspace import clear
from habitus.data.writer import NumpyFile, digest_of_files

FORMAT = 1
BUCKET_BYTES = 8 * 2**20
"""Bytes of text that are tokenised before anything is written."""
BUCKET_DOCUMENTS = 2**20

Progress = Callable[[int, int], None]
"""Told how many documents are done, and of how many."""
Hashes = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ItemTextsManifest(Config):
    """What a folder of item texts says of itself."""

    format: int = FORMAT
    traces_digest: str
    bpe_digest: str
    text: tuple[str, ...]
    """What was read: ``item``, a text channel, or both."""
    max_tokens: int
    """Tokens of a text that were kept."""
    num_documents: int
    num_texts: int
    num_tokens: int
    num_cut: int
    """Distinct texts that were longer."""
    digest: str
    """Hash of the contents."""


class Bucket(NamedTuple):
    """Some documents, and the texts among them that were new."""

    text_D: Rows
    """Text of each document; -1 for one of nothing but white space."""
    token_T: npt.NDArray[Any]
    length_I: Rows
    hash_I: Hashes
    num_cut: int
    stop: int
    """Document after the last one."""


class KnownTexts:
    """Which text has which number, by 64 bits of its hash.

    That two of a hundred million texts share them has a chance of 1 in 3,700.
    """

    def __init__(self, hash_I: Hashes | None = None) -> None:
        self.num_texts = 0
        self._hash_I = np.zeros(0, np.int64)
        self._place_I = np.zeros(0, np.int64)
        if hash_I is not None:
            self.add(hash_I)

    def find(self, hash_X: Hashes) -> Rows:
        """Return the number of each text, -1 for a new one."""
        if not self.num_texts:
            return np.full(len(hash_X), -1, np.int64)
        near_X = np.minimum(np.searchsorted(self._hash_I, hash_X), self.num_texts - 1)
        return np.where(self._hash_I[near_X] == hash_X, self._place_I[near_X], -1)

    def add(self, hash_X: Hashes) -> Rows:
        """Give texts that are new the next numbers; return these."""
        place_X = self.num_texts + np.arange(len(hash_X))
        order_X = np.argsort(hash_X, kind="stable")
        at_X = np.searchsorted(self._hash_I, hash_X[order_X])
        self._hash_I = np.insert(self._hash_I, at_X, hash_X[order_X])
        self._place_I = np.insert(self._place_I, at_X, place_X[order_X])
        self.num_texts += len(hash_X)
        return place_X


class NewTexts(NamedTuple):
    """Texts that were met for the first time, and the text of each document."""

    text_X: list[str]
    hash_X: Hashes
    text_D: Rows


def read_new(documents: ItemDocuments, document_D: Rows, known: KnownTexts) -> NewTexts:
    """Read some documents; texts of nothing but white space are none."""
    texts = pa.array(documents.texts(document_D), pa.large_string()).dictionary_encode()
    text_X: list[str] = texts.dictionary.to_pylist()
    hash_X = np.array([_hash(text) for text in text_X], np.int64)
    blank_X = np.array([not text.strip() for text in text_X], np.bool_)
    place_X = known.find(hash_X)
    new_X = np.flatnonzero((place_X < 0) & ~blank_X)
    place_X[new_X] = known.add(hash_X[new_X])
    return NewTexts([text_X[x] for x in new_X], hash_X[new_X], place_X[texts.indices.to_numpy()])


def tokenise(
    documents: ItemDocuments, bpe: ByteBPE, max_tokens: int, known: KnownTexts, first: int = 0
) -> Iterator[Bucket]:
    """Yield the documents from ``first`` on, a bucket at a time."""
    for document_D in buckets(documents, np.arange(first, documents.num_documents)):
        new = read_new(documents, document_D, known)
        token_T, length_I, num_cut = _cut(*bpe.encode(new.text_X), max_tokens)
        stop = int(document_D[-1]) + 1
        yield Bucket(new.text_D, token_T, length_I, new.hash_X, num_cut, stop)


class ItemTextWriter:
    """One build: its files grow bucket by bucket, and its state says how far they are.

    Args:
        documents: the texts.
        bpe: how they become tokens.
        max_tokens: tokens of a text that are kept.
        folder: a workspace; what an earlier build of the same texts has finished is used.
    """

    def __init__(
        self, documents: ItemDocuments, bpe: ByteBPE, max_tokens: int, folder: Path
    ) -> None:
        self._documents, self._bpe, self._max_tokens = documents, bpe, max_tokens
        self._folder = folder
        self._made = {
            "traces_digest": documents.traces.digest,
            "bpe_digest": bpe.digest,
            "text": documents.names,
            "max_tokens": max_tokens,
        }
        key = digest_of([FORMAT, self._made])
        self._state = IngestState(folder / SCRATCH, lambda: key)

    def run(self, progress: Progress | None) -> None:
        """Go on from what an earlier build left, to the end; told after each bucket."""
        try:
            if self._state.load():
                self._open(self._state.values["files"])
            else:
                self._start()
        except (Torn, OSError, ValueError, LookupError):
            self._start()
        done, num_cut = int(self._state.values["documents"]), int(self._state.values["num_cut"])
        known = KnownTexts(np.load(self._folder / SCRATCH / "hashes.npy", allow_pickle=False))
        for bucket in tokenise(self._documents, self._bpe, self._max_tokens, known, done):
            self._append(bucket)
            num_cut += bucket.num_cut
            self._keep(bucket.stop, num_cut)
            if progress is not None:
                progress(bucket.stop, self._documents.num_documents)
        self._finish(num_cut)

    def _start(self) -> None:
        clear(self._folder)
        self._state.values = {}
        self._open({})
        self._files["pointers"].append(np.zeros(1, np.int64))
        self._keep(0, 0)

    def _open(self, states: dict[str, Any]) -> None:
        dtypes: dict[str, npt.DTypeLike] = {
            "documents": np.int32 if self._documents.num_documents < 2**31 else np.int64,
            "tokens": token_dtype(self._bpe),
            "pointers": np.int64,
            f"{SCRATCH}/hashes": np.int64,
        }
        self._files = {
            name: NumpyFile(self._folder / f"{name}.npy", dtype, states.get(name))
            for name, dtype in dtypes.items()
        }
        # Cut to the length of the state, it may have the header of a longer one.
        self._files[f"{SCRATCH}/hashes"].close()

    def _append(self, bucket: Bucket) -> None:
        pointers = self._files["tokens"].length + np.cumsum(bucket.length_I)
        self._files["documents"].append(bucket.text_D)
        self._files["tokens"].append(bucket.token_T)
        self._files["pointers"].append(pointers)
        self._files[f"{SCRATCH}/hashes"].append(bucket.hash_I)

    def _keep(self, documents: int, num_cut: int) -> None:
        files = {name: file.state() for name, file in self._files.items()}
        self._state.save(documents=documents, num_cut=num_cut, files=files)

    def _finish(self, num_cut: int) -> None:
        del self._files[f"{SCRATCH}/hashes"]
        digests = {f"{name}.npy": file.close() for name, file in self._files.items()}
        manifest = ItemTextsManifest.from_dict(
            {
                **self._made,
                "num_documents": self._documents.num_documents,
                "num_texts": self._files["pointers"].length - 1,
                "num_tokens": self._files["tokens"].length,
                "num_cut": num_cut,
                "digest": digest_of_files(digests),
            }
        )
        text = json.dumps(manifest.to_dict(), indent=1, ensure_ascii=False)
        (self._folder / "manifest.json").write_text(text, encoding="utf8")


def token_dtype(bpe: ByteBPE) -> npt.DTypeLike:
    """Return the smallest type that holds every token."""
    return np.uint16 if bpe.num_tokens <= 2**16 else np.int32


def _cut(
    token_T: npt.NDArray[Any], ptr_X1: Rows, max_tokens: int
) -> tuple[npt.NDArray[Any], Rows, int]:
    length_X = np.diff(ptr_X1)
    kept_X = np.minimum(length_X, max_tokens)
    return token_T[ranges(ptr_X1[:-1], kept_X)[0]], kept_X, int((length_X > max_tokens).sum())


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def buckets(documents: ItemDocuments, document_D: Rows) -> Iterator[Rows]:
    """Yield some documents, about :data:`BUCKET_BYTES` of text at a time."""
    start = 0
    while start < len(document_D):
        ahead_D = document_D[start : start + BUCKET_DOCUMENTS]
        bytes_D = np.cumsum(documents.num_bytes(ahead_D))
        stop = max(1, int(np.searchsorted(bytes_D, BUCKET_BYTES, side="right")))
        yield ahead_D[:stop]
        start += stop
