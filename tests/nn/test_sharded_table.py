"""A table over two and three real processes is the table in one place."""

from math import ceil

import pytest
import torch
from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.nn.shard_layout import ShardLayout
from habitus.nn.sharded_table import ShardedTable
from habitus.random import torch_generator
from habitus.training.optimizer import parameter_groups
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from tests.nn.sharded import (
    DIM,
    NUM_ROWS,
    NUM_STEPS,
    SCENARIOS,
    Tensors,
    ids_of,
    loss_of,
    of_all,
    project,
)
from tests.nn.sharded import plain_table as plain
from tests.nn.sharded import training as train_alone

WORLDS = (2, 3)
everywhere = pytest.mark.parametrize("world", WORLDS)
in_each_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def whole(found: list[Tensors], part: str, held: str = "held") -> Tensor:
    """Return the rows of all processes in the order of the table."""
    row_V = torch.cat([tensors[held] for tensors in found])
    assert row_V.sort().values.tolist() == list(range(NUM_ROWS))
    return torch.cat([tensors[part] for tensors in found])[row_V.argsort()]


def distinct(ids: Tensor) -> list[int]:
    """Return the different ids, ascending."""
    return sorted(set(ids.flatten().tolist()))


class OnePlace:
    """The slow twin: one plain table, the mean of the losses of all processes."""

    def __init__(self, scenario: str, world: int) -> None:
        table = nn.Embedding(NUM_ROWS, DIM, _weight=plain().clone())
        self.ids = [ids_of(scenario, rank, world) for rank in range(world)]
        self.rows = [table(ids) for ids in self.ids]
        self.losses = [loss_of(rows) for rows in self.rows]
        torch.autograd.backward(torch.stack(self.losses).mean())
        assert table.weight.grad is not None
        self.gradient = table.weight.grad.clone()
        RowWiseAdagrad(table.parameters(), lr=0.1).step()
        self.after = table.weight.detach()


@everywhere
@in_each_scenario
def test_lookups_are_equal_bit_by_bit_and_the_step_is_that_of_one_place(
    scenario: str, world: int
) -> None:
    found, alone = of_all(world, "lookups"), OnePlace(scenario, world)
    for rank, tensors in enumerate(found):
        assert torch.equal(tensors[f"{scenario}|rows"], alone.rows[rank])
        assert torch.equal(tensors[f"{scenario}|loss"][0], alone.losses[rank])
    for name, expected in (("gradient", alone.gradient), ("after", alone.after)):
        both = whole(found, f"{scenario}|{name}", f"{scenario}|held")
        torch.testing.assert_close(both, expected, atol=1e-5, rtol=1e-5)
    assert not torch.equal(alone.after, plain())


@everywhere
@in_each_scenario
def test_gradients_are_of_the_rows_asked_for_and_each_is_asked_for_once_by_a_process(
    scenario: str, world: int
) -> None:
    found = of_all(world, "lookups")
    ids = [ids_of(scenario, rank, world) for rank in range(world)]
    touched = torch.cat([tensors[f"{scenario}|touched"] for tensors in found])
    assert sorted(touched.tolist()) == distinct(torch.cat([x.flatten() for x in ids]))
    asked = sum(int(tensors[f"{scenario}|asked"]) for tensors in found)
    assert asked == sum(len(distinct(x)) for x in ids)
    if scenario == "all of one process":
        assert [len(tensors[f"{scenario}|touched"]) > 0 for tensors in found] == [
            rank == 0 for rank in range(world)
        ]


@everywhere
def test_a_process_holds_its_rows_and_one_number_of_state_for_each(world: int) -> None:
    found = of_all(world, "lookups")
    for tensors in found:
        num_held = len(tensors["ragged|held"])
        assert num_held <= ceil(NUM_ROWS / world)
        assert tensors["ragged|after"].shape == (num_held, DIM)
        # The state of one row is one float.
        assert tensors["ragged|state bytes"].item() == 4 * num_held


@everywhere
def test_training_with_a_tower_is_that_of_one_process(world: int) -> None:
    found = of_all(world, "training")
    table, tower = (
        nn.Embedding(NUM_ROWS, DIM, _weight=plain().clone()),
        torch.nn.Linear(DIM, 1),
    )
    with torch.no_grad():
        tower.weight.copy_(torch.linspace(-1, 1, DIM)[None])
        tower.bias.zero_()
    adagrad = RowWiseAdagrad(table.parameters(), lr=0.1)
    descent = torch.optim.SGD(tower.parameters(), lr=0.1)
    for step in range(NUM_STEPS):
        losses = []
        for rank in range(world):
            generator = torch_generator(rank, "train", step)
            ids = torch.randint(NUM_ROWS, (6 + rank,), generator=generator)
            losses.append((tower(table(ids)).squeeze(1) - ids / NUM_ROWS).square().mean())
        adagrad.zero_grad()
        descent.zero_grad()
        torch.autograd.backward(torch.stack(losses).mean())
        adagrad.step()
        descent.step()
        for rank in range(world):
            torch.testing.assert_close(
                found[rank]["losses"][step], losses[rank].detach(), atol=1e-5, rtol=1e-5
            )
    torch.testing.assert_close(whole(found, "table"), table.weight.detach(), atol=1e-5, rtol=1e-5)
    state = adagrad.state[table.weight]["square_V"]
    torch.testing.assert_close(whole(found, "square"), state, atol=1e-5, rtol=1e-5)
    for tensors in found:
        torch.testing.assert_close(tensors["tower"], tower.weight.detach(), atol=1e-5, rtol=1e-5)


