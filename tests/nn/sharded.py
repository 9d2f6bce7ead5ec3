"""What each of several real processes does in the tests of sharded tables, and how they are run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.errors import DataError
from habitus.nn.channel_projection import ChannelProjection
from habitus.nn.exchange import exchange, exchange_sizes, rank_of, world_of
from habitus.nn.reduced_mean import reduced_mean
from habitus.nn.shard_layout import ShardLayout, rows_at
from habitus.nn.sharded_softmax import sampled_loss, shared_negatives
from habitus.nn.sharded_table import ShardedTable
from habitus.objectives.masked_channel import MaskedChannelConfig, MaskedChannelPrediction
from habitus.random import torch_generator
from habitus.training.config import TrainingConfig
from habitus.training.distributed import average_gradients
from habitus.training.optimizer import Optimizers
from habitus.training.row_wise_adagrad import RowWiseAdagrad
from habitus.training.shard_files import INDEX, load_shards, save_shards
from habitus.training.shards import average_shards, collect, norm_over_shards, spread
from tests.encoders.sequences import CONFIG, NUM_BINS, make_batch

NUM_ROWS, DIM, NUM_NEGATIVES, FIRST_ROW = 37, 5, 9, 4
SCENARIOS = ("ragged", "nothing in the first", "all of one process", "one row, many times")
NUM_STEPS = 4
CREATED: list[TemporaryDirectory[str]] = []
"""Removed when the tests end."""

Tensors = dict[str, Tensor]


def plain_table(num_rows: int = NUM_ROWS, dim: int = DIM) -> Tensor:
    """Return the whole table that every process takes its rows of."""
    return torch.randn(num_rows, dim, generator=torch_generator(0, "table"))


def ids_of(scenario: str, rank: int, world: int) -> Tensor:
    """Return what one process looks up: ids of shape (L, 2)."""
    generator = torch_generator(rank, scenario)
    ids = torch.randint(NUM_ROWS, (3 + 4 * rank, 2), generator=generator)
    if scenario == "nothing in the first":
        return ids[:0] if rank == 0 else ids
    if scenario == "all of one process":
        layout = ShardLayout(NUM_ROWS, world)
        mine = rows_at(layout, 0, layout.bounds()[1])
        return mine[ids % len(mine)]
    if scenario == "one row, many times":
        return torch.full_like(ids, 11)
    return ids


def loss_of(rows: Tensor) -> Tensor:
    """Return a loss in which every place counts differently."""
    return (rows.sin() * torch.arange(1, rows.numel() + 1).view_as(rows)).sum() / 10


def sampled_problem(rank: int) -> tuple[Tensor, Tensor]:
    """Return the queries and targets of one process; the first has none."""
    generator = torch_generator(rank, "sampled")
    size = 5 * rank
    query_BE = torch.randn(size, DIM, generator=generator)
    return query_BE, torch.randint(NUM_ROWS - FIRST_ROW, (size,), generator=generator)


def mean_problem(rank: int) -> tuple[Tensor, list[int]]:
    """Return losses of three tasks beside one another: targets 2 + rank, 0 at rank 0, and none."""
    sizes = [2 + rank, 3 * rank, 0]
    return torch.arange(1.0, sum(sizes) + 1) * (1 + rank), sizes


def lookups(rank: int, world: int) -> Tensors:
    """Look up, go backward and do one step, in each scenario."""
    found: Tensors = {}
    for scenario in SCENARIOS:
        table = ShardedTable(NUM_ROWS, DIM)
        table.take(plain_table())
        rows = table(ids_of(scenario, rank, world))
        loss = loss_of(rows)
        torch.autograd.backward(loss)
        gradient = table.weight.grad
        assert gradient is not None
        assert gradient.is_sparse
        found[f"{scenario}|asked"] = torch.tensor([gradient._nnz()])
        average_shards(table)
        gradient = table.weight.grad
        assert gradient is not None
        found[f"{scenario}|touched"] = table.rows()[gradient.coalesce().indices()[0]]
        found[f"{scenario}|gradient"] = gradient.to_dense()
        optimizer = RowWiseAdagrad(table.parameters(), lr=0.1)
        optimizer.step()
        found[f"{scenario}|state bytes"] = torch.tensor([optimizer.state_bytes()])
        found |= {f"{scenario}|rows": rows.detach(), f"{scenario}|loss": loss.detach()[None]}
        found |= {f"{scenario}|held": table.rows(), f"{scenario}|after": table.weight.detach()}
    return found


def first_rows(_rank: int, _world: int) -> Tensors:
    """Draw a table of several chunks, and look all of it up."""
    table = ShardedTable(10_000, 2, seed=3, std=0.5)
    with torch.no_grad():
        return {"whole": table(torch.arange(10_000)), "weight": table.weight.clone()}


def exchanges(rank: int, world: int) -> Tensors:
    """Send ``rank + other`` rows to each other process, and weigh what comes by who it is."""
    sent_W = [rank + other for other in range(world)]
    x_S = (100.0 * rank + torch.arange(sum(sent_W))).requires_grad_()
    received_W = exchange_sizes(sent_W, torch.device("cpu"))
    x_R = exchange(x_S, sent_W, received_W)
    torch.autograd.backward((rank + 1) * x_R.sum())
    assert x_S.grad is not None
    return {"received": x_R.detach(), "sizes": torch.tensor(received_W), "gradient": x_S.grad}


def sampled(rank: int, _world: int) -> Tensors:
    """Take the sampled softmax of ragged targets on sharded tables."""
    table, bias = ShardedTable(NUM_ROWS, DIM), ShardedTable(NUM_ROWS, 1)
    table.take(plain_table())
    bias.take(plain_table(dim=1))
    query_BE, target_B = sampled_problem(rank)
    query_BE.requires_grad_()
    # Generators that differ: what the first draws is what counts.
    generator = torch_generator(rank, "negatives")
    negative_S = shared_negatives(NUM_NEGATIVES, NUM_ROWS - FIRST_ROW, generator)
    loss_B = sampled_loss(
        query_BE, table, bias, target_B, negative_S,
        num_tokens=NUM_ROWS - FIRST_ROW, first_row=FIRST_ROW,
    )  # fmt: skip
    mean, count = reduced_mean(loss_B.sum(), torch.tensor(len(loss_B)))
    torch.autograd.backward(mean)
    average_shards(nn.ModuleList([table, bias]))
    assert query_BE.grad is not None
    assert table.weight.grad is not None
    assert bias.weight.grad is not None
    return {
        "negatives": negative_S, "losses": loss_B.detach(), "mean": mean.detach()[None],
        "count": count[None], "query": query_BE.grad, "held": table.rows(),
        "gradient": table.weight.grad.to_dense(), "bias": bias.weight.grad.to_dense(),
    }  # fmt: skip


def means(rank: int, _world: int) -> Tensors:
    """Take the means of three tasks of which processes have different numbers of targets."""
    loss_B, sizes = mean_problem(rank)
    weight = torch.tensor(2.0, requires_grad=True)
    sums = torch.stack([(part * weight**2).sum() for part in torch.split(loss_B, sizes)])
    mean_K, count_K = reduced_mean(sums, torch.tensor(sizes))
    torch.autograd.backward((mean_K * torch.tensor([1.0, 10.0, 100.0])).sum())
    assert weight.grad is not None
    return {"mean": mean_K.detach(), "count": count_K, "gradient": weight.grad[None]}


def norms(rank: int, _world: int) -> Tensors:
    """Take the norm of a gradient all share and of rows that each has."""
    own, shard = [torch.tensor([2.0, 4.0])], [torch.arange(3.0) + rank]
    return {"norm": norm_over_shards(own, shard)[None], "none": norm_over_shards(own, [])[None]}


def project(table: nn.Embedding, rank: int) -> tuple[ChannelProjection, Tensor]:
    """Return a projection of events on this table, and the events projected."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        # 20 + 11 tokens, and three states of each of two dense channels: 37 rows.
        projection = ChannelProjection((20, 11), 2, DIM, 8)
    projection.table = table
    generator = torch_generator(rank, "events")
    tokens_TC = torch.randint(11, (4 + rank, 2), generator=generator)
    state_TF = torch.randint(3, (4 + rank, 2), generator=generator)
    return projection, projection(tokens_TC, torch.ones(4 + rank, 2), state_TF)


