"""Text graph encoder against PyTorch Geometric: the same weights, the same graphs, one run.

64 users of 500 words of 300 dimensions, about 40 neighbours a word, words drawn from a vocabulary
of 20,000 by Zipf's law. All take turns, and the fastest of several turns counts: other work on the
machine slows all of them, so ratios survive it and users a second do not.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.optim import AdamW, SparseAdam

from benchmarks.harness import Entry, record
from habitus.data.text_graph_batch import TextGraphBatch
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.nn.gin import GINLayer

USERS, NODES, NEIGHBOURS, WORDS, WIDTH = 64, 500, 40, 20_000, 300
MATMUL_ROWS = 8_192
RECOMMENDED = {
    "aggregation": "sqrt",
    "norm": "layer",
    "residual": True,
    "readout": "idf",
    "normalize": True,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "without shortcuts": {"shortcuts": False},
    "recommended": RECOMMENDED,
    "sets of words": {"aggregation": "none"},
}
Work = Callable[[], object]


def make_batch(users: int, nodes: int) -> TextGraphBatch:
    """Return random graphs of random words; frequent words stand in many of them."""
    chance = np.random.default_rng(0)
    frequency_W = 1 / np.arange(1, WORDS + 1)
    words, rows, cols = [], [], []
    for user in range(users):
        word_N = chance.choice(WORDS, nodes, replace=False, p=frequency_W / frequency_W.sum())
        words.append(np.sort(word_N))
        one, other = chance.integers(0, nodes, (2, nodes * NEIGHBOURS * 21 // 40))
        apart = one != other
        rows.append(user * nodes + one[apart])
        cols.append(user * nodes + other[apart])
    row_E, col_E = np.concatenate(rows), np.concatenate(cols)
    ones_E = np.ones(2 * len(row_E), np.float32)
    both = np.r_[row_E, col_E], np.r_[col_E, row_E]
    graph = csr_array((ones_E, both), shape=(users * nodes, users * nodes))
    graph.sum_duplicates()
    word_W, place_V = np.unique(np.concatenate(words), return_inverse=True)
    return TextGraphBatch(
        node_ptr_U1=torch.arange(users + 1) * nodes,
        word_W=torch.from_numpy(word_W),
        place_V=torch.from_numpy(place_V),
        count_V=torch.ones(users * nodes),
        edge_ptr_V1=torch.from_numpy(graph.indptr.astype(np.int32)),
        edge_col_E=torch.from_numpy(graph.indices.astype(np.int32)),
    )


class GeometricEncoder(nn.Module):
    """PASUM's encoder as it is written with PyTorch Geometric, with the weights of ours."""

    def __init__(self, geometric: ModuleType, ours: TextGraphEncoder, graph: Tensor) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH, sparse=True)
        self.words.load_state_dict(ours.words.state_dict())
        self.convolutions = nn.ModuleList()
        for layer in ours.gin.layers:
            assert isinstance(layer, GINLayer)
            mlp = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
            self.convolutions.append(geometric.GINConv(mlp, train_eps=True))
            # It draws weights anew when it is made.
            mlp[0].load_state_dict(layer.first.state_dict())
            mlp[2].load_state_dict(layer.second.state_dict())
        self.graph = graph
        self.pool = geometric.global_mean_pool

    def forward(self, batch: TextGraphBatch) -> Tensor:
        """Return the representation of each user."""
        x_VD = self.words(batch.word_W[batch.place_V])
        for convolution, following in pairwise([*self.convolutions, None]):
            x_VD = convolution(x_VD, self.graph)
            x_VD = x_VD if following is None else x_VD.relu()
        graph_V = torch.arange(batch.num_users).repeat_interleave(batch.lengths_U)
        z_UD: Tensor = self.pool(x_VD, graph_V, batch.num_users)
        return z_UD


def main(quick: bool) -> None:
    """Encode and train side by side."""
    torch.set_num_threads(2)
    batch = make_batch(4, 60) if quick else make_batch(USERS, NODES)
    config = TextGraphEncoderConfig(num_words=WORDS, word_dim=WIDTH, hidden=WIDTH)
    torch.manual_seed(0)
    ours = {name: TextGraphEncoder(replace(config, **c)) for name, c in VARIANTS.items()}
    geometric = _geometric(ours[""], batch)
    work: dict[tuple[str, str], Work] = {("matmul", ""): _matmul()}
    for name, encoder in ours.items():
        work["encode", name] = _encode(encoder, batch)
        work["train", name] = _train(encoder, batch)
    for name, twin in geometric.items():
        work["encode", name] = _encode(twin, batch)
        work["train", name] = _train(twin, batch)
    seconds = _take_turns(work, turns=2 if quick else 6)
    record("gin", _entries(seconds, ours, batch), quick=quick)


