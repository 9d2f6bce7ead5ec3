"""Which process holds which row of a sharded table, as arithmetic: no map is stored.

The hash of row ``r`` of ``V`` is its place ``p(r) = (a · r) mod V``, where ``a`` is the number
nearest to ``V / golden ratio`` that has no factor in common with ``V`` (Knuth, The Art of Computer
Programming 3, 6.4: Fibonacci hashing; Weyl). ``p`` is a bijection, so every place has one row and
nothing collides; neighbouring rows, which are of like frequency, lie far apart; and process ``w``
of ``W`` holds the places from ``⌊w V / W⌋`` to ``⌊(w + 1) V / W⌋``: shards differ by a row at most.
Places do not depend on ``W``: with another number of processes each reads other ranges of the same.

One process has ``a = 1``: a plain table, row after row.

Shapes: V rows, B rows that are asked for, W processes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from habitus.errors import UsageError

MAX_ROWS = 2**31
"""Products of two rows stay within 64 bits."""
_GOLDEN = (1 + math.sqrt(5)) / 2


@dataclass(frozen=True)
class ShardLayout:
    """The places of ``num_rows`` rows over ``world`` processes.

    Raises:
        UsageError: no row, or too many.
    """

    num_rows: int
    world: int

    def __post_init__(self) -> None:
        if not 0 < self.num_rows < MAX_ROWS:
            raise UsageError(f"a sharded table has 1 to {MAX_ROWS - 1} rows, got {self.num_rows}")
        assert self.world >= 1

    @property
    def multiplier(self) -> int:
        """``a`` of the hash."""
        return 1 if self.world == 1 else golden_multiplier(self.num_rows)

    def bounds(self) -> list[int]:
        """Return the first place of each process, and the end, ``W + 1`` numbers."""
        return [rank * self.num_rows // self.world for rank in range(self.world + 1)]

    def place(self, row_B: Tensor) -> Tensor:
        """Return the place of each row."""
        return row_B.long() * self.multiplier % self.num_rows

    def row(self, place_B: Tensor) -> Tensor:
        """Return the row at each place."""
        return place_B * pow(self.multiplier, -1, self.num_rows) % self.num_rows

    def owner(self, place_B: Tensor) -> Tensor:
        """Return the process that holds each place."""
        return ((place_B + 1) * self.world - 1) // self.num_rows


def golden_multiplier(num_rows: int) -> int:
    """Return the whole number nearest to ``num_rows / golden ratio`` that is coprime to it.

    >>> golden_multiplier(10)
    7
    """
    wanted = round(num_rows / _GOLDEN)
    for distance in count():
        for candidate in (wanted + distance, wanted - distance):
            if 0 < candidate <= num_rows and math.gcd(candidate, num_rows) == 1:
                return candidate
    raise AssertionError  # 1 has no factor in common with anything


def ranges(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Return a range in parts of at most ``size``."""
    return [(low, min(low + size, stop)) for low in range(start, stop, size)]


def rows_at(layout: ShardLayout, start: int, stop: int) -> Tensor:
    """Return the rows at a range of places."""
    return layout.row(torch.arange(start, stop))
