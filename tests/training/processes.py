"""What one of several real processes does in a test of them; run with rank, world and folder."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import nn

from habitus.training.config import TrainingConfig
from habitus.training.distributed import average_gradients, peers
from habitus.training.grad_cache import Backward
from tests.objectives.item_pairs import shard
from tests.training.items import gradients, modules, people

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
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