def projected(rank: int, _world: int) -> Tensors:
    """Project events by a sharded table, in the place of the plain one."""
    table = ShardedTable(NUM_ROWS, DIM)
    table.take(plain_table())
    _, out_TD = project(table, rank)
    torch.autograd.backward(loss_of(out_TD))
    average_shards(table)
    gradient = table.weight.grad
    assert gradient is not None
    return {"out": out_TD.detach(), "held": table.rows(), "gradient": gradient.to_dense()}


def training(rank: int, world: int) -> Tensors:
    """Train a sharded table and a tower that all have, for some steps."""
    table, tower = ShardedTable(NUM_ROWS, DIM), nn.Linear(DIM, 1)
    table.take(plain_table())
    with torch.no_grad():
        tower.weight.copy_(torch.linspace(-1, 1, DIM)[None])
        tower.bias.zero_()
    optimizers = [
        RowWiseAdagrad(table.parameters(), lr=0.1),
        torch.optim.SGD(tower.parameters(), lr=0.1),
    ]
    losses = []
    for step in range(NUM_STEPS):
        ids = torch.randint(NUM_ROWS, (6 + rank,), generator=torch_generator(rank, "train", step))
        loss = (tower(table(ids)).squeeze(1) - ids / NUM_ROWS).square().mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        torch.autograd.backward(loss)
        average_shards(table)
        for weight in tower.parameters():
            assert weight.grad is not None
            if world > 1:
                dist.all_reduce(weight.grad)
                weight.grad /= world
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.detach())
    return {
        "losses": torch.stack(losses), "held": table.rows(), "table": table.weight.detach(),
        "tower": tower.weight.detach(), "square": optimizers[0].state[table.weight]["square_V"],
    }  # fmt: skip


