"""An embedding table whose rows are spread over processes, so that none has to hold all.

SUPERMOE eq. 4, ``split(·)``; A-S9: row-wise, by the hash of :mod:`habitus.nn.shard_layout`. A
lookup asks each process once for every row that this one needs (the rows are made unique first),
and hands the same numbers out as a table in one place, bit by bit. Backward, gradients go to the
process that holds the row and are added up there, as row-sparse gradients of its shard.

Differs from the paper: Whale's ``split`` lets the framework place a table; here a table is an
``nn.Embedding`` of this process's rows and the exchange is torch's own ``all_to_all_single``.
torchrec was tried for it with torch 2.13 on CPU: the current pair (1.9.2, fbgemm-gpu-cpu 1.9.0)
does not load (a missing symbol of torch), and 1.8.0 with fbgemm-gpu-cpu 1.8.0 works only without
the dependencies that it declares, which name the CUDA build. So it can be no extra of the package.

Run under ``torchrun --nproc-per-node 2``::

    import torch
    import torch.distributed as dist
    from habitus.nn.sharded_table import ShardedTable
    from habitus.training.row_wise_adagrad import RowWiseAdagrad
    from habitus.training.shards import average_shards

    dist.init_process_group("gloo")
    table = ShardedTable(100_000_000, 64)
    optimizer = RowWiseAdagrad(table.parameters(), lr=0.05)
    for ids, target in batches_of_this_process:
        optimizer.zero_grad()
        ((table(ids) - target) ** 2).mean().backward()
        average_shards(table)
        optimizer.step()

Shapes: V rows of the table, R rows of this process, L ids, B different ones, A rows that all
processes ask this one for, D width, W processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from typing_extensions import override

from habitus.errors import UsageError
from habitus.nn.exchange import Group, exchange, exchange_sizes, rank_of, world_of
from habitus.nn.shard_layout import ShardLayout, ranges
from habitus.random import torch_generator

CHUNK = 4_096
"""Rows that are drawn together; part of what a seed means."""
PART = 65_536
"""Rows that are fetched together where all of them are."""


class ShardedTable(nn.Embedding):
    """The rows of this process; looks up any row of the table.

    All processes of the group make the table with the same arguments, call it the same number of
    times, with as many ids as each likes, none included, and go backward through every call. In
    one process nothing is exchanged.

    Args:
        num_rows: of the whole table.
        dim: width of a row.
        std: rows start normal with it; none: ``dim ** -0.5``.
        seed: of the first rows; they are the same for any number of processes.
        group: who shares the table; None for all.

    Raises:
        UsageError: no row, no width, or more than 2³¹ - 1 rows.
    """

    def __init__(
        self,
        num_rows: int,
        dim: int,
        *,
        std: float | None = None,
        seed: int = 0,
        group: Group = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        if dim < 1:
            raise UsageError(f"the rows of a table have a width of at least 1, got {dim}")
        self.group, self.rank = group, rank_of(group)
        self.layout = ShardLayout(num_rows, world_of(group))
        bounds = self.layout.bounds()
        self.start, self.stop = bounds[self.rank], bounds[self.rank + 1]
        shard_RD = torch.empty(self.stop - self.start, dim, dtype=dtype, device=device)
        super().__init__(len(shard_RD), dim, sparse=True, _weight=shard_RD)
        self.num_rows = num_rows
        self.draw(seed, dim**-0.5 if std is None else std)

    @torch.no_grad()
    def draw(self, seed: int, std: float) -> None:
        """Draw all rows anew, each from the seed and its place alone.

        A table in one place takes them row after row and shards do not, so the places of many
        processes are filled in that order for one as well.
        """
        shared = ShardLayout(self.num_rows, max(2, self.layout.world))
        for chunk, (low, high) in enumerate(ranges(0, self.num_rows, CHUNK)):
            inside = slice(max(low, self.start), min(high, self.stop))
            is_plain = self.layout.world == 1
            if inside.start >= inside.stop and not is_plain:
                continue
            generator = torch_generator(seed, "sharded table", chunk)
            drawn = torch.randn(high - low, self.embedding_dim, generator=generator) * std
            if is_plain:
                self.weight[shared.row(torch.arange(low, high))] = drawn.to(self.weight)
            else:
                place = slice(inside.start - self.start, inside.stop - self.start)
                self.weight[place] = drawn[inside.start - low : inside.stop - low].to(self.weight)

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Return the rows of ids of any shape, ``(…, D)``.

        Raises:
            UsageError: an id that the table does not have.
        """
        self._check(input)
        if self.layout.world == 1:
            return embedding(input, self.weight, sparse=True)
        # By place, and so by the process that holds it: parts of the exchange are in order.
        place_B, inverse = torch.unique(self.layout.place(input), return_inverse=True)
        return embedding(inverse, self._fetch(place_B))

    def _fetch(self, place_B: Tensor) -> Tensor:
        """Return the rows at different places, in ascending order, from whoever holds them."""
        owner_B = self.layout.owner(place_B)
        asked_W = torch.bincount(owner_B, minlength=self.layout.world).tolist()
        wanted_W = exchange_sizes(asked_W, place_B.device, self.group)
        place_A = exchange(place_B, asked_W, wanted_W, self.group)
        row_AD = embedding(place_A - self.start, self.weight, sparse=True)
        return exchange(row_AD, wanted_W, asked_W, self.group)

    def _check(self, ids: Tensor) -> None:
        if not ids.numel():
            return
        low, high = (int(bound) for bound in torch.aminmax(ids))
        if low < 0 or high >= self.num_rows:
            raise UsageError(
                f"the table has rows 0 to {self.num_rows - 1}, and a batch asks for "
                f"{low if low < 0 else high}: was it made for another vocabulary?"
            )

    def rows(self) -> Tensor:
        """Return which rows of the table this process holds, in the order of its weight, ``(R)``.

        >>> ShardedTable(3, 2).rows()
        tensor([0, 1, 2])
        """
        return self.layout.row(torch.arange(self.start, self.stop))

    @torch.no_grad()
    def take(self, table_VD: Tensor) -> None:
        """Take this process's rows of a table that is in one place.

        Raises:
            UsageError: it has another shape.
        """
        wanted = (self.num_rows, self.embedding_dim)
        if table_VD.shape != wanted:
            raise UsageError(f"a table of shape {wanted} is wanted, got {tuple(table_VD.shape)}")
        self.weight.copy_(table_VD[self.rows().to(table_VD.device)])

    @torch.no_grad()
    def whole(self) -> Tensor:
        """Return the table in its own order, ``(V, D)``; ``(0, D)`` in all but the first process.

        All processes of the group call it.
        """
        device, asks = self.weight.device, self.rank == 0
        parts = [
            self(torch.arange(low, high if asks else low, device=device))
            for low, high in ranges(0, self.num_rows, PART)
        ]
        return torch.cat(parts)

    @override
    def extra_repr(self) -> str:
        """Return the whole and the part."""
        return (
            f"{self.num_rows}, {self.embedding_dim}, "
            f"rank {self.rank} of {self.layout.world} holds {self.num_embeddings}"
        )
