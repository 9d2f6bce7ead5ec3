"""Text graph encoder: a user's words, joined where they co-occur, become one vector by GIN.

PASUM §2.2 (P8–P10): layers of ``h_v = MLP((1 + ε) h_v + Σ_u h_u)`` over the words of a user and the
mean of the last layer as representation. The defaults are the paper's arithmetic: 11,970,602
weights at 38,698 words of 300 dimensions, ``null_user`` not counted.

Differs from the paper: a user without words has a learned vector (A-P7); what is computed is the
paper's formula, but by exact shortcuts (floors.md E1) unless ``shortcuts`` is False. Options beyond
the paper are those of A-P14 and improvements I1 (2, 5, 8).

Shapes: U users, V nodes of all users, R nodes of a step, W distinct words of the batch, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from habitus.config import Config
from habitus.data.text_graph_batch import TextGraphBatch
from habitus.encoders.base import Representation, UserEncoder
from habitus.errors import UsageError
from habitus.nn.dense_adjacency import DenseNeighbours, cells_of
from habitus.nn.gin import GIN, Alone, Graph
from habitus.nn.readout import pool_nodes, shares, softmax_shares
from habitus.nn.sparse_product import Neighbours, Places, mark_coalesced, rows_of, word_rows

Aggregation = Literal["sum", "mean", "sqrt", "none"]
Readout = Literal["mean", "count", "idf", "tfidf", "attention"]


@dataclass(frozen=True, kw_only=True)
class TextGraphEncoderConfig(Config):
    """Sizes and options of :class:`TextGraphEncoder`; defaults of PASUM (A-P9, A-P10)."""

    num_words: int = 0
    """Words of the vocabulary; a run fills it in."""
    word_dim: int = 300
    """Width of a word vector."""
    hidden: int = 300
    """Width of the layers and of the representation."""
    num_layers: int = 2
    """1 to 3."""
    aggregation: Aggregation = "sum"
    """What a node hears of its neighbours: their sum, their mean, the sum over √degree (A-P14), or
    nothing, which makes the user a set of words (DeepSets, A = 0)."""
    norm: Literal["none", "layer"] = "none"
    """LayerNorm after aggregation, inside the MLP, where the GIN of its authors has BatchNorm."""
    residual: bool = False
    """Add what goes into a layer to what comes out; no ReLU then stands between layers."""
    zero_init: bool = False
    """Let what layers add begin with 0, so that an encoder begins as the readout of its word
    vectors (zero-initialised residual branches: Goyal et al. 2017)."""
    edge_weights: bool = False
    """Weigh neighbours by the weights of the batch's edges, which must be symmetric."""
    readout: Readout = "mean"
    """Weights of nodes, which sum to 1: equal; log(1 + tokens of the word); ``word_weight_W``, a
    buffer that a run fills with idf or SIF; (1 + log tokens) times that; or a learned softmax
    gate."""
    normalize: bool = False
    """Representations of length 1 (A-P14)."""
    sparse: bool = True
    """Word gradients hold the words of the batch only."""
    shortcuts: bool = True
    """Exact algebra of floors.md E1; False computes the formula as it is written."""
    nodes_per_step: int = 8_192
    """Nodes that pass through the layers at a time on a CPU, whole users, so that they stay in its
    cache; 0 for all."""

    def __post_init__(self) -> None:
        for name in ("word_dim", "hidden"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("num_words", "nodes_per_step"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if not 1 <= self.num_layers <= 3:
            raise UsageError(f"num_layers must be 1, 2 or 3, got {self.num_layers}")
        if self.zero_init and not self.residual:
            raise UsageError(
                "zero_init without residual makes every representation 0: set residual too"
            )
        if self.residual and self.word_dim != self.hidden:
            raise UsageError(
                f"residual adds words to states, so word_dim must be hidden; got {self.word_dim} "
                f"and {self.hidden}"
            )


class _Step(NamedTuple):
    """Some users whose nodes pass through the layers together."""

    first: int
    """First of their nodes."""
    last: int
    """Where they end."""
    node_ptr_U1: Tensor
    """First node of each, counted from the step's first."""


class TextGraphEncoder(UserEncoder):
    """Word graphs → one vector per user. A user without words gets ``null_user`` (A-P7).

    Words are ``words``, a table that a run may fill; an isolated word passes through the MLPs only.
    """

    name: ClassVar[str] = "text_graph"
    config_type: ClassVar[type[Config]] = TextGraphEncoderConfig
    config: TextGraphEncoderConfig
    word_weight_W: Tensor
    """Weight of each word of the vocabulary in readout ``idf``; ones until a run fills it."""
    gate_D: Tensor | None
    """What a state's inner product with is its score in readout ``attention``."""

    def __init__(self, config: TextGraphEncoderConfig) -> None:
        super().__init__(config)
        self.words = nn.Embedding(config.num_words, config.word_dim, sparse=config.sparse)
        nn.init.normal_(self.words.weight, std=config.word_dim**-0.5)
        self.words.weight.register_post_accumulate_grad_hook(mark_coalesced)  # type: ignore[no-untyped-call]
        self.gin = GIN(
            config.word_dim,
            config.hidden,
            config.num_layers,
            norm=config.norm == "layer",
            residual=config.residual,
            zero_init=config.zero_init,
        )
        self.null_user = nn.Parameter(torch.randn(config.hidden) * 0.02)
        # Zeros: attention begins as the mean.
        gate = nn.Parameter(torch.zeros(config.hidden)) if config.readout == "attention" else None
        self.register_parameter("gate_D", gate)
        weights = torch.ones(config.num_words)
        self.register_buffer(
            "word_weight_W", weights, persistent=config.readout in ("idf", "tfidf")
        )

    @property
    @override
    def representation_dim(self) -> int:
        return self.config.hidden

    @override
    def forward(self, batch: TextGraphBatch) -> Representation:
        mask_U = (batch.lengths_U > 0).to(batch.place_V.device)
        z_UD = self.null_user.expand(batch.num_users, -1)
        if batch.num_events:
            z_UD = torch.where(mask_U[:, None], self._encode(batch), z_UD)
        z_UD = normalize(z_UD) if self.config.normalize else z_UD.clone()
        return Representation(z_UD, mask_U, {})

    def _encode(self, batch: TextGraphBatch) -> Tensor:
        """Return the representation of each user; anything where there is no node."""
        words_WD = word_rows(self.words.weight, batch.word_W, sparse=self.config.sparse)
        places = Places(batch.place_V, len(batch.word_W))
        if not self.config.shortcuts:
            return self._literally(batch, words_WD, places)
        if self.config.aggregation == "none":
            return self._encode_words(batch, words_WD, places)
        return self._by_shortcuts(batch, words_WD, places)

    def _by_shortcuts(self, batch: TextGraphBatch, words_WD: Tensor, places: Places) -> Tensor:
        graph, before_WD = self._graph(batch), self.gin.before(words_WD)
        parts = []
        for steps in self._spans(batch):
            cuts = [steps[0].first, *[step.last for step in steps]]
            inside = self.gin.begin(before_WD, graph, places, cuts)
            nodes: Sequence[Tensor | None] = [None] * len(steps)
            if self.config.residual:
                nodes = rows_of(words_WD, places, cuts)
            for step, inner_RD, x_RD in zip(steps, inside, nodes, strict=True):
                last, rest = self.gin.proceed(inner_RD, x_RD, graph, (step.first, step.last))
                parts.append(self._read(batch, step, last, rest))
        return torch.cat(parts)

    def _literally(self, batch: TextGraphBatch, words_WD: Tensor, places: Places) -> Tensor:
        graph, parts = self._graph(batch), []
        for steps in self._spans(batch):
            cuts = [steps[0].first, *[step.last for step in steps]]
            for step, x_RD in zip(steps, rows_of(words_WD, places, cuts), strict=True):
                h_RD = self.gin(x_RD, graph, (step.first, step.last))
                score_R = None if self.gate_D is None else h_RD @ self.gate_D
                weight_R = self._weights(batch, step, score_R)
                parts.append(pool_nodes(h_RD, weight_R, step.node_ptr_U1))
        return torch.cat(parts)

    def _encode_words(self, batch: TextGraphBatch, words_WD: Tensor, places: Places) -> Tensor:
        """Without neighbours a node is its word, so each word passes through the layers once."""
        x_WD = words_WD if self.config.residual else None
        (inner_WD,) = self.gin.begin(self.gin.before(words_WD), Alone())
        inner_WD, x_WD = self.gin.proceed(inner_WD, x_WD, Alone())
        return self._read(batch, _step(batch, 0, batch.num_users), inner_WD, x_WD, places)

    def _read(
        self,
        batch: TextGraphBatch,
        step: _Step,
        inner_ND: Tensor,
        x_ND: Tensor | None,
        places: Places | None = None,
    ) -> Tensor:
        """Return the representations of a step from what stands inside the last layer."""
        score_R = None
        if self.gate_D is not None:
            score_N = self.gin.scores(inner_ND, x_ND, self.gate_D)
            score_R = score_N if places is None else score_N[places.place_V]
        weight_R = self._weights(batch, step, score_R)
        inner_UD = pool_nodes(inner_ND, weight_R, step.node_ptr_U1, places)
        x_UD = None if x_ND is None else pool_nodes(x_ND, weight_R, step.node_ptr_U1, places)
        return self.gin.finish(inner_UD, x_UD)

    def _weights(self, batch: TextGraphBatch, step: _Step, score_R: Tensor | None) -> Tensor:
        """Return the weight of each node of a step in the readout; those of a user sum to 1."""
        if score_R is not None:
            return softmax_shares(score_R, step.node_ptr_U1)
        count_R = batch.count_V[step.first : step.last]
        raw_R = torch.ones_like(count_R)
        if self.config.readout == "count":
            raw_R = count_R.log1p()
        elif self.config.readout in ("idf", "tfidf"):
            raw_R = self.word_weight_W[batch.word_W[batch.place_V[step.first : step.last]]]
            if self.config.readout == "tfidf":
                raw_R = raw_R * (1 + count_R.log())
        return shares(raw_R, step.node_ptr_U1)

    def _graph(self, batch: TextGraphBatch) -> Graph:
        aggregation, value_E = self.config.aggregation, None
        if aggregation == "none":
            return Alone()
        if self.config.edge_weights:
            if batch.edge_weight_E is None:
                raise UsageError(
                    "edge_weights needs graphs with weights: set the graph's edge_weight to other "
                    "than binary, or edge_weights to false"
                )
            value_E = batch.edge_weight_E
        neighbours = Neighbours(batch.edge_ptr_V1, batch.edge_col_E, value_E)
        if aggregation != "sum":
            degree_V = neighbours.degree_V
            scale_V = degree_V.pow(-0.5 if aggregation == "sqrt" else -1)
            neighbours = replace(neighbours, scale_V=scale_V.where(degree_V > 0, 0))
        dense = self._is_dense(batch)
        return DenseNeighbours(neighbours, batch.node_ptr_U1) if dense else neighbours

    def _is_dense(self, batch: TextGraphBatch) -> bool:
        """Return whether sums over neighbours are dense products: on a GPU."""
        return batch.place_V.device.type == "cuda"

    def _spans(self, batch: TextGraphBatch) -> list[list[_Step]]:
        """Return which steps begin together.

        With gradients all: they are kept anyway, and gradients of words are added up once.
        """
        steps = self._steps(batch)
        return [steps] if torch.is_grad_enabled() else [[step] for step in steps]

    def _steps(self, batch: TextGraphBatch) -> list[_Step]:
        most = self.config.nodes_per_step
        if not most or batch.place_V.device.type != "cpu" or self._is_dense(batch):
            return [_step(batch, 0, batch.num_users)]
        steps, ptr_U1, user = [], batch.node_ptr_U1, 0
        while user < batch.num_users:
            end = int(torch.searchsorted(ptr_U1, ptr_U1[user] + most, right=True)) - 1
            end = max(end, user + 1)
            steps.append(_step(batch, user, end))
            user = end
        return steps

    @override
    def forward_flops(self, batch: TextGraphBatch) -> tuple[float, float]:
        """Return (true, executed) operations by floors.md E1: linears and sums over neighbours.

        True counts the shortcuts, nodes and edges that there are; executed counts what was run:
        without shortcuts every linear on every node, on a GPU dense and padded matrices.
        """
        edges = 0 if self.config.aggregation == "none" else batch.num_edges
        # Where words are narrower than states, the formula as written may cost less.
        true = min(self._flops(batch, edges, shortcuts=s) for s in (True, False))
        dense = edges and self._is_dense(batch)
        cells = cells_of(batch.lengths_U) if dense else edges
        return true, self._flops(batch, cells, shortcuts=self.config.shortcuts)

    def _flops(self, batch: TextGraphBatch, cells: int, *, shortcuts: bool) -> float:
        config = self.config
        words, nodes = len(batch.word_W), batch.num_events
        users = int((batch.lengths_U > 0).sum())
        first, last = (words, users) if shortcuts else (nodes, nodes)
        if shortcuts and config.aggregation == "none":
            nodes = words
        hidden = config.hidden
        # All linears but the first and the last see each node; sums are as wide as what they add.
        linears = first * config.word_dim + (2 * config.num_layers - 2) * nodes * hidden
        linears += last * hidden
        summed = hidden if shortcuts else config.word_dim
        sums = cells * (summed + (config.num_layers - 1) * hidden)
        return float(2 * linears * hidden + 2 * sums)


def _step(batch: TextGraphBatch, begin: int, end: int) -> _Step:
    ptr_U1 = batch.node_ptr_U1[begin : end + 1]
    first = int(ptr_U1[0])
    return _Step(first, int(ptr_U1[-1]), ptr_U1 - first)