class Towers(nn.Module):
    """A table, sharded where there are several processes, and a tower on it."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.tower = ShardedTable(NUM_ROWS, DIM), nn.Linear(DIM, 1)
        self.table.take(plain_table())
        with torch.no_grad():
            self.tower.weight.copy_(torch.linspace(-1, 1, DIM)[None])
            self.tower.bias.zero_()

    def loss(self, rank: int, step: int) -> Tensor:
        """Return the loss of one process in one step."""
        ids = torch.randint(NUM_ROWS, (6 + rank,), generator=torch_generator(rank, "clip", step))
        found: Tensor = self.tower(self.table(ids)).squeeze(1)
        return (found - ids / NUM_ROWS).square().mean()


CLIPPED = TrainingConfig(max_steps=4, clip_norm=0.05, sparse_optimizer="row_wise_adagrad")


def clipped(rank: int, _world: int) -> Tensors:
    """Train as the trainer does: gradients averaged, their norm clipped, two optimisers."""
    modules = Towers()
    optimizers, norms = Optimizers(modules, CLIPPED), []
    for step in range(CLIPPED.max_steps):
        optimizers.zero_grad()
        torch.autograd.backward(modules.loss(rank, step))
        average_gradients(modules)
        norms.append(optimizers.clip())
        optimizers.step()
    table, tower = modules.table.weight.detach(), modules.tower.weight.detach()
    return {
        "norms": torch.stack(norms), "held": modules.table.rows(), "table": table, "tower": tower,
    }  # fmt: skip


MASKED_USERS = ({0: 3}, {1: 0, 2: 13, 3: 5}, {4: 8})
"""Events of the users of each process; the first has few targets, and of some channels none."""


def masked_system() -> tuple[ChannelTransformer, MaskedChannelPrediction]:
    """Return an encoder and its objective, the same in all processes."""
    config = MaskedChannelConfig(
        token_names=("service", "item_id"),
        dense_names=("price", "amount"),
        num_bins=(NUM_BINS, NUM_BINS),
        mask_share=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        encoder = ChannelTransformer(replace(CONFIG, dropout=0.0))
        return encoder.eval(), MaskedChannelPrediction(config, encoder).eval()


def masked(rank: int, _world: int) -> Tensors:
    """Take the loss of masked channels, and gradients as training averages them."""
    encoder, objective = masked_system()
    batch = make_batch(MASKED_USERS[rank])
    loss = objective(encoder, batch, torch_generator(rank, "mask"))
    torch.autograd.backward(loss.total)
    modules = nn.ModuleDict({"encoder": encoder, "objective": objective})
    average_gradients(modules)
    found = {n: p.grad for n, p in modules.named_parameters() if p.grad is not None}
    counts = {f"count {name}": count[None] for name, count in loss.counts.items()}
    return {**found, **counts, "total": loss.total.detach()[None]}


def spread_out(rank: int, _world: int) -> Tensors:
    """Look tokens up in a plain table, in its shards, and in the plain table that comes of them."""
    projection, _ = project(nn.Embedding(NUM_ROWS, DIM, _weight=plain_table()), rank)
    tokens_B = torch.randint(11, (3 * rank,), generator=torch_generator(rank, "tokens"))
    found: Tensors = {}
    for place in ("plain", "shards"):
        found[f"{place}|rows"] = projection.channel_rows(1, tokens_B).detach()
        found[f"{place}|channel"] = projection.channel_table(0, 20).detach()
        found[f"{place}|held"] = torch.tensor([len(projection.table.weight)])
        if place == "plain":
            spread(projection, "table")
    collect(projection)
    return {**found, "whole": projection.table.weight.detach().clone()}


CASES: dict[str, Callable[[int, int], Tensors]] = {
    "lookups": lookups,
    "first_rows": first_rows,
    "exchanges": exchanges,
    "sampled": sampled,
    "means": means,
    "norms": norms,
    "projected": projected,
    "training": training,
    "clipped": clipped,
    "spread_out": spread_out,
    "masked": masked,
}


def start(rank: int, world: int, folder: Path) -> None:
    """Meet the other processes."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'meet'}",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=60),
    )
    assert (rank_of(), world_of()) == (rank, world)


