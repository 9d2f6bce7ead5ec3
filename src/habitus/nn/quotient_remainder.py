"""Two small tables in the place of a large one: a row is the sum of a quotient's and a remainder's.

Shi et al. "Compositional Embeddings Using Complementary Partitions for Memory-Efficient
Recommendation Systems". KDD 2020, 3.1; I3 8. ``r = q · m + s`` has the row ``quotient[q] +
remainder[s]``. No two rows share both, so none collide, and with ``m = ⌈√V⌉`` about ``2 √V`` rows
are kept instead of ``V``: of a million 2,000.

Of the ways to join the parts that the paper names, this is the sum.

Shapes: V rows, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.errors import UsageError


class QuotientRemainder(nn.Module):
    """Looks up rows as an embedding table does.

    Args:
        num_rows: that can be looked up.
        dim: width of a row.
        num_remainders: ``m``; none: the least memory.
        sparse: whether the gradients of both tables are row-sparse.

    Raises:
        UsageError: a size below 1.
    """

    def __init__(
        self, num_rows: int, dim: int, num_remainders: int | None = None, *, sparse: bool = False
    ) -> None:
        super().__init__()
        modulus = smallest_parts(num_rows)[1] if num_remainders is None else num_remainders
        for name, size in (("num_rows", num_rows), ("dim", dim), ("num_remainders", modulus)):
            if size < 1:
                raise UsageError(f"{name} must be at least 1, got {size}")
        self.num_embeddings, self.embedding_dim, self.modulus = num_rows, dim, modulus
        self.quotient = nn.Embedding(-(-num_rows // modulus), dim, sparse=sparse)
        self.remainder = nn.Embedding(min(modulus, num_rows), dim, sparse=sparse)
        for table in (self.quotient, self.remainder):
            # The sum of both is as large as a row of one table.
            nn.init.normal_(table.weight, std=(2 * dim) ** -0.5)

    @override
    def forward(self, ids: Tensor) -> Tensor:
        """Return the rows of ids of any shape, ``(…, D)``."""
        quotients, remainders = ids // self.modulus, ids % self.modulus
        rows: Tensor = self.quotient(quotients) + self.remainder(remainders)
        return rows

    def rows(self, start: int, stop: int) -> Tensor:
        """Return a range of rows: what tied output weights need."""
        rows: Tensor = self(torch.arange(start, stop, device=self.quotient.weight.device))
        return rows


def smallest_parts(num_rows: int) -> tuple[int, int]:
    """Return how many quotients and remainders take the least memory.

    >>> smallest_parts(1_000_000)
    (1000, 1000)
    """
    modulus = math.isqrt(max(num_rows, 1) - 1) + 1
    return -(-max(num_rows, 1) // modulus), min(modulus, max(num_rows, 1))
