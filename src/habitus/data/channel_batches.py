"""Which events make which batch: for encoding every user once, and for pre-training.

Shapes: U users of a snapshot, B users of one batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from habitus.data.channel_sequence import (
    ChannelReader,
    ChannelSequenceBatch,
    ChannelSequenceConfig,
    Request,
)
from habitus.data.snapshot import END_OF_TIME, Snapshot, first_at_or_after
from habitus.data.traces import Rows
from habitus.data.vocabulary import ChannelVocabulary
from habitus.errors import DataError


def snapshot_request(snapshot: Snapshot, max_events: int) -> Request:
    """Return the request for every user of a snapshot, in its order."""
    as_of = snapshot.as_of
    if as_of == END_OF_TIME or snapshot.traces.manifest.time_unit == "order":
        time_L, stop_U = snapshot.traces.time_L, snapshot.stop_U
        # Without a date for the cutoff, a user's own last event stands for it.
        last_U = time_L[np.maximum(stop_U - 1, 0)] if len(time_L) else np.zeros_like(stop_U)
        as_of_U = last_U + 1
    else:
        as_of_U = np.full(snapshot.num_users, as_of, np.int64)
    length_U = np.minimum(snapshot.lengths_U, max_events)
    return Request(snapshot.stop_U, length_U, snapshot.start_U, as_of_U)


def pack(length_B: Rows, token_budget: int) -> list[Rows]:
    """Return batches of places, alike in length, each within the budget when padded.

    >>> [b.tolist() for b in pack(np.array([3, 1, 3, 2]), 6)]
    [[1, 3], [0, 2]]
    """
    order_B = np.argsort(length_B, kind="stable")
    sorted_B = length_B[order_B]
    batches, start = [], 0
    while start < len(order_B):
        # Padded size of start … i; it grows with i, so the last that fits is found by search.
        ahead_B = sorted_B[start : start + token_budget]
        padded = ahead_B * np.arange(1, len(ahead_B) + 1)
        stop = start + max(1, int(np.searchsorted(padded, token_budget, side="right")))
        batches.append(order_B[start:stop])
        start = stop
    return batches


class ChannelEncoding:
    """How the users of a snapshot become batches to encode: the fitted state of a model directory.

    A batch depends on lengths alone, so events at or after the cutoff cannot reach it.
    """

    def __init__(self, vocabulary: ChannelVocabulary, config: ChannelSequenceConfig) -> None:
        self.vocabulary = vocabulary
        self.config = config

    def batches(self, snapshot: Snapshot) -> Iterator[tuple[Rows, ChannelSequenceBatch]]:
        """Yield places in the snapshot and their batch, until every user was there once."""
        reader = ChannelReader(snapshot.traces, self.vocabulary)
        request = snapshot_request(snapshot, self.config.max_events)
        for places_B in pack(request.length_B, self.config.token_budget):
            yield places_B, reader.read(take(request, places_B))

    def save(self, folder: Path) -> None:
        """Write the vocabulary and ``sequence.json``."""
        self.vocabulary.save(folder)
        (folder / "sequence.json").write_text(json.dumps(self.config.to_dict(), indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote; raise :class:`DataError` where it is damaged."""
        try:
            values = json.loads((folder / "sequence.json").read_text())
            config = ChannelSequenceConfig.from_dict(values)
        except (OSError, ValueError) as error:
            raise DataError(f"{folder / 'sequence.json'} cannot be read: {error}") from error
        return cls(ChannelVocabulary.load(folder), config)


class PretrainingBatches:
    """Training sequences: each user, each epoch, up to a cutoff of its own.

    The cutoff is a uniform draw between the time at which ``history_share`` of the user's events
    had happened and the snapshot's cutoff, so that the encoder sees the ages and lengths that it
    will meet at rolling cutoffs. The whole epoch is sorted by length before it is cut into batches,
    and batches are shuffled, not rows (stack.md: padding .9-1.6 %).
    """

    def __init__(
        self, snapshot: Snapshot, reader: ChannelReader, config: ChannelSequenceConfig
    ) -> None:
        keep_U = snapshot.lengths_U >= config.min_events
        self.reader = reader
        self.config = config
        self.whole = Request(
            *(a[keep_U] for a in snapshot_request(snapshot, np.iinfo(np.int64).max))
        )

    @property
    def num_users(self) -> int:
        """Users that are trained on."""
        return len(self.whole.stop_B)

    def plan(self, generator: np.random.Generator) -> list[Request]:
        """Return the batches of one epoch: each user ``ceil(pool_users / num_users)`` times."""
        times = -(-self.config.pool_users // max(self.num_users, 1))
        whole = Request(*(np.tile(values_B, times) for values_B in self.whole))
        time_L, first_B, stop_B = self.reader.traces.time_L, whole.first_B, whole.stop_B
        early_B = first_B + ((stop_B - first_B) * self.config.history_share).astype(np.int64)
        low_B = time_L[np.minimum(early_B, stop_B - 1)] + 1
        as_of_B = generator.integers(low_B, np.maximum(whole.as_of_B, low_B), endpoint=True)
        stop_B = first_at_or_after(time_L, first_B, stop_B, as_of_B)
        length_B = np.minimum(stop_B - first_B, self.config.max_events)
        request = Request(stop_B, length_B, first_B, as_of_B)
        batches = pack(length_B, self.config.token_budget)
        generator.shuffle(batches)
        return [take(request, places_B) for places_B in batches]

    def make(self, unit: Request, generator: np.random.Generator) -> ChannelSequenceBatch:  # noqa: ARG002
        """Return one batch."""
        return self.reader.read(unit)


def take(request: Request, places_B: Rows) -> Request:
    """Return the part of a request at some places."""
    return Request(*(a[places_B] for a in request))
