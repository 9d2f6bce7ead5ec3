"""Two real processes with different numbers of users are one process with all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.nn.stages import run
from habitus.objectives.split import ALONE, Peers
from habitus.training import distributed
from habitus.training.config import TrainingConfig
from habitus.training.distributed import (
    any_wishes,
    average_gradients,
    device_of_process,
    first_alone,
    is_first,
    least,
    peers,
    processes,
    same_weights,
)
from habitus.training.grad_cache import Backward
from tests.objectives.item_pairs import shard
from tests.objectives.threads import together
from tests.training.items import gradients, modules, people
from tests.training.processes import CASES, NUM_USERS, SHARDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What both processes wrote."""
    path = tmp_path_factory.mktemp("processes")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.processes", str(rank), "2", str(path)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0], b"\n".join(said for said, _ in ends).decode()
    return path


def of_both(folder: Path, name: str) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"{name}-{rank}") for rank in range(2)]


@pytest.mark.parametrize("name", ["plain", "cached", "sigmoid"])
def test_gradients_are_those_of_one_process(folder: Path, name: str) -> None:
    one, other = of_both(folder, name)
    assert one.keys() == other.keys()
    both = modules(**CASES[name][1])
    config = TrainingConfig(max_steps=1)
    loss = Backward(*both, config, torch.device("cpu"))(people(NUM_USERS), torch.Generator())
    total = (one.pop("total") + other.pop("total")) / 2
    torch.testing.assert_close(total[0], loss.total)
    for weight, gradient in gradients(*both).items():
        assert torch.equal(one[weight], other[weight])
        torch.testing.assert_close(one[weight], gradient, atol=1e-5, rtol=1e-5, msg=weight)
    assert one["0.tokens.weight"].any()


def test_the_gradient_of_the_paper_leaves_out_what_other_processes_do(folder: Path) -> None:
    found, plain = of_both(folder, "paper_local"), of_both(folder, "plain")
    for rank in range(2):
        torch.testing.assert_close(found[rank]["total"], plain[rank]["total"])
    encoder, objective = modules(**CASES["paper_local"][1])
    batch, shards = people(NUM_USERS), [shard(people(NUM_USERS), users) for users in SHARDS]
    z_ND = run(objective.stages(encoder, batch))

    def lose(peers: Peers) -> Tensor:
        part, slot_G = shards[peers.rank]
        return objective.loss_of(z_ND[slot_G], part, torch.Generator(), peers).total

    torch.autograd.backward(torch.stack(together(2, lose)).mean())
    for weight, gradient in gradients(encoder, objective).items():
        torch.testing.assert_close(found[0][weight], gradient, atol=1e-5, rtol=1e-5, msg=weight)
    assert not torch.allclose(found[0]["0.tokens.weight"], plain[0]["0.tokens.weight"], atol=1e-2)


def test_gathered_rows_of_different_numbers_and_their_gradients(folder: Path) -> None:
    found = of_both(folder, "gather")
    # Three rows of one and four of the other; each weighs row c of all by c, times 1 and 2.
    for part in found:
        assert part["rows"].tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert found[0]["gradient"].tolist() == [0, 3, 6]
    assert found[1]["gradient"].tolist() == [9, 12, 15, 18]


def test_alone_nothing_is_averaged() -> None:
    assert peers() is ALONE
    layer = nn.Linear(2, 1)
    torch.autograd.backward(layer(torch.ones(1, 2)).sum())
    average_gradients(layer)
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[1, 1]]


def test_sparse_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "peers", lambda: "several")
    table = nn.Embedding(3, 2, sparse=True)
    torch.autograd.backward(table(torch.tensor([1])).sum())
    with pytest.raises(UsageError, match="set sparse to false"):
        average_gradients(table)


def test_processes_go_on_from_the_latest_checkpoint_that_all_have(folder: Path) -> None:
    found = of_both(folder, "cut")
    for part in found:
        # Four steps were done, and one process lost what it kept of the last.
        assert part.pop("resumed_from").item() == 3
        names = [name.removeprefix("cut.") for name in part if name.startswith("cut.")]
        assert names
        for name in names:
            assert torch.equal(part[f"cut.{name}"], part[f"undisturbed.{name}"]), name
            assert torch.equal(part[f"cut.{name}"], found[0][f"cut.{name}"]), name


def test_alone_there_is_nobody_to_agree_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any_wishes(True, False) == (True, False)
    assert least(3) == 3
    assert device_of_process("cuda") == "cuda"
    layer = nn.Linear(2, 1)
    before = layer.weight.detach().clone()
    with processes(), first_alone():
        assert peers() is ALONE
        same_weights(layer)
    assert torch.equal(layer.weight, before)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with processes():
        assert peers() is ALONE
    monkeypatch.delenv("RANK", raising=False)
    assert is_first()
    monkeypatch.setenv("RANK", "1")
    assert not is_first()
