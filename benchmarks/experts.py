"""A mixture of experts against a dense layer of equal operations, and many channels in one table.

Forward and backward, 256 wide with 1,024 hidden units; every layer has a router that has learned
nothing, so that experts are about evenly busy. All take turns, and the fastest of several turns
counts: other work on the machine slows all of them, so ratios survive it; with one thread
(OMP_NUM_THREADS=1) better than with several, which wait for one another. The naive loop indexes the
weights of each expert, ``w[i]``, as most code does: the gradient of an index is a tensor of the
size of all experts. One module a channel is 786 lookup tables (the paper's largest data), whose
rows are joined; for one user of 128 events, the paper's mean, and for a batch, where memory is what
both wait for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from benchmarks.harness import Entry, record
from habitus.nn.channel_projection import ChannelProjection
from habitus.nn.expert_products import combine, dispatch, measure_paths, plan
from habitus.nn.experts import ExpertFeedForward
from habitus.nn.experts_config import ExpertsConfig
from habitus.nn.feed_forward import FeedForward

WIDTH, HIDDEN = 256, 1_024
CHANNELS, VALUES, CHANNEL_DIM = 786, 100, 16
NO_GPU = "no GPU here"
Work = Callable[[], object]
Name = TypeVar("Name", bound=Hashable)


class Sizes(NamedTuple):
    """Of one run."""

    busy: tuple[int, int]
    """Experts, and tokens for each of them, where products take most of the time."""
    many: tuple[int, int]
    """Experts and tokens in all, where there is little for each of them to do."""
    events: tuple[int, int]
    """Events of one user, and of a batch."""
    turns: int


FULL = Sizes((8, 4_096), (64, 4_096), (128, 2_048), 5)
QUICK = Sizes((4, 64), (8, 64), (8, 16), 2)


class NaiveExperts(nn.Module):
    """The same layer as a loop over indexed experts and a mask for each."""

    def __init__(self, ours: ExpertFeedForward) -> None:
        super().__init__()
        self.ours = ours

    def forward(self, x_TD: Tensor) -> Tensor:
        """Return ``(T, D)``."""
        choice = self.ours.router(x_TD)
        out_TD = torch.zeros_like(x_TD)
        for e in range(self.ours.router.num_experts):
            token_N, k_N = (choice.expert_TK == e).nonzero(as_tuple=True)
            inner_NH = (x_TD[token_N] @ self.ours.inner.weight_EIO[e]).relu()
            y_ND = inner_NH @ self.ours.outer.weight_EIO[e]
            out_TD = out_TD.index_add(0, token_N, y_ND * choice.weight_TK[token_N, k_N, None])
        return out_TD


class ModuleEach(nn.Module):
    """One lookup table a channel."""

    def __init__(self, ours: ChannelProjection) -> None:
        super().__init__()
        rows = [ours.channel_table(c, VALUES).detach().clone() for c in range(CHANNELS)]
        self.tables = nn.ModuleList(nn.Embedding(VALUES, CHANNEL_DIM, _weight=r) for r in rows)

    def forward(self, tokens_TC: Tensor) -> Tensor:
        """Return the embeddings side by side."""
        return torch.cat([table(tokens_TC[:, c]) for c, table in enumerate(self.tables)], dim=1)


def main(quick: bool) -> None:
    """Measure layers, paths and tables."""
    torch.manual_seed(0)
    sizes = QUICK if quick else FULL
    entries = [*_layer(sizes), *_many(sizes), *_paths(sizes), *_channels(sizes), *_gpu()]
    record("experts", entries, quick=quick)


def _layer(sizes: Sizes) -> list[Entry]:
    num_experts, tokens = sizes.busy
    moe = ExpertFeedForward(WIDTH, HIDDEN, ExpertsConfig(num_experts=num_experts))
    dense = FeedForward(WIDTH, HIDDEN)
    x_TD = torch.randn(num_experts * tokens, WIDTH, requires_grad=True)

    def route() -> Tensor:
        choice = moe.router(x_TD)
        where = plan(choice.expert_TK, num_experts)
        out_TD = combine(dispatch(x_TD, where), where, choice.weight_TK)
        return torch.stack([out_TD.sum(), choice.routing.balance, choice.routing.z]).sum()

    def layer() -> Tensor:
        out_TD, routing = moe(x_TD)
        router = routing["router"]
        return torch.stack([out_TD.sum(), router.balance, router.z]).sum()

    work = {
        "moe": _trained(layer, [x_TD, *moe.parameters()]),
        "dense": _trained(lambda: dense(x_TD).sum(), [x_TD, *dense.parameters()]),
        "route": _trained(route, [x_TD, *moe.router.parameters()]),
    }
    seconds = take_turns(work, sizes.turns)
    threads = torch.get_num_threads()
    note = f"{num_experts} experts of {tokens:,} tokens, forward and backward, {threads} thread(s)"
    return [
        Entry(
            name="time over that of a dense layer of equal operations",
            measured=seconds["moe"] / seconds["dense"],
            unit="×",
            bar=1.15,
            at_most=True,
            note=note,
        ),
        Entry(
            name="routing and permutation, of the layer's time",
            measured=seconds["route"] / seconds["moe"],
            unit="share",
            bar=0.18,
            at_most=True,
            note=note,
        ),
    ]


def _many(sizes: Sizes) -> list[Entry]:
    num_experts, tokens = sizes.many
    moe = ExpertFeedForward(WIDTH, HIDDEN, ExpertsConfig(num_experts=num_experts))
    naive = NaiveExperts(moe)
    x_TD = torch.randn(tokens, WIDTH, requires_grad=True)
    torch.testing.assert_close(moe(x_TD).x_TD, naive(x_TD), atol=1e-5, rtol=1e-5)
    leaves = [x_TD, *moe.parameters()]
    work = {
        "moe": _trained(lambda: moe(x_TD).x_TD.sum(), leaves),
        "naive": _trained(lambda: naive(x_TD).sum(), leaves),
    }
    seconds = take_turns(work, sizes.turns)
    return [
        Entry(
            name="speed against a loop over indexed experts",
            measured=seconds["naive"] / seconds["moe"],
            unit="×",
            bar=5.0,
            note=f"{num_experts} experts, {tokens:,} tokens, forward and backward",
        )
    ]


def _paths(sizes: Sizes) -> list[Entry]:
    entries = []
    for num_experts, tokens in (sizes.busy, (sizes.many[0], sizes.many[1] // sizes.many[0])):
        seconds = measure_paths(num_experts, tokens, WIDTH, HIDDEN, turns=sizes.turns)
        grouped = seconds.get("grouped")
        entries.append(
            Entry(
                name=f"grouped products over one for each, {num_experts} experts",
                measured=None if grouped is None else grouped / seconds["unbind"],
                unit="×",
                note=f"{tokens:,} tokens for each; above 1 the unbound loop is faster",
            )
        )
    return entries


def _channels(sizes: Sizes) -> list[Entry]:
    ours = ChannelProjection([VALUES] * CHANNELS, 0, CHANNEL_DIM, WIDTH)
    each = ModuleEach(ours)
    entries = []
    for events, bar in zip(sizes.events, (10.0, None), strict=True):
        tokens_TC = torch.randint(VALUES, (events, CHANNELS))
        assert torch.equal(ours.token_embeddings(tokens_TC), each(tokens_TC))
        work = {
            ("read", "ours"): _read(ours.token_embeddings, tokens_TC),
            ("read", "each"): _read(each, tokens_TC),
            ("train", "ours"): _trained(
                lambda t=tokens_TC: ours.token_embeddings(t).sum(),  # type: ignore[misc]
                [ours.table.weight],
            ),
            ("train", "each"): _trained(
                lambda t=tokens_TC: each(t).sum(),  # type: ignore[misc]
                list(each.parameters()),
            ),
        }
        seconds = take_turns(work, sizes.turns, in_a_row=5)
        entries += [
            Entry(
                name=f"{CHANNELS} channels of {events:,} events, {verb}",
                measured=seconds[verb, "each"] / seconds[verb, "ours"],
                unit="×",
                bar=bar,
                note=f"one module a channel: {seconds[verb, 'each'] * 1e3:.1f} ms",
            )
            for verb in ("read", "train")
        ]
    return entries


def _gpu() -> list[Entry]:
    names = {
        "GPU: layer over a dense one": ("×", 1.15, True),
        "GPU: grouped products, of the matrix rate": ("share", 0.6, False),
    }
    return [
        Entry(name=name, measured=None, unit=unit, bar=bar, at_most=at_most, note=NO_GPU)
        for name, (unit, bar, at_most) in names.items()
    ]


def _trained(loss: Callable[[], Tensor], leaves: Sequence[Tensor]) -> Work:
    return lambda: torch.autograd.grad(loss(), leaves)


def _read(function: Callable[[Tensor], Tensor], tokens_TC: Tensor) -> Work:
    def work() -> None:
        with torch.no_grad():
            function(tokens_TC)

    return work


def take_turns(work: dict[Name, Work], turns: int, in_a_row: int = 1) -> dict[Name, float]:
    """Return the fastest time of each in seconds; the first turn only warms up.

    What takes a millisecond is done several times in a row: a single call would be timed with the
    memory and the caches of the others.
    """
    best = dict.fromkeys(work, float("inf"))
    for turn in range(turns + 1):
        for name, function in work.items():
            for _ in range(in_a_row):
                began = time.perf_counter()
                function()
                if turn:
                    best[name] = min(best[name], time.perf_counter() - began)
    return best
