"""What one of several real processes does in a test of them; run with rank, world and folder."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import nn

from habitus.data.loader import Loader
from habitus.training.config import TrainingConfig
from habitus.training.distributed import (
    any_wishes,
    average_gradients,
    device_of_process,
    first_alone,
    least,
    peers,
    processes,
    same_weights,
)
from habitus.training.grad_cache import Backward
from habitus.training.trainer import OnStep, Trainer
from tests.objectives.item_pairs import shard
from tests.training.items import gradients, modules, people
from tests.training.toy import CONFIG, ToySource, toy_modules

NUM_USERS = 9
SHARDS = ([0, 1], [2, 3, 4, 5, 6, 7, 8])
CASES: dict[str, tuple[int | None, dict[str, Any]]] = {
    "plain": (None, {}),
    "cached": (25, {"matryoshka": (4,)}),
    "sigmoid": (None, {"loss": "sigmoid", "same_share": 0.2}),
    "paper_local": (None, {"paper_local": True}),
}
"""Each with its ``grad_cache_chunk`` and the options of the objective."""


def main(rank: int, world: int, folder: Path) -> None:
    """Write the gradients and the loss of each case."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meet'}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=60),
    )
    batch, _ = shard(people(NUM_USERS), SHARDS[rank])
    for name, (chunk, options) in CASES.items():
        both = modules(**options)
        config = TrainingConfig(max_steps=1, grad_cache_chunk=chunk)
        loss = Backward(*both, config, torch.device("cpu"))(batch, torch.Generator())
        average_gradients(nn.ModuleList(both))
        save_file({**gradients(*both), "total": loss.total[None]}, folder / f"{name}-{rank}")
    x_R = torch.arange(3.0 + rank).requires_grad_()
    rows_C = peers().gather(x_R)
    torch.autograd.backward((rank + 1) * rows_C @ torch.arange(7.0))
    assert x_R.grad is not None
    save_file({"rows": rows_C.detach(), "gradient": x_R.grad}, folder / f"gather-{rank}")
    agree(rank, folder)
    cut_off(rank, folder)
    dist.destroy_process_group()


def agree(rank: int, folder: Path) -> None:
    """See that what processes agree on is the same everywhere."""
    assert any_wishes(rank == 1, False, rank == 0) == (True, False, True)
    assert least(7 - rank) == 6
    assert (device_of_process("cuda"), device_of_process("cpu")) == ("cuda:0", "cpu")
    with first_alone():
        # Without the turn both would look at the same time.
        time.sleep(0.3 if rank == 0 else 0)
        assert (folder / "made").exists() == (rank == 1)
        (folder / "made").touch()
    layer = nn.BatchNorm1d(3)
    nn.init.constant_(layer.weight, rank + 1.0)
    layer.running_mean.fill_(rank + 1.0)  # type: ignore[union-attr]
    same_weights(layer)
    assert layer.weight.tolist() == [1.0] * 3
    assert layer.running_mean.tolist() == [1.0] * 3  # type: ignore[union-attr]
    with processes():
        assert dist.is_initialized()
    # It was started by somebody else, who will end it.
    assert dist.is_initialized()


def toy(rank: int, folder: Path, on_step: OnStep | None = None) -> Trainer:
    """Return a training of both processes, each in a folder of its own."""
    encoder, objective = toy_modules()
    loader = Loader(ToySource(), seed=CONFIG.seed, prefetch=0, rank=rank, world=2)
    config = replace(CONFIG, max_steps=6)
    return Trainer(encoder, objective, loader, config, folder / str(rank), on_step=on_step)


class CutError(Exception):
    """Something that ends a training from outside."""


def cut_off(rank: int, folder: Path) -> None:
    """Go on where one process has lost its latest checkpoint, and write the weights."""

    def on_step(step: int, *_: object) -> None:
        if step == 4:
            raise CutError

    undisturbed = toy(rank, folder / "undisturbed")
    undisturbed.fit()
    cut = toy(rank, folder / "cut", on_step)
    with contextlib.suppress(CutError):
        cut.fit()
    if rank == 1:
        cut.checkpoints.path(4).unlink()
    again = toy(rank, folder / "cut")
    resumed_from = again.fit().resumed_from
    found = {f"undisturbed.{n}": x for n, x in undisturbed.modules.state_dict().items()}
    found |= {f"cut.{n}": x for n, x in again.modules.state_dict().items()}
    save_file({**found, "resumed_from": torch.tensor(resumed_from)}, folder / f"cut-{rank}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
