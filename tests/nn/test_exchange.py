"""Rows reach the process they are for, in order, and gradients come back."""

import pytest
import torch

from habitus.nn.exchange import rank_of, world_of
from tests.nn.sharded import of_all


@pytest.mark.parametrize("world", [2, 3])
def test_rows_of_unequal_numbers_and_their_gradients(world: int) -> None:
    found = of_all(world, "exchanges")
    for rank, tensors in enumerate(found):
        # Process s sends s + r rows to r, after those for 0 … r - 1; its rows are 100 s + 0, 1, ….
        expected = []
        for sender in range(world):
            before = sum(sender + other for other in range(rank))
            expected += [100 * sender + before + place for place in range(sender + rank)]
        assert tensors["received"].tolist() == expected
        assert tensors["sizes"].tolist() == [sender + rank for sender in range(world)]
        # Process r weighs what it received by r + 1.
        gradient = [r + 1 for r in range(world) for _ in range(rank + r)]
        assert tensors["gradient"].tolist() == gradient


def test_alone_there_is_one_process() -> None:
    assert not torch.distributed.is_initialized()
    assert (rank_of(), world_of()) == (0, 1)
