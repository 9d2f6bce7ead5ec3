"""A warm start is the SVD of users × values, of the train users before the cutoff only."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from habitus.data.channel_batches import ChannelEncoding
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.data.vocabulary import NUM_SPECIAL, ChannelVocabulary
from habitus.encoders.channel_transformer import ChannelTransformer
from habitus.runs.channel import ChannelRun
from habitus.runs.channel_wiring import build_channel
from habitus.runs.warm_start import count_matrix, tokens_of, value_vectors, warm_start
from tests.small import CUTOFF, after, small_events, small_run, small_traces

Matrix = npt.NDArray[np.float64]


def vocabulary_of(traces: Traces, run: ChannelRun) -> ChannelVocabulary:
    encoding = run.build(traces)[0].encoding
    assert isinstance(encoding, ChannelEncoding)
    return encoding.vocabulary


def plain_vectors(counts: Matrix, width: int) -> Matrix:
    """The slow twin: a dense SVD."""
    idf = np.log((1 + len(counts)) / (1 + (counts > 0).sum(0)))
    right = np.linalg.svd(np.log1p(counts) * idf)[2][: min(width, min(counts.shape) - 1)]
    vectors: Matrix = right.T * idf[:, None]
    vectors /= np.sqrt((vectors**2).mean() * width)
    return vectors


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), max_size=30))
def test_counts_are_those_of_a_loop(pairs: list[tuple[int, int]]) -> None:
    expected = np.zeros((4, 5))
    for user, token in pairs:
        if token >= NUM_SPECIAL:
            expected[user, token - NUM_SPECIAL] += 1
    user_L, token_L = np.array(pairs, np.int64).reshape(-1, 2).T
    np.testing.assert_array_equal(count_matrix(user_L, token_L, 4, 8).toarray(), expected)


@pytest.mark.parametrize("width", [1, 3, 20])
def test_vectors_are_those_of_a_dense_svd(width: int) -> None:
    counts = np.random.default_rng(0).poisson(0.7, (12, 9)).astype(float)
    found = value_vectors(csr_matrix(counts), width, seed=0)
    expected = plain_vectors(counts, width)
    assert found.shape == expected.shape == (9, min(width, 8))
    # A singular vector is known up to its sign.
    sign = np.sign((found * expected).sum(0))
    np.testing.assert_allclose(found * sign, expected, atol=1e-4)


def test_vectors_have_the_scale_of_a_fresh_embedding() -> None:
    counts = np.random.default_rng(0).poisson(0.3, (50, 30)).astype(np.float32)
    vectors = value_vectors(csr_matrix(counts), 16, seed=0)
    # A fresh table has standard deviation width^-1/2.
    assert np.sqrt((vectors**2).mean()) == pytest.approx(16**-0.5, rel=1e-4)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("shape", [(5, 0), (5, 1), (1, 5), (5, 4)])
def test_too_little_to_decompose_gives_no_vectors(shape: tuple[int, int]) -> None:
    empty = csr_matrix(np.zeros(shape, np.float32))
    assert value_vectors(empty, 4, seed=0).shape == (shape[1], 0)


def test_a_value_that_everybody_has_says_nothing() -> None:
    # Its idf is log((1 + U) / (1 + U)) = 0.
    counts = np.random.default_rng(0).poisson(0.5, (20, 6)).astype(np.float32)
    counts[:, 2] = 1
    vectors = value_vectors(csr_matrix(counts), 3, seed=0)
    assert not vectors[2].any()
    assert np.isfinite(vectors).all()


def test_values_of_one_taste_begin_close_together(tmp_path: Path) -> None:
    # A user's items are all of one taste, and an item's name says which.
    traces = small_traces(tmp_path / "t", small_events(60))
    run = small_run()
    channel = vocabulary_of(traces, run).token_channels[1]
    snapshot = Snapshot(traces, CUTOFF, run.split.rows(traces, "train"))
    user_L, token_L = tokens_of(channel, snapshot)
    counts = count_matrix(user_L, token_L, snapshot.num_users, channel.num_tokens)
    # Three tastes that share no item: three directions at right angles.
    vectors = value_vectors(counts, 3, seed=0)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    taste = np.array([value.split("-")[1] for value in channel.values.to_pylist()])
    same = (taste[:, None] == taste) & ~np.eye(len(taste), dtype=bool)
    cosine = unit @ unit.T
    assert cosine[same].mean() > 0.9
    assert cosine[taste[:, None] != taste].mean() < 0.1


def test_tokens_are_those_of_each_users_events(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    channel = vocabulary_of(traces, small_run()).token_channels[0]
    snapshot = Snapshot(traces, CUTOFF)
    user_L, token_L = tokens_of(channel, snapshot)
    values = channel.values.to_pylist()
    events = small_events()
    before = [[e for e in events[u] if e["time"] < 1_583_020_800] for u in sorted(events)]
    expected = [
        (u, values.index(e["service"]) + NUM_SPECIAL) for u, mine in enumerate(before) for e in mine
    ]
    assert list(zip(user_L.tolist(), token_L.tolist(), strict=True)) == expected


def test_only_values_get_vectors_and_predictions_begin_at_their_frequency(tmp_path: Path) -> None:
    traces, run = small_traces(tmp_path / "t"), small_run()
    model, objective = build_channel(traces, run)
    encoder, cold = model.encoder, run.build(traces)[0].encoder
    assert isinstance(encoder, ChannelTransformer)
    assert isinstance(cold, ChannelTransformer)
    vocabulary = vocabulary_of(traces, run)
    snapshot = Snapshot(traces, CUTOFF, run.split.rows(traces, "train"))
    warm_start(encoder, objective, vocabulary, snapshot, seed=0)
    for c, channel in enumerate(vocabulary.token_channels):
        warm = encoder.project.channel_table(c, channel.num_tokens)
        before = cold.project.channel_table(c, channel.num_tokens)
        assert torch.equal(warm[:NUM_SPECIAL], before[:NUM_SPECIAL])
        user_L, token_L = tokens_of(channel, snapshot)
        counts = count_matrix(user_L, token_L, snapshot.num_users, channel.num_tokens)
        vectors = torch.from_numpy(value_vectors(counts, 4, seed=0))
        width = vectors.shape[1]
        assert torch.equal(warm[NUM_SPECIAL:, :width], vectors)
        assert torch.equal(warm[NUM_SPECIAL:, width:], before[NUM_SPECIAL:, width:])
        # Add one: log((1 + n) / Σ (1 + n)).
        total = len(token_L) + channel.num_tokens
        expected = [
            np.log((1 + (token_L == token).sum()) / total) for token in range(channel.num_tokens)
        ]
        np.testing.assert_allclose(objective.token_bias[c].detach().numpy(), expected, atol=1e-6)
    first = sum(channel.num_tokens for channel in vocabulary.token_channels)
    assert torch.equal(encoder.project.table.weight[first:], cold.project.table.weight[first:])
    for name, tensor in encoder.state_dict().items():
        if name != "project.table.weight":
            assert torch.equal(tensor, cold.state_dict()[name]), name


def bits(traces: Traces, **changes: Any) -> bytes:
    model, objective = replace(small_run(warm_start=True), **changes).begin(traces)
    tensors = [*model.encoder.state_dict().values(), *objective.state_dict().values()]
    return b"".join(tensor.numpy().tobytes() for tensor in tensors)


def test_nothing_after_the_cutoff_and_nobody_else_changes_it(tmp_path: Path) -> None:
    events = small_events()
    changed = after(events, CUTOFF, item_id="item-0-0", service="shop-0")
    traces = small_traces(tmp_path / "t", events)
    split = small_run().split
    for part in ("valid", "test"):
        for row in split.rows(traces, part):
            changed[f"user-{row:02d}"] = [{"time": 1_577_900_000, "item_id": "item-1-1"}] * 9
    other = small_traces(tmp_path / "o", changed)
    assert bits(other) == bits(traces)
    assert bits(other, as_of=None) != bits(traces, as_of=None)


def test_it_is_a_function_of_the_run_and_may_be_left_out(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    assert bits(traces) == bits(traces)
    assert bits(traces, warm_start=False) != bits(traces)
    assert bits(traces, warm_start=False) == bits(traces, warm_start=False)


def test_a_composed_channel_begins_cold_but_at_its_frequencies(tmp_path: Path) -> None:
    traces, run = small_traces(tmp_path / "t"), small_run()
    # Nine items and three shops: the items are composed, the shops are not.
    run = replace(run, encoder=replace(run.encoder, composed_above=8))
    model, objective = build_channel(traces, run)
    assert isinstance(model.encoder, ChannelTransformer)
    project, vocabulary = model.encoder.project, vocabulary_of(traces, run)
    item = [c.name for c in vocabulary.token_channels].index("item_id")
    assert item in project.places.composed
    before = [project.channel_table(c, v).clone() for c, v in enumerate(objective.num_tokens_C)]
    bias = objective.token_bias[item].detach().clone()
    snapshot = Snapshot(traces, CUTOFF, run.split.rows(traces, "train"))
    warm_start(model.encoder, objective, vocabulary, snapshot, seed=0)
    for c, num_tokens in enumerate(objective.num_tokens_C):
        same = torch.equal(project.channel_table(c, num_tokens), before[c])
        assert same == (c in project.places.composed)
    assert not torch.equal(objective.token_bias[item], bias)
