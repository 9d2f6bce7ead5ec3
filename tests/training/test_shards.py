"""The gradient of a table over processes is of the mean of their losses, and its norm is shared."""

from math import sqrt

import pytest
import torch
from torch import nn

from habitus.nn.sharded_table import ShardedTable
from habitus.training.optimizer import Optimizers
from habitus.training.shards import (
    average_shards,
    collect,
    norm_over_shards,
    sharded_tables,
    spread,
)
from tests.nn.sharded import CLIPPED, NUM_ROWS, Towers, of_all, plain_table


@pytest.mark.parametrize("world", [2, 3])
def test_the_norm_is_that_of_the_whole_gradient_in_all_processes(world: int) -> None:
    # All have 2 and 4; process r has the rows r, r + 1 and r + 2.
    squares = 2**2 + 4**2 + sum((r + x) ** 2 for r in range(world) for x in range(3))
    for tensors in of_all(world, "norms"):
        assert tensors["norm"].item() == pytest.approx(sqrt(squares))
        assert tensors["none"].item() == pytest.approx(sqrt(20))


def test_alone_a_norm_is_a_norm() -> None:
    assert norm_over_shards([torch.tensor([3.0])], [torch.tensor([4.0])]).item() == 5
    assert norm_over_shards([], []).item() == 0


def test_in_one_process_nothing_is_divided_and_no_table_is_a_shard() -> None:
    modules = nn.ModuleList([ShardedTable(4, 2), nn.Embedding(3, 2)])
    assert sharded_tables(modules) == []
    torch.autograd.backward(modules[0](torch.tensor([1, 1])).sum())
    average_shards(modules)
    gradient = modules[0].weight.grad
    assert isinstance(gradient, torch.Tensor)
    assert gradient.to_dense().tolist() == [[0, 0], [2, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize("world", [2, 3])
def test_averaged_and_clipped_training_is_that_of_one_process(world: int) -> None:
    found, modules = of_all(world, "clipped"), Towers()
    optimizers = Optimizers(modules, CLIPPED)
    for step in range(CLIPPED.max_steps):
        optimizers.zero_grad()
        losses = [modules.loss(rank, step) for rank in range(world)]
        torch.autograd.backward(torch.stack(losses).mean())
        norm = optimizers.clip()
        assert norm > 0.05
        optimizers.step()
        for tensors in found:
            torch.testing.assert_close(tensors["norms"][step], norm, atol=1e-5, rtol=1e-5)
    table, tower = modules.table, modules.tower
    row_V = torch.cat([tensors["held"] for tensors in found])
    both = torch.cat([tensors["table"] for tensors in found])[row_V.argsort()]
    torch.testing.assert_close(both, table.weight.detach(), atol=1e-5, rtol=1e-5)
    for tensors in found:
        assert torch.equal(tensors["tower"], found[0]["tower"])
        torch.testing.assert_close(tensors["tower"], tower.weight.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("world", [2, 3])
def test_a_table_is_spread_and_collected_bit_by_bit(world: int) -> None:
    found = of_all(world, "spread_out")
    for tensors in found:
        assert torch.equal(tensors["shards|rows"], tensors["plain|rows"])
        assert torch.equal(tensors["shards|channel"], tensors["plain|channel"])
        # 37 rows over 2 or 3 processes.
        assert tensors["shards|held"].item() in (NUM_ROWS // world, NUM_ROWS // world + 1)
    assert sum(int(tensors["shards|held"]) for tensors in found) == NUM_ROWS
    assert torch.equal(found[0]["whole"], plain_table())
    assert [len(tensors["whole"]) for tensors in found[1:]] == [0] * (world - 1)


def test_alone_a_spread_table_is_the_table_with_sparse_gradients() -> None:
    modules = nn.ModuleDict({"table": nn.Embedding(5, 2), "other": nn.Linear(2, 2)})
    weight = modules["table"].weight
    assert isinstance(weight, torch.Tensor)
    before = weight.detach().clone()
    spread(modules, "table")
    table = modules["table"]
    assert isinstance(table, ShardedTable)
    assert table.sparse
    assert torch.equal(table.weight, before)
    collect(modules)
    assert type(modules["table"]) is nn.Embedding
    assert torch.equal(modules["table"].weight, before)