@everywhere
def test_the_projection_of_channels_takes_it_in_the_place_of_its_table(world: int) -> None:
    found = of_all(world, "projected")
    table = nn.Embedding(NUM_ROWS, DIM, _weight=plain().clone())
    outs = [project(table, rank)[1] for rank in range(world)]
    torch.autograd.backward(torch.stack([loss_of(out_TD) for out_TD in outs]).mean())
    for tensors, out_TD in zip(found, outs, strict=True):
        torch.testing.assert_close(tensors["out"], out_TD.detach(), atol=1e-6, rtol=1e-6)
    assert table.weight.grad is not None
    torch.testing.assert_close(whole(found, "gradient"), table.weight.grad, atol=1e-5, rtol=1e-5)


def test_first_rows_are_the_same_for_any_number_of_processes() -> None:
    alone = ShardedTable(10_000, 2, seed=3, std=0.5).weight.detach()
    for world in WORLDS:
        for tensors in of_all(world, "first_rows"):
            assert torch.equal(tensors["whole"], alone)
    # 20,000 draws: the standard error of their deviation is 0.5 / sqrt(40,000) = 0.0025.
    assert alone.std().item() == pytest.approx(0.5, abs=0.0125)
    assert alone.mean().item() == pytest.approx(0, abs=0.0175)
    assert len({*map(tuple, alone.tolist())}) == 10_000
    other = ShardedTable(10_000, 2, seed=4, std=0.5).weight
    assert not torch.isclose(alone, other).all(1).any()
    # Without one, dim ** -0.5 = 1/4 of a width of 16.
    usual = ShardedTable(5_000, 16).weight
    assert usual.std().item() == pytest.approx(0.25, abs=0.004)


def test_in_one_process_it_is_a_plain_table() -> None:
    table = ShardedTable(NUM_ROWS, DIM)
    table.take(plain())
    assert torch.equal(table.weight, plain())
    ids = ids_of("ragged", 2, 1)
    rows = table(ids)
    assert torch.equal(rows, nn.functional.embedding(ids, plain()))
    torch.autograd.backward(loss_of(rows))
    expected = OnePlace("ragged", 3)
    assert table.weight.grad is not None
    assert table.weight.grad.is_sparse
    assert torch.equal(expected.ids[2], ids)
    assert table.weight.grad.coalesce().indices()[0].tolist() == distinct(ids)
    assert repr(table) == f"ShardedTable({NUM_ROWS}, {DIM}, rank 0 of 1 holds {NUM_ROWS})"
    assert table(torch.empty(0, 4, dtype=torch.long)).shape == (0, 4, DIM)


def test_optimisers_take_it_for_a_table_with_sparse_gradients() -> None:
    table = ShardedTable(3, 2)
    groups = parameter_groups(nn.ModuleList([table, nn.Linear(2, 2)]))
    assert [parameter for _, parameter in groups["sparse"]] == [table.weight]


@pytest.mark.parametrize("ids", [[0, 37], [-1, 3]])
def test_an_id_that_is_not_there_is_told(ids: list[int]) -> None:
    with pytest.raises(UsageError, match=r"rows 0 to 36, and a batch asks for (37|-1)"):
        ShardedTable(NUM_ROWS, DIM)(torch.tensor(ids))


def test_shapes_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="got 0"):
        ShardedTable(3, 0)
    with pytest.raises(UsageError, match="got 0"):
        ShardedTable(0, 3)
    with pytest.raises(UsageError, match=r"\(3, 2\) is wanted, got \(2, 3\)"):
        ShardedTable(3, 2).take(torch.zeros(2, 3))


def test_ids_of_few_bits_do_not_overflow() -> None:
    # 0.6 · 10⁶ · 10⁶ needs 40 bits.
    row = torch.tensor([999_999], dtype=torch.int32)
    layout = ShardLayout(1_000_000, 2)
    assert layout.place(row).item() == 999_999 * layout.multiplier % 1_000_000


def test_the_twin_in_the_processes_is_this_one() -> None:
    # One process runs the case of many: its losses fall.
    losses = train_alone(0, 1)["losses"]
    assert losses[-1] < losses[0]
