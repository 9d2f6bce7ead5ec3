"""IDs without end: values into a fixed number of buckets, with the collisions counted.

A vocabulary keeps one row a value; where new values keep coming, or there are too many, a value's
row is ``h(value) mod K``. ``h`` is FNV-1a of 64 bits over the UTF-8 bytes (Fowler, Noll,
Vo), its bits mixed by the last step of SplitMix64 (Steele et al., OOPSLA 2014), since the lowest
bits of FNV alone are those of the lowest bits of the text. It has no seed: a bucket is the same for
everybody and for ever. (Weinberger et al. "Feature Hashing". ICML 2009; I3 8.)

Shapes: V values, B bytes, K buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class Hashing:
    """How a channel was hashed, and what fell together in the data that it was fitted on."""

    num_buckets: int
    num_values: int
    """Different values of the training events."""
    value_collision_rate: float
    """Share of them that share their bucket with another one."""
    event_collision_rate: float
    """Share of the events with a value whose value does."""

    @property
    def expected_rate(self) -> float:
        """Return the value collision rate of a perfect hash: ``1 - (1 - 1/K) ** (V - 1)``."""
        return float(1 - (1 - 1 / self.num_buckets) ** max(self.num_values - 1, 0))


def hash_values(values: pa.Array) -> Hashes:
    """Return the 64-bit hash of each text, without a Python object for it.

    >>> hash_values(pa.array(["a", "b"])).tolist()
    [198367012849983736, 4482684837372322821]
    """
    texts = values.cast(pa.large_string())
    hash_V = np.empty(len(texts), np.uint64)
    if len(texts):
        offset_V1 = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset :][: len(texts) + 1]
        data = texts.buffers()[2]
        byte_B = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        _hash(offset_V1, byte_B, hash_V)
    return hash_V


def buckets_of(values: pa.Array, num_buckets: int) -> Counts:
    """Return the bucket of each text, from 0."""
    return (hash_values(values) % np.uint64(num_buckets)).astype(np.int64)


def count_collisions(bucket_V: Counts, count_V: Counts, num_buckets: int) -> Hashing:
    """Return how often values share a bucket; a value of no event does not count."""
    seen = count_V > 0
    values_K = np.bincount(bucket_V[seen], minlength=num_buckets)
    shared_V = seen & (values_K[bucket_V] > 1)
    num_values, num_events = int(seen.sum()), int(count_V.sum())
    return Hashing(
        num_buckets=num_buckets,
        num_values=num_values,
        value_collision_rate=float(shared_V.sum() / max(num_values, 1)),
        event_collision_rate=float(count_V[shared_V].sum() / max(num_events, 1)),
    )


def _compiled(function: Any) -> Any:  # noqa: ANN401 - numba has no types
    return njit(cache=True, nogil=True)(function)


@_compiled
def _hash(offset_V1: npt.NDArray[np.int64], byte_B: npt.NDArray[np.uint8], hash_V: Hashes) -> None:
    for place in range(len(hash_V)):
        value = _BASIS
        for at in range(offset_V1[place], offset_V1[place + 1]):
            value = (value ^ np.uint64(byte_B[at])) * _PRIME
        value = (value ^ (value >> np.uint64(30))) * _FIRST
        value = (value ^ (value >> np.uint64(27))) * _SECOND
        hash_V[place] = value ^ (value >> np.uint64(31))
