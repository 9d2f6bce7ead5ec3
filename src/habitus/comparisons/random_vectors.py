"""Random vectors: what a probe finds where there is nothing (B-30).

A user's vector depends on the id alone, not on what the user did or who else is asked about: the
same user has the same vector at every cutoff.

Shapes: U users, D width.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from habitus.comparisons.base import Comparison, Matrix
from habitus.config import Config
from habitus.data.snapshot import Snapshot
from habitus.errors import UsageError
from habitus.random import derive_seed

# Odd constants of SplitMix64 (Steele, Lea, Flood 2014), which makes streams of a counter.
STEP, MIX_1, MIX_2 = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)


@dataclass(frozen=True, kw_only=True)
class RandomVectorsConfig(Config):
    """How wide."""

    width: int = 128

    def __post_init__(self) -> None:
        if self.width < 1:
            raise UsageError(f"width must be 1 or more, got {self.width}")


class RandomVectors(Comparison):
    """Uniform numbers with mean 0 and variance 1, made from a hash of the user's id."""

    name: ClassVar[str] = "random_vectors"
    label: ClassVar[str] = "random vectors"

    def __init__(self, config: RandomVectorsConfig | None = None) -> None:
        self.config: RandomVectorsConfig = config or RandomVectorsConfig()
        self._seed = 0

    @override
    def fit(self, snapshot: Snapshot, seed: int = 0) -> None:
        """Keep the seed; nothing else is looked at."""
        self._seed = seed

    def represent(self, snapshot: Snapshot) -> Matrix:
        """Return one vector for each user, ``(U, D)``."""
        salt = derive_seed(self._seed, self.name).to_bytes(8, "little")
        digests = (
            hashlib.blake2b(salt + user.encode(), digest_size=8).digest()
            for user in snapshot.user_ids.to_pylist()
        )
        start_U = np.frombuffer(b"".join(digests), "<u8")
        bits_UD = _split_mix(start_U[:, None] + STEP * np.arange(self.config.width, dtype="<u8"))
        uniform_UD = (bits_UD >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return np.asarray(np.sqrt(12) * (uniform_UD - 0.5), np.float32)


def _split_mix(counter: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = (counter ^ (counter >> np.uint64(30))) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX_2
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
