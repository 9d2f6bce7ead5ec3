"""Several processes played by threads of one: what they gather keeps its gradient by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import torch
from torch import Tensor

from habitus.objectives.split import Peers

T = TypeVar("T")


class ThreadPeers:
    """One of several threads."""

    def __init__(self, rank: int, shared: list[Any], barrier: Barrier) -> None:
        self.rank, self.world = rank, len(shared)
        self.shared, self.barrier = shared, barrier

    def gather(self, x_R: Tensor) -> Tensor:
        self.shared[self.rank] = x_R
        self.barrier.wait()
        rows_C = torch.cat(self.shared)
        self.barrier.wait()
        return rows_C


def together(world: int, function: Callable[[Peers], T]) -> list[T]:
    """Return what each thread returns, by rank."""
    shared, barrier = [None] * world, Barrier(world, timeout=60)
    peers = [ThreadPeers(rank, shared, barrier) for rank in range(world)]
    with ThreadPoolExecutor(world) as pool:
        return list(pool.map(function, peers))
