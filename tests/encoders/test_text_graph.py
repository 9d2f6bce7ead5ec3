"""The text graph encoder keeps the promise of every encoder and computes the paper's formulas."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from habitus.config import Config
from habitus.data.text_graph_batch import TextGraphBatch
from habitus.encoders import ENCODERS, UserEncoder
from habitus.encoders.text_graph import TextGraphEncoder, TextGraphEncoderConfig
from habitus.errors import UsageError
from habitus.nn.dense_adjacency import DenseNeighbours
from habitus.nn.sparse_product import Neighbours
from habitus.testing.encoders import EncoderContract, assert_near
from tests.encoders.text_graphs import CONFIG, NUM_WORDS, layer_of, loop_twin, make_batch

USERS = {0: 5, 1: 0, 2: 12, 3: 1, 4: 7}
RECOMMENDED: dict[str, Any] = {
    "aggregation": "sqrt",
    "norm": "layer",
    "residual": True,
    "readout": "idf",
    "normalize": True,
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 1},
    {"num_layers": 3},
    {"aggregation": "mean"},
    {"aggregation": "sqrt"},
    {"aggregation": "none"},
    {"aggregation": "none", "num_layers": 1, "readout": "attention", "residual": True},
    {"norm": "layer"},
    {"residual": True},
    {"edge_weights": True},
    {"edge_weights": True, "aggregation": "mean"},
    {"edge_weights": True, "aggregation": "sqrt", "norm": "layer"},
    {"readout": "count"},
    {"readout": "idf"},
    {"readout": "tfidf"},
    {"readout": "attention"},
    {"readout": "attention", "residual": True},
    {"normalize": True},
    RECOMMENDED,
]
of_each_option = pytest.mark.parametrize("changes", OPTIONS, ids=lambda c: "-".join(c) or "paper")


def build(**changes: Any) -> TextGraphEncoder:
    """Return an encoder in which no weight is where it begins: zeros hide mistakes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = TextGraphEncoder(replace(CONFIG, **changes)).eval()
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.2)
            encoder.word_weight_W.copy_(torch.rand(NUM_WORDS) + 0.1)
    return encoder


def gradients(encoder: TextGraphEncoder, z_UD: Tensor) -> dict[str, Tensor]:
    """Return the gradient of each parameter for one loss."""
    chance = torch.Generator().manual_seed(1)
    loss = (z_UD * torch.randn(z_UD.shape, generator=chance)).sum()
    found = torch.autograd.grad(loss, list(encoder.parameters()))
    names = [name for name, _ in encoder.named_parameters()]
    return {n: g.to_dense() for n, g in zip(names, found, strict=True)}


class TestTextGraphEncoder(EncoderContract):
    encoder: ClassVar[type[UserEncoder]] = TextGraphEncoder
    config: ClassVar[Config] = CONFIG

    def make_batch(self, users: Mapping[int, int]) -> TextGraphBatch:
        return make_batch(users)


class TestRecommended(TestTextGraphEncoder):
    config = replace(CONFIG, **RECOMMENDED)


class TestAsWritten(TestTextGraphEncoder):
    config = replace(CONFIG, shortcuts=False)


class TestSetOfWords(TestTextGraphEncoder):
    config = replace(CONFIG, aggregation="none", num_layers=1)


class TestWeightedAttention(TestTextGraphEncoder):
    config = replace(CONFIG, edge_weights=True, aggregation="mean", readout="attention")


class TestSmallSteps(TestTextGraphEncoder):
    config = replace(CONFIG, nodes_per_step=6, readout="count", num_layers=3)


def test_the_paper_has_this_many_weights() -> None:
    # 38,698 · 300 words, 2 layers of 2 · (300 · 300 + 300), 2 ε; null_user is ours.
    config = TextGraphEncoderConfig(num_words=38_698)
    encoder = TextGraphEncoder(config)
    counted = {n: p.numel() for n, p in encoder.named_parameters() if n != "null_user"}
    assert sum(counted.values()) == 38_698 * 300 + 2 * 2 * (300 * 300 + 300) + 2 == 11_970_602
    assert encoder.null_user.numel() == 300
    assert not any(parameter.any() for n, parameter in encoder.named_parameters() if "eps" in n)


@of_each_option
@pytest.mark.parametrize("shortcuts", [True, False])
def test_it_is_a_loop_over_nodes(changes: dict[str, Any], shortcuts: bool) -> None:
    encoder, batch = build(**changes, shortcuts=shortcuts), make_batch(USERS)
    z_UD, expected_UD = encoder(batch).z_UD, loop_twin(encoder, batch)
    assert_near(z_UD, expected_UD)
    ours, expected = gradients(encoder, z_UD), gradients(encoder, expected_UD)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=1e-4, msg=name)
        assert gradient.any(), name


