"""What users' items on each service say, as counts of words: what matching and domains are read by.

Shapes: U users, K services, L events with text, D distinct texts, W words. A row of
``U · K`` is a user's service: ``user · K + service``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from habitus.comparisons.word_counts import count_columns
from habitus.data.columns import SERVICE
from habitus.data.item_documents import ItemDocuments
from habitus.data.item_slots import codes, names_of
from habitus.data.posts import AUTO
from habitus.data.segmentation import SegmentationConfig, Segmenter
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Rows


class ServiceTexts(NamedTuple):
    """The events that have a text and one of some services."""

    user_L: Rows
    """Place in the snapshot."""
    service_L: Rows
    document_L: Rows
    num_users: int
    services: tuple[str, ...]

    @property
    def present_UK(self) -> npt.NDArray[np.bool_]:
        """Which services each user has a text on."""
        found_UK = np.zeros((self.num_users, len(self.services)), np.bool_)
        found_UK[self.user_L, self.service_L] = True
        return found_UK


def service_texts(
    snapshot: Snapshot, services: Sequence[str] | None = None, text: str = AUTO
) -> ServiceTexts:
    """Return the events of a snapshot that have a text, of some services.

    Args:
        snapshot: whose events.
        services: in this order; None for those that occur, by name.
        text: which texts, see :class:`~habitus.data.item_documents.ItemDocuments`.

    Raises:
        DataError: the traces have no such text.
    """
    row_L, _ = snapshot.latest()
    document_L = ItemDocuments(snapshot.traces, text).document_of(row_L)
    user_L = np.repeat(np.arange(snapshot.num_users), snapshot.lengths_U)
    names = names_of(snapshot.traces, SERVICE)
    code_L = codes(snapshot.traces, SERVICE, row_L)
    if services is None:
        met = np.bincount(code_L[document_L >= 0], minlength=len(names))
        services = sorted(
            n for n, number in zip(names, met, strict=True) if n is not None and number
        )
    place: dict[str | None, int] = {name: k for k, name in enumerate(services)}
    service_L = np.array([place.get(name, -1) for name in names], np.int64)[code_L]
    kept_L = (document_L >= 0) & (service_L >= 0)
    return ServiceTexts(
        user_L[kept_L],
        service_L[kept_L],
        document_L[kept_L],
        snapshot.num_users,
        tuple(services),
    )


class ServiceWords(NamedTuple):
    """How often each word stands in each user's items of each service."""

    words: tuple[str, ...]
    count_SW: csr_array
    """``(U · K, W)`` float32."""
    services: tuple[str, ...]


def service_words(
    snapshot: Snapshot,
    services: Sequence[str] | None = None,
    *,
    text: str = AUTO,
    segmentation: SegmentationConfig | None = None,
    unique: bool = True,
) -> ServiceWords:
    """Return the words of a snapshot's users by service; each distinct text is segmented once.

    Args:
        snapshot: whose events.
        services: in this order; None for those that occur, by name.
        text: which texts.
        segmentation: how texts become words.
        unique: whether a text that a user meets again on a service counts once, as in C4.

    Raises:
        DataError: the traces have no such text.
    """
    found = service_texts(snapshot, services, text)
    documents = ItemDocuments(snapshot.traces, text)
    document_L, which_L = np.unique(found.document_L, return_inverse=True)
    texts, text_L = _distinct(documents.texts(document_L))
    place_L = text_L[which_L]
    row_L = found.user_L * len(found.services) + found.service_L
    num_rows = found.num_users * len(found.services)
    if unique and len(row_L):
        row_L, place_L = np.divmod(np.unique(row_L * len(texts) + place_L), len(texts))
    order_L = np.argsort(row_L, kind="stable")
    ptr_S1 = np.concatenate([[0], np.cumsum(np.bincount(row_L, minlength=num_rows))])
    times_SD = count_columns(place_L[order_L], ptr_S1, len(texts))
    count_DW, words = _words_of(texts, segmentation)
    count_SW = csr_array(times_SD @ count_DW)
    count_SW.sort_indices()
    return ServiceWords(words, count_SW, found.services)


def _distinct(texts: Sequence[str]) -> tuple[list[str], Rows]:
    """Return each text once, and the place in these of each of the texts."""
    place_of = dict[str, int]()
    place = [place_of.setdefault(text, len(place_of)) for text in texts]
    return list(place_of), np.array(place, np.int64)


def _words_of(
    texts: Sequence[str], segmentation: SegmentationConfig | None
) -> tuple[csr_array, tuple[str, ...]]:
    """Return how often each word stands in each text, and the words by first appearance."""
    segmenter, place_of = Segmenter(segmentation), dict[str, int]()
    ids: list[int] = []
    stops = [0]
    for text in texts:
        ids += [place_of.setdefault(word, len(place_of)) for word in segmenter.words(text)]
        stops.append(len(ids))
    counts = count_columns(np.array(ids, np.int64), np.array(stops, np.int64), len(place_of))
    return counts, tuple(place_of)
