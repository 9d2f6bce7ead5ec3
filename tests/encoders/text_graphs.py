"""Text graphs of any size that follow from the user's name, and plain loops over their nodes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from habitus.data.text_graph_batch import TextGraphBatch
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.nn.gin import GINLayer

NUM_WORDS = 60
CONFIG = TextGraphEncoderConfig(num_words=NUM_WORDS, word_dim=8, hidden=8, sparse=False)


def make_batch(users: Mapping[int, int]) -> TextGraphBatch:
    """Return users with as many distinct words as asked for; all follows from a user's name."""
    graphs = [_graph(name, num_nodes) for name, num_nodes in users.items()]
    ptr_U1 = np.cumsum([0, *users.values()])
    adjacency = [
        start + np.flatnonzero(row_N)
        for start, (_, _, weight_NN) in zip(ptr_U1, graphs, strict=False)
        for row_N in weight_NN
    ]
    weights = [row_N[row_N > 0] for _, _, weight_NN in graphs for row_N in weight_NN]
    words = np.concatenate([word_N for word_N, _, _ in graphs])
    word_W, place_V = np.unique(words, return_inverse=True)
    nothing: list[Tensor] = [torch.empty(0)]
    return TextGraphBatch(
        node_ptr_U1=torch.from_numpy(ptr_U1),
        word_W=torch.from_numpy(word_W),
        place_V=torch.from_numpy(place_V),
        count_V=torch.from_numpy(np.concatenate([c for _, c, _ in graphs])),
        edge_ptr_V1=torch.tensor([0, *map(len, adjacency)], dtype=torch.int32).cumsum(0).int(),
        edge_col_E=torch.cat([*nothing, *map(torch.from_numpy, adjacency)]).int(),
        edge_weight_E=torch.cat([*nothing, *map(torch.from_numpy, weights)]).float(),
    )


def _graph(name: int, num_nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return words, counts and symmetric weights without loops; the last node has no neighbour."""
    chance = np.random.default_rng(100 * name + num_nodes)
    word_N = np.sort(chance.permutation(NUM_WORDS)[:num_nodes])
    count_N = chance.integers(1, 9, num_nodes).astype(np.float32)
    weight_NN = np.triu(chance.random((num_nodes, num_nodes)) + 0.1, 1)
    weight_NN *= chance.random((num_nodes, num_nodes)) < 0.4
    weight_NN[:, num_nodes - 1 :] = 0
    return word_N, count_N, weight_NN + weight_NN.T


def loop_twin(encoder: TextGraphEncoder, batch: TextGraphBatch) -> Tensor:
    """Return representations node by node: the formulas of the paper and nothing clever."""
    rows = []
    for first, last in zip(batch.node_ptr_U1[:-1], batch.node_ptr_U1[1:], strict=True):
        nodes = range(int(first), int(last))
        if not nodes:
            z_D: Tensor = encoder.null_user
        else:
            h = {v: encoder.words.weight[batch.word_W[batch.place_V[v]]] for v in nodes}
            for k in range(encoder.config.num_layers):
                h = {v: _node(encoder, k, v, h, batch) for v in nodes}
            weights = _readout(encoder, batch, h)
            z_D = sum((w * h[v] for v, w in weights.items()), start=torch.zeros(8))
        rows.append(z_D / z_D.norm() if encoder.config.normalize else z_D)
    return torch.stack(rows)


def layer_of(encoder: TextGraphEncoder, k: int) -> GINLayer:
    """Return a layer of an encoder."""
    layer = encoder.gin.layers[k]
    assert isinstance(layer, GINLayer)
    return layer


def _node(
    encoder: TextGraphEncoder, k: int, v: int, h: dict[int, Tensor], batch: TextGraphBatch
) -> Tensor:
    """Return a node's state after layer ``k`` (eq. 3)."""
    config, layer = encoder.config, layer_of(encoder, k)
    edges = range(int(batch.edge_ptr_V1[v]), int(batch.edge_ptr_V1[v + 1]))
    weight = {e: float(batch.edge_weight_E[e]) if config.edge_weights else 1.0 for e in edges}  # type: ignore[index]
    heard = [weight[e] * h[int(batch.edge_col_E[e])] for e in edges]
    sum_D = sum(heard, start=torch.zeros_like(h[v]))
    degree = sum(weight.values())
    if config.aggregation == "mean":
        sum_D = sum_D / max(degree, 1e-9)
    elif config.aggregation == "sqrt":
        sum_D = sum_D / max(degree, 1e-9) ** 0.5
    elif config.aggregation == "none":
        sum_D = torch.zeros_like(sum_D)
    inner_D = layer.first((1 + layer.epsilon) * h[v] + sum_D)
    if layer.norm is not None:
        mean, spread = inner_D.mean(), inner_D.var(unbiased=False)
        inner_D = (inner_D - mean) / (spread + 1e-5).sqrt() * layer.norm.weight + layer.norm.bias
    out_D: Tensor = layer.second(inner_D.relu())
    if config.residual:
        return h[v] + out_D
    return out_D if k == config.num_layers - 1 else out_D.relu()


def _readout(
    encoder: TextGraphEncoder, batch: TextGraphBatch, h: dict[int, Tensor]
) -> dict[int, Tensor]:
    """Return the weight of each node of a user."""
    raw = {}
    for v, h_D in h.items():
        raw[v] = {
            "mean": torch.tensor(1.0),
            "count": (1 + batch.count_V[v]).log(),
            "idf": encoder.word_weight_W[batch.word_W[batch.place_V[v]]],
            "tfidf": encoder.word_weight_W[batch.word_W[batch.place_V[v]]]
            * (1 + batch.count_V[v].log()),
            "attention": (h_D @ encoder.gate_D).exp() if encoder.gate_D is not None else h_D[0],
        }[encoder.config.readout]
    return {v: weight / sum(raw.values()) for v, weight in raw.items()}