@of_each_option
@pytest.mark.parametrize("nodes_per_step", [0, 1, 13, 100])
def test_steps_and_shortcuts_change_nothing(changes: dict[str, Any], nodes_per_step: int) -> None:
    batch = make_batch(USERS)
    fast = build(**changes, nodes_per_step=nodes_per_step, sparse=True)
    literal = build(**changes, shortcuts=False, nodes_per_step=0)
    ours_UD, expected_UD = fast(batch).z_UD, literal(batch).z_UD
    assert_near(ours_UD, expected_UD)
    with torch.no_grad():
        assert_near(fast(batch).z_UD, expected_UD)
    ours, expected = gradients(fast, ours_UD), gradients(literal, expected_UD)
    for name, gradient in expected.items():
        scale = gradient.abs().max()
        assert ((ours[name] - gradient).abs() <= 1e-5 * scale + 1e-6).all(), name


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (0, [(0, 25)]),
        (13, [(0, 5), (5, 18), (18, 25)]),
        # A user larger than a step passes alone.
        (6, [(0, 5), (5, 17), (17, 18), (18, 25)]),
    ],
)
def test_steps_hold_whole_users(most: int, expected: list[tuple[int, int]]) -> None:
    # Users of 5, 0, 12, 1 and 7 words.
    steps = build(nodes_per_step=most)._steps(make_batch(USERS))
    assert [(step.first, step.last) for step in steps] == expected
    assert torch.cat([step.node_ptr_U1.diff() for step in steps]).tolist() == [*USERS.values()]


@of_each_option
def test_the_form_for_gpus_gives_the_same(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, encoder = make_batch(USERS), build(**changes, sparse=True)
    expected_UD = encoder(batch).z_UD
    expected = gradients(encoder, expected_UD)
    monkeypatch.setattr(TextGraphEncoder, "_is_dense", lambda *_: True)
    ours_UD = encoder(batch).z_UD
    assert_near(ours_UD, expected_UD)
    ours = gradients(encoder, ours_UD)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=1e-5, msg=name)


def test_bits_for_gpus_are_those_of_the_batch() -> None:
    batch = make_batch({0: 5, 2: 12, 4: 7})
    neighbours = Neighbours(batch.edge_ptr_V1, batch.edge_col_E)
    (block,) = DenseNeighbours(neighbours, batch.node_ptr_U1).blocks
    assert block.bits_GNK is not None
    assert torch.equal(block.bits_GNK, batch.dense_bits())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@of_each_option
def test_a_gpu_gives_the_same(changes: dict[str, Any]) -> None:
    batch, encoder = make_batch(USERS), build(**changes)
    expected_UD = encoder(batch).z_UD
    assert_near(encoder.cuda()(batch.to("cuda")).z_UD.cpu(), expected_UD)


def test_a_user_without_words_has_the_learned_vector() -> None:
    for changes in ({}, {"readout": "idf"}, {"aggregation": "none"}, {"shortcuts": False}):
        encoder = build(**changes)
        for users in ({0: 0}, {0: 3, 1: 0}, {0: 0, 1: 0}):
            out = encoder(make_batch(users))
            assert (out.z_UD[~out.mask_U] == encoder.null_user).all()
    unit_UD = build(normalize=True)(make_batch({0: 3, 1: 0})).z_UD
    assert_near(unit_UD.norm(dim=1), torch.ones(2))


def test_an_isolated_word_passes_through_the_mlps_only() -> None:
    encoder, batch = build(), make_batch({0: 1})
    assert batch.num_edges == 0
    h_1D = encoder.words.weight[batch.word_W]
    one, two = layer_of(encoder, 0), layer_of(encoder, 1)
    h_1D = one.second(one.first((1 + one.epsilon) * h_1D).relu()).relu()
    assert_near(encoder(batch).z_UD, two.second(two.first((1 + two.epsilon) * h_1D).relu()))


def test_no_user_is_no_row() -> None:
    out = build()(make_batch({0: 0}))
    nothing = replace(make_batch({0: 0}), node_ptr_U1=torch.zeros(1, dtype=torch.long))
    assert build()(nothing).z_UD.shape == (0, 8)
    assert out.z_UD.shape == (1, 8)


def test_gradients_of_words_hold_the_words_of_the_batch_only() -> None:
    encoder, batch = build(sparse=True), make_batch(USERS)
    encoder(batch).z_UD.sum().backward()
    gradient = encoder.words.weight.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert gradient.is_coalesced()
    assert torch.equal(gradient.indices()[0], batch.word_W)
    dense = build(sparse=False)
    dense(batch).z_UD.sum().backward()
    assert dense.words.weight.grad is not None
    assert_near(gradient.to_dense(), dense.words.weight.grad)


