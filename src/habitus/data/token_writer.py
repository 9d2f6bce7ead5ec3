"""Write a token store: bucket after bucket, so that memory is bounded and a killed build goes on.

Shapes: D documents, T tokens, W words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from habitus.config import Config, digest_of
from habitus.data.blocks import texts_of
from habitus.data.ingest_state import SCRATCH, IngestState, Torn
from habitus.data.posts import Documents
from habitus.data.segmentation import SegmentationConfig, Segmenter
from habitus.data.tokens import SegmentedDocuments, segment_documents
from habitus.data.traces import Rows
from habitus.data.workspace import clear
from habitus.data.writer import ColumnWriter, NumpyFile, digest_of_files, write_table

FORMAT = 1
BUCKET_BYTES = 8 * 2**20
"""Bytes of text that are segmented before anything is written."""

Progress = Callable[[int, int], None]
"""Told how many documents are done, and of how many."""


@dataclass(frozen=True, kw_only=True)
class TokenManifest(Config):
    """What a store says of itself."""

    format: int = FORMAT
    traces_digest: str
    text: str
    """The channel that was read, or ``item``."""
    segmentation: SegmentationConfig
    han_segmenter: str | None
    """Version of rjieba, if there was one."""
    num_documents: int
    num_tokens: int
    num_words: int
    cleaned: dict[str, int]
    """How often each cleaning rule found something, in all text."""
    digest: str
    """Hash of the contents."""


class TokenWriter:
    """One build: its files grow bucket by bucket, and its state says how far they are.

    Args:
        documents: the texts.
        segmentation: how they become words.
        folder: a workspace; what an earlier build of the same texts and settings left is used.
    """

    def __init__(
        self, documents: Documents, segmentation: SegmentationConfig, folder: Path
    ) -> None:
        self._documents = documents
        self._segmenter = Segmenter(segmentation)
        self._folder = folder
        self._made = {
            "traces_digest": documents.traces.digest,
            "text": documents.text,
            "segmentation": segmentation.to_dict(),
            "han_segmenter": _han_segmenter_version(),
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
        total = self._documents.num_documents
        done = int(self._state.values["documents"])
        for document_D in _buckets(self._documents, done):
            self._append(segment_documents(self._documents, document_D, self._segmenter))
            self._keep(int(document_D[-1]) + 1)
            if progress is not None:
                progress(int(document_D[-1]) + 1, total)
        self._finish()

    def _start(self) -> None:
        clear(self._folder)
        self._state.values = {}
        self._open(None)
        self._ptr.append(np.zeros(1, np.int64))
        self._cleaned: dict[str, int] = {}
        self._keep(0)

    def _open(self, files: dict[str, Any] | None) -> None:
        states = files or {"ids": None, "pointers": None, "words": None}
        self._ids = NumpyFile(self._folder / "ids.npy", np.int32, states["ids"])
        self._ptr = NumpyFile(self._folder / "pointers.npy", np.int64, states["pointers"])
        scratch = self._folder / SCRATCH
        self._words = ColumnWriter(scratch, "words", np.uint8, text=True, state=states["words"])
        # Cut to the length of the state, it may have the header of a longer one.
        self._words.close()
        self._cleaned = dict(self._state.values.get("cleaned", {}))
        self._place = {w: i for i, w in enumerate(_read_words(scratch) if files else [])}

    def _append(self, bucket: SegmentedDocuments) -> None:
        """Write a bucket under the numbers of all words so far."""
        before = len(self._place)
        new_id_W = [self._place.setdefault(word, len(self._place)) for word in bucket.words]
        added = [w for w, i in zip(bucket.words, new_id_W, strict=True) if i >= before]
        self._ptr.append(self._ids.length + np.cumsum(bucket.length_D))
        self._ids.append(np.array(new_id_W, np.int32)[bucket.id_T])
        self._words.append(pa.array(added, pa.large_string()))
        for rule, number in bucket.cleaned.items():
            self._cleaned[rule] = self._cleaned.get(rule, 0) + number

    def _keep(self, documents: int) -> None:
        self._words.close()
        files = {
            "ids": self._ids.state(),
            "pointers": self._ptr.state(),
            "words": self._words.state(),
        }
        self._state.save(documents=documents, files=files, cleaned=self._cleaned)

    def _finish(self) -> None:
        words = pa.table({"word": pa.array(list(self._place), pa.string())})
        digests = {
            "ids.npy": self._ids.close(),
            "pointers.npy": self._ptr.close(),
            "words.parquet": write_table(self._folder / "words.parquet", words),
        }
        manifest = TokenManifest.from_dict(
            {
                **self._made,
                "num_documents": self._documents.num_documents,
                "num_tokens": self._ids.length,
                "num_words": len(self._place),
                "cleaned": self._cleaned,
                "digest": digest_of_files(digests),
            }
        )
        text = json.dumps(manifest.to_dict(), indent=1, ensure_ascii=False)
        (self._folder / "manifest.json").write_text(text, encoding="utf8")


def _buckets(documents: Documents, first: int) -> Iterator[Rows]:
    """Yield the documents from ``first`` on, about :data:`BUCKET_BYTES` at a time."""
    scanned = 2**20
    start, total = first, documents.num_documents
    while start < total:
        document_D = np.arange(start, min(start + scanned, total))
        bytes_D = np.cumsum(documents.num_bytes(document_D))
        stop = max(1, int(np.searchsorted(bytes_D, BUCKET_BYTES, side="right")))
        yield document_D[:stop]
        start += stop


def _read_words(folder: Path) -> list[str]:
    """Return the words that an earlier build has written."""
    offsets = np.load(folder / "words.offsets.npy", allow_pickle=False)
    data = np.load(folder / "words.bytes.npy", allow_pickle=False)
    words: list[str] = texts_of(np.diff(offsets), data).to_pylist()
    return words


def _han_segmenter_version() -> str | None:
    try:
        return version("rjieba")
    except PackageNotFoundError:
        return None