def _geometric(ours: TextGraphEncoder, batch: TextGraphBatch) -> dict[str, GeometricEncoder]:
    """Return both forms of the other library's encoder; none where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch_geometric.nn as geometric
        except ImportError:
            return {}
        row_E = torch.arange(batch.num_events).repeat_interleave(batch.edge_ptr_V1.diff().long())
        coordinates = torch.stack([batch.edge_col_E.long(), row_E])
        ones_E = torch.ones(batch.num_edges)
        size = (batch.num_events, batch.num_events)
        csr = torch.sparse_csr_tensor(batch.edge_ptr_V1, batch.edge_col_E, ones_E, size)
        twins = {
            "edge_index": GeometricEncoder(geometric, ours, coordinates),
            "CSR": GeometricEncoder(geometric, ours, csr),
        }
        with torch.no_grad():
            z_UD = ours(batch).z_UD
            for twin in twins.values():
                scale = z_UD.abs().max()
                torch.testing.assert_close(twin(batch), z_UD, atol=float(scale) * 1e-5, rtol=1e-4)
    return twins


def _matmul() -> Work:
    x_RD, weight_DD = torch.randn(MATMUL_ROWS, WIDTH), torch.randn(WIDTH, WIDTH)
    return lambda: x_RD @ weight_DD


def _encode(encoder: nn.Module, batch: TextGraphBatch) -> Work:
    def work() -> None:
        with torch.no_grad():
            encoder(batch)

    return work


def _train(encoder: nn.Module, batch: TextGraphBatch) -> Work:
    """Return a step of training with triplets: forward, backward, both optimisers."""
    named = list(encoder.named_parameters())
    words, others = [
        [p for n, p in named if ("words" in n) is is_table] for is_table in (True, False)
    ]
    optimizers = [AdamW(others, 1e-4, fused=True), SparseAdam(words, 1e-4)]

    def work() -> None:
        out = encoder(batch)
        z_UD = out if isinstance(out, Tensor) else out.z_UD
        anchor, positive, negative = z_UD[: len(z_UD) // 3 * 3].chunk(3)
        near, far = (anchor - positive).norm(dim=1), (anchor - negative).norm(dim=1)
        torch.autograd.backward((1 + near - far).relu().mean())
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return work


def _take_turns(work: dict[tuple[str, str], Work], turns: int) -> dict[tuple[str, str], float]:
    """Return the fastest time of each in seconds."""
    times: dict[tuple[str, str], list[float]] = {name: [] for name in work}
    for turn in range(turns + 1):
        for name, function in work.items():
            began = time.perf_counter()
            function()
            if turn:
                times[name].append(time.perf_counter() - began)
    return {name: min(seconds) for name, seconds in times.items()}


def _entries(
    seconds: dict[tuple[str, str], float],
    ours: dict[str, TextGraphEncoder],
    batch: TextGraphBatch,
) -> list[Entry]:
    users = batch.num_users
    edges = batch.num_edges / users
    shared = 1 - len(batch.word_W) / batch.num_events
    note = f"{users} users of {batch.num_events // users} words, {edges:,.0f} edges each, 2 threads"
    entries = []
    for verb, bar in (("encode", 250.0), ("train", 100.0)):
        mine = seconds[verb, ""]
        entries.append(Entry(name=verb, measured=users / mine, unit="users/s", bar=bar, note=note))
        for form, least in (("edge_index", 6.0), ("CSR", 2.2)):
            other = seconds.get((verb, form))
            entries.append(
                Entry(
                    name=f"{verb} against PyTorch Geometric, {form}",
                    measured=None if other is None else other / mine,
                    unit="×",
                    bar=least,
                    note="not installed" if other is None else f"it: {users / other:.0f} users/s",
                )
            )
        for name in list(VARIANTS)[1:]:
            speed = users / seconds[verb, name]
            entries.append(Entry(name=f"{verb}, {name}", measured=speed, unit="users/s"))
    true, executed = ours[""].forward_flops(batch)
    peak = 2 * MATMUL_ROWS * WIDTH**2 / seconds["matmul", ""]
    entries += [
        Entry(name="operations of a user", measured=true / users / 1e9, unit="GFLOP"),
        Entry(name="padding", measured=1 - true / executed, unit="share", bar=0.0, at_most=True),
        Entry(name="words that a user before it had", measured=shared, unit="share"),
        Entry(
            name="speed of encode against a product of matrices alone",
            measured=true / seconds["encode", ""] / peak,
            unit="share",
            note=f"{MATMUL_ROWS:,} × {WIDTH} by {WIDTH} × {WIDTH}: {peak / 1e9:.0f} GFLOP/s",
        ),
    ]
    return entries
