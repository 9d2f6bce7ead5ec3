"""ChannelSequenceBatch: packed sequences of multi-channel events, and where they come from.

Events of all users of a batch stand one after the other; nothing is padded. Time enters as the gap
to the previous event and as the age at the cutoff, in buckets of log₂ seconds (A-S8; PTUM's buckets
with four steps to the octave).

Shapes: U users of the batch, T events of the batch, C token channels, F dense channels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from habitus.config import Config
from habitus.data.snapshot import ranges
from habitus.data.traces import Rows, Traces
from habitus.data.vocabulary import ChannelVocabulary
from habitus.errors import UsageError

STEPS_PER_OCTAVE = 4
NUM_TIME_BUCKETS = 30 * STEPS_PER_OCTAVE + 2
"""Up to 2³⁰ seconds, 34 years; bucket 0 is "no previous event", the last is "masked"."""
TIME_MASK = NUM_TIME_BUCKETS - 1


@dataclass(frozen=True)
class ChannelSequenceBatch:
    """Packed events of some users; checked once, here."""

    tokens_TC: Tensor
    """Token of each token channel, int64."""
    dense_TF: Tensor
    """Standardised dense channels, float32; 0 where missing."""
    state_TF: Tensor
    """State of each dense channel: 0 present, 1 missing, 2 masked; int64."""
    bins_TF: Tensor
    """Quantile bin of each dense channel, int64; -1 where missing. Targets, never inputs."""
    gap_T: Tensor
    """Bucket of the time since the user's previous event, int64."""
    age_T: Tensor
    """Bucket of the time from the event to the cutoff, int64."""
    offsets_U1: Tensor
    """First event of each user in the batch, and ``T``; int64, on the CPU."""

    def __post_init__(self) -> None:
        num_events = len(self.gap_T)
        assert int(self.offsets_U1[0]) == 0
        assert int(self.offsets_U1[-1]) == num_events
        assert len(self.tokens_TC) == len(self.dense_TF) == len(self.age_T) == num_events

    @property
    def num_users(self) -> int:
        """Users, those without events included."""
        return len(self.offsets_U1) - 1

    @property
    def num_events(self) -> int:
        """Events of all users, ``T``."""
        return len(self.gap_T)

    @cached_property
    def lengths_U(self) -> Tensor:
        """Events of each user, on the CPU."""
        return self.offsets_U1.diff()

    @cached_property
    def max_length(self) -> int:
        """Events of the longest sequence."""
        return int(self.lengths_U.max()) if self.num_users else 0

    @property
    def padded_events(self) -> int:
        """Events that a padded tensor of these users would hold."""
        return self.num_users * self.max_length

    def to(self, device: torch.device | str) -> ChannelSequenceBatch:
        """Return the batch with all but the offsets on ``device``."""
        names = ("tokens_TC", "dense_TF", "state_TF", "bins_TF", "gap_T", "age_T")
        return replace(self, **{n: getattr(self, n).to(device, non_blocking=True) for n in names})


@dataclass(frozen=True, kw_only=True)
class ChannelSequenceConfig(Config):
    """How sequences are cut and packed."""

    max_events: int = 256
    """Latest events of a user that are read."""
    token_budget: int = 8_192
    """Events of one batch, at most; a single longer sequence is a batch of its own."""
    pool_users: int = 8_192
    """Training sequences that are sorted by length together: small data is read several times for
    one epoch, so that neighbours are alike and little is padded."""
    min_events: int = 8
    """Users with fewer events are not trained on; they are still encoded."""
    history_share: float = 0.25
    """The earliest training cutoff of a user: this share of its events lie before it."""

    def __post_init__(self) -> None:
        for name in ("max_events", "token_budget", "pool_users", "min_events"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.history_share <= 1:
            raise UsageError(f"history_share must be in [0, 1], got {self.history_share}")


class Request(NamedTuple):
    """Which events of which users make one batch."""

    stop_B: Rows
    """Row after the last event of each user."""
    length_B: Rows
    """How many events up to there."""
    first_B: Rows
    """Row of the user's first event: its gap has no predecessor."""
    as_of_B: Rows
    """The cutoff of each user, in the unit of the traces."""


class ChannelReader:
    """Turns rows of traces into batches: one gather a channel, no object per event."""

    def __init__(self, traces: Traces, vocabulary: ChannelVocabulary) -> None:
        vocabulary.check(traces)
        self.traces = traces
        self.vocabulary = vocabulary
        self._tables = [c.table(traces) for c in vocabulary.token_channels]
        self._codes = [traces.column(c.name) for c in vocabulary.token_channels]
        self._dense = [traces.column(c.name) for c in vocabulary.dense_channels]

    def read(self, request: Request) -> ChannelSequenceBatch:
        """Return the batch of a request."""
        rows_T, offsets_U1 = ranges(request.stop_B - request.length_B, request.length_B)
        tokens_TC = np.empty((len(rows_T), len(self._tables)), np.int64)
        for c, (table, codes) in enumerate(zip(self._tables, self._codes, strict=True)):
            tokens_TC[:, c] = table[codes[rows_T]]
        dense_TF = np.empty((len(rows_T), len(self._dense)), np.float32)
        bins_TF = np.empty((len(rows_T), len(self._dense)), np.int64)
        for f, channel in enumerate(self.vocabulary.dense_channels):
            values_T = self._dense[f][rows_T]
            dense_TF[:, f] = channel.standardise(values_T)
            bins_TF[:, f] = channel.bins(values_T)
        gap_T, age_T = self._times(request, rows_T)
        return ChannelSequenceBatch(
            tokens_TC=torch.from_numpy(tokens_TC),
            dense_TF=torch.from_numpy(dense_TF),
            state_TF=torch.from_numpy((bins_TF < 0).astype(np.int64)),
            bins_TF=torch.from_numpy(bins_TF),
            gap_T=torch.from_numpy(gap_T),
            age_T=torch.from_numpy(age_T),
            offsets_U1=torch.from_numpy(offsets_U1),
        )

    def _times(self, request: Request, rows_T: Rows) -> tuple[Rows, Rows]:
        time_T = self.traces.time_L[rows_T]
        is_first_T = rows_T == np.repeat(request.first_B, request.length_B)
        previous_T = self.traces.time_L[np.where(is_first_T, rows_T, rows_T - 1)]
        gap_T = np.where(is_first_T, 0, time_buckets(time_T - previous_T))
        age_T = time_buckets(np.repeat(request.as_of_B, request.length_B) - time_T)
        return gap_T, age_T


def time_buckets(seconds_T: Rows) -> Rows:
    """Return buckets 1 … of log₂(seconds + 1), four to the octave.

    >>> time_buckets(np.array([0, 1, 3])).tolist()
    [1, 5, 9]
    """
    octaves = np.log2(seconds_T.astype(np.float64) + 1)
    return np.minimum(1 + (octaves * STEPS_PER_OCTAVE).astype(np.int64), TIME_MASK - 1)