def stop() -> None:
    """End this process: not through the interpreter, which threads of gloo may outlive."""
    dist.barrier()
    dist.destroy_process_group()
    sys.stderr.flush()
    os._exit(0)


def run_processes(module: str, world: int, folder: Path, *more: str) -> None:
    """Run ``python -m module rank world folder …`` for each process, and wait for all."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(rank), str(world), str(folder), *more],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
        )
        for rank in range(world)
    ]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    said = b"\n".join(said for said, _ in ends).decode()
    assert [code for _, code in ends] == [0] * world, said


@cache
def folder_of(world: int) -> Path:
    """Return what so many processes wrote; they run once for all tests of a test process."""
    CREATED.append(TemporaryDirectory())
    folder = Path(CREATED[-1].name)
    if world == 1:
        save(folder / "table")
    else:
        others = [folder_of(fewer) / "table" for fewer in range(1, world)]
        run_processes("tests.nn.sharded", world, folder, *map(str, others))
    return folder


def of_all(world: int, case: str) -> list[Tensors]:
    """Return what each of so many processes found in a case."""
    return [load_file(folder_of(world) / f"{case}-{rank}") for rank in range(world)]


def save(folder: Path) -> None:
    """Save the plain table, and half its row numbers and their doubles as state."""
    table = ShardedTable(NUM_ROWS, DIM)
    table.take(plain_table())
    row_R = table.rows().float()
    save_shards(folder, table, {"square_V": row_R / 2, "pair": torch.stack([row_R, 2 * row_R], 1)})


def load(folder: Path) -> None:
    """Read what any number of processes saved, and see that every row is where it belongs."""
    table = ShardedTable(NUM_ROWS, DIM)
    state = load_shards(folder, table)
    assert torch.equal(table.weight, plain_table()[table.rows()])
    assert sorted(state) == ["pair", "square_V"]
    assert torch.equal(state["square_V"], table.rows() / 2)
    assert torch.equal(state["pair"], torch.stack([table.rows(), 2 * table.rows()], 1))


def fail(rank: int, folder: Path) -> None:
    """Save where the last process cannot: all of them are told, and there is no index."""
    file = folder / f"file-{rank}"
    file.touch()
    table = ShardedTable(NUM_ROWS, DIM)
    try:
        save_shards(file if table.stop == NUM_ROWS else folder / "half", table)
    except DataError:
        assert not (folder / "half" / INDEX).exists()
    else:
        raise AssertionError("not told")


def main(rank: int, world: int, folder: Path, others: list[Path]) -> None:
    """Write what each case gives, and a table; read those of other numbers of processes."""
    start(rank, world, folder)
    for name, case in CASES.items():
        tensors = {key: value.contiguous() for key, value in case(rank, world).items()}
        save_file(tensors, folder / f"{name}-{rank}")
    save(folder / "table")
    fail(rank, folder)
    for other in (*others, folder / "table"):
        load(other)
    stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), [*map(Path, sys.argv[4:])])
