"""A table that some processes wrote is read by any other number, row by row the same."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from habitus.errors import DataError, UsageError
from habitus.nn.sharded_table import ShardedTable
from habitus.training import shard_files
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from habitus.training.shard_files import load_shards, read_index, save_shards, shard_file
from tests.nn.sharded import DIM, NUM_ROWS, folder_of, load, plain_table, save


@pytest.mark.parametrize("world", [1, 2, 3])
def test_one_process_reads_what_some_wrote(world: int) -> None:
    # The processes themselves read what fewer had written: 1 → 2, 1 → 3, 2 → 3, and their own.
    folder = folder_of(world) / "table"
    load(folder)
    files = [shard_file(rank, world) for rank in range(world)]
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", *files]
    index = read_index(folder)
    assert (index.num_rows, index.dim, index.world) == (NUM_ROWS, DIM, world)


@pytest.mark.parametrize("part", [1, 4, 1_000])
def test_the_size_of_a_part_changes_nothing(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_files, "PART", part)
    load(folder_of(2) / "table")


def test_training_goes_on_with_the_state_of_the_optimiser(tmp_path: Path) -> None:
    table = ShardedTable(9, 2)
    optimizer = RowWiseAdagrad(table.parameters(), lr=0.1)

    def step(table: ShardedTable, optimizer: RowWiseAdagrad) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(table(torch.tensor([2, 5, 2])).square().sum())
        optimizer.step()

    step(table, optimizer)
    save_shards(tmp_path / "t", table, optimizer.state[table.weight])
    step(table, optimizer)
    again = ShardedTable(9, 2, seed=1)
    other = RowWiseAdagrad(again.parameters(), lr=0.1)
    other.state[again.weight] = load_shards(tmp_path / "t", again)
    step(again, other)
    assert torch.equal(again.weight, table.weight)


def test_a_folder_with_a_table_is_not_written_over(tmp_path: Path) -> None:
    save(tmp_path)
    with pytest.raises(UsageError, match="already: choose another folder"):
        save(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot write a sharded table to .*file"):
        save(tmp_path / "file" / "table")


def test_a_table_that_was_not_written_to_its_end_is_told(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "index.json").unlink()
    with pytest.raises(DataError, match="not written to its end"):
        load(tmp_path)
    # It can be written again over what was left.
    save(tmp_path)
    load(tmp_path)


@pytest.mark.parametrize("damage", ["gone", "cut", "other rows", "other names"])
def test_a_damaged_shard_is_named(damage: str, tmp_path: Path) -> None:
    folder = tmp_path / "table"
    shutil.copytree(folder_of(2) / "table", folder)
    path = folder / shard_file(1, 2)
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    elif damage == "other rows":
        # 37 rows: the first process has 18 and the second 19.
        shutil.copy(folder / shard_file(0, 2), path)
    else:
        path.write_bytes(path.read_bytes().replace(b'"rows"', b'"row_"'))
    with pytest.raises(DataError, match=rf"{path.name} is missing or damaged"):
        load_shards(folder, ShardedTable(NUM_ROWS, DIM))


def test_a_table_of_another_shape_or_version_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    with pytest.raises(UsageError, match="table of 37 rows of width 5, and one of 36 rows"):
        load_shards(tmp_path, ShardedTable(NUM_ROWS - 1, DIM))
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "format": 2}))
    with pytest.raises(DataError, match="format 2, this version reads 1"):
        load(tmp_path)


def test_state_of_another_table_is_refused(tmp_path: Path) -> None:
    table = ShardedTable(NUM_ROWS, DIM)
    with pytest.raises(UsageError, match="'square_V' has 3 entries and this process has 37 rows"):
        save_shards(tmp_path, table, {"square_V": torch.zeros(3)})
    assert plain_table().shape == table.weight.shape