def test_gradients_of_two_batches_add_up() -> None:
    encoder, dense = build(sparse=True), build(sparse=False)
    for users in ({0: 5, 1: 7}, {2: 9}):
        encoder(make_batch(users)).z_UD.sum().backward()
        dense(make_batch(users)).z_UD.sum().backward()
    ours, expected = encoder.words.weight.grad, dense.words.weight.grad
    assert ours is not None
    assert expected is not None
    assert_near(ours.coalesce().to_dense(), expected)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("edge_weight_E", {"edge_weights": True}),
        ("count_V", {"readout": "count"}),
        ("edge_col_E", {}),
        ("place_V", {}),
        ("word_W", {"readout": "idf"}),
        ("count_V", {"readout": "tfidf"}),
    ],
)
def test_what_an_option_reads_is_read_and_nothing_else(field: str, changes: dict[str, Any]) -> None:
    batch = make_batch({0: 9})
    value = getattr(batch, field)
    other = replace(batch, **{field: value * 1.5 if value.is_floating_point() else value.flip(0)})
    assert (build(**changes)(batch).z_UD - build(**changes)(other).z_UD).abs().max() > 1e-4
    if field in ("edge_weight_E", "count_V"):
        assert torch.equal(build()(batch).z_UD, build()(other).z_UD)


def test_an_encoder_can_begin_as_the_readout_of_its_words() -> None:
    batch = make_batch(USERS)
    encoder = TextGraphEncoder(replace(CONFIG, residual=True, zero_init=True, readout="count"))
    x_VD = encoder.words.weight[batch.word_W[batch.place_V]]
    for user, z_D in enumerate(encoder(batch).z_UD):
        start, stop = batch.node_ptr_U1[user : user + 2].tolist()
        raw_N = batch.count_V[start:stop].log1p()
        if len(raw_N):
            assert_near(z_D, (raw_N / raw_N.sum()) @ x_VD[start:stop])


@pytest.mark.parametrize("readout", ["idf", "tfidf"])
def test_weights_of_words_travel_with_a_model_that_reads_them(readout: Any) -> None:
    encoder = build(readout=readout)
    assert torch.equal(encoder.state_dict()["word_weight_W"], encoder.word_weight_W)
    assert "word_weight_W" not in build().state_dict()
    assert TextGraphEncoder(replace(CONFIG, readout="idf")).word_weight_W.tolist() == [1] * 60


def test_words_without_any_weight_count_alike() -> None:
    encoder, batch = build(readout="idf"), make_batch({0: 5})
    encoder.word_weight_W.zero_()
    mean = build(readout="mean")
    assert_near(encoder(batch).z_UD, mean(batch).z_UD)


def test_weighted_edges_need_weights() -> None:
    batch = replace(make_batch({0: 5}), edge_weight_E=None)
    with pytest.raises(UsageError, match="edge_weight to other than binary"):
        build(edge_weights=True)(batch)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_layers": 4}, "1, 2 or 3, got 4"),
        ({"num_layers": 0}, "1, 2 or 3, got 0"),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"num_words": -1}, "num_words must be 0 or more"),
        ({"residual": True, "word_dim": 4}, "got 4 and 8"),
        ({"zero_init": True}, "zero_init without residual"),
    ],
)
def test_a_wrong_size_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(CONFIG, **changes)


def test_operations_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = make_batch({0: 5, 1: 0, 2: 12})
    w, v, e = len(batch.word_W), 17, batch.num_edges
    assert batch.num_events == v
    # Per word, node and user one 8 × 8 linear; two of them on nodes; two sums of width 8.
    true = 2 * 64 * (w + 2 * v + 2) + 2 * 2 * e * 8
    assert build().forward_flops(batch) == (true, true)
    # As written: four linears on every node (E1: 4 · 2nd² + 2 · 2 · nnz · d).
    assert build(shortcuts=False).forward_flops(batch) == (true, 4 * 2 * v * 64 + 2 * 2 * e * 8)
    monkeypatch.setattr(TextGraphEncoder, "_is_dense", lambda *_: True)
    # 5 and 12 nodes share a block and are padded to 16: 2 · 16² cells, two sums of width 8.
    dense = 2 * 64 * (w + 2 * v + 2) + 2 * 2 * (2 * 16**2) * 8
    assert build().forward_flops(batch) == (true, dense)
    words_only = 2 * 64 * (w + 2 * w + 2)
    assert build(aggregation="none").forward_flops(batch) == (words_only, words_only)


def test_where_words_are_narrow_the_formula_as_written_may_be_cheaper() -> None:
    batch = make_batch({0: 12})
    true, executed = build(word_dim=1).forward_flops(batch)
    # 12 nodes of distinct words: sums of width 1 and 8, against 8 and 8.
    literal = 2 * 8 * (12 + 2 * 12 * 8 + 12 * 8) + 2 * batch.num_edges * (1 + 8)
    short = 2 * 8 * (12 + 2 * 12 * 8 + 8) + 2 * batch.num_edges * (8 + 8)
    assert (true, executed) == (min(literal, short), short)


def test_it_is_registered() -> None:
    assert ENCODERS["text_graph"] is TextGraphEncoder
