import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.data import text_graph_batch as module
from habitus.data.text_graph import TextGraphConfig, TextGraphs, build_text_graphs
from habitus.data.text_graph_batch import TextGraphBatch, text_graph_batch
from habitus.errors import UsageError
from tests.data.plain_text_graph import edges_of, tokens_of

# Words 7 and 30 are those of both users; 9 of the first joins nothing.
TWO = [[[7, 30], [7, 4], [9]], [], [[30, 7], [5]]]


def two(weight: str = "binary") -> TextGraphs:
    config = TextGraphConfig.from_dict({"edge_weight": weight})
    return build_text_graphs(tokens_of(TWO), config)


def test_by_hand() -> None:
    # Nodes 4, 7, 9, 30 of the first user and 5, 7, 30 of the third: rows 0 … 3 and 4 … 6.
    # PMI: 7-30 and 7-4 of the first: 1 · 3 > 2 · 1. 7-30 of the third: 1 · 2 > 1 · 1.
    batch = text_graph_batch(two("cooc"))
    assert batch.node_ptr_U1.tolist() == [0, 4, 4, 7]
    assert batch.word_W.tolist() == [4, 5, 7, 9, 30]
    assert batch.place_V.tolist() == [0, 2, 3, 4, 1, 2, 4]
    assert batch.count_V.tolist() == [1, 2, 1, 1, 1, 1, 1]
    assert batch.edge_ptr_V1.tolist() == [0, 1, 3, 3, 4, 4, 5, 6]
    assert batch.edge_col_E.tolist() == [1, 0, 3, 1, 6, 5]
    assert batch.edge_weight_E is not None
    assert batch.edge_weight_E.tolist() == [1.0] * 6


def test_types_and_sizes() -> None:
    batch = text_graph_batch(two())
    assert batch.edge_weight_E is None
    assert (batch.num_users, batch.num_events, batch.num_edges, batch.padded_events) == (3, 7, 6, 7)
    assert batch.lengths_U.tolist() == [4, 0, 3]
    kinds = [(t.dtype, t.is_contiguous()) for t in (batch.word_W, batch.place_V, batch.node_ptr_U1)]
    assert kinds == [(torch.int64, True)] * 3
    assert (batch.edge_ptr_V1.dtype, batch.edge_col_E.dtype) == (torch.int32, torch.int32)
    assert batch.count_V.dtype == torch.float32


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.integers(0, 90), max_size=25), max_size=5), max_size=5),
    st.sampled_from(["binary", "npmi"]),
)
def test_a_batch_holds_the_graphs(users: list[list[list[int]]], weight: str) -> None:
    config = TextGraphConfig.from_dict({"edge_weight": weight, "max_nodes": 30})
    graphs = build_text_graphs(tokens_of(users), config)
    batch = text_graph_batch(graphs)
    word_V = batch.word_W[batch.place_V].tolist()
    ptr_V1, col_E = batch.edge_ptr_V1.tolist(), batch.edge_col_E.tolist()
    weight_E = batch.edge_weight_E
    for user in range(len(users)):
        first, last = batch.node_ptr_U1[user : user + 2].tolist()
        words, weights = edges_of(graphs, user)
        assert word_V[first:last] == words
        found = {}
        for node in range(first, last):
            for edge in range(ptr_V1[node], ptr_V1[node + 1]):
                value = 1.0 if weight_E is None else float(weight_E[edge])
                found[word_V[node], word_V[col_E[edge]]] = value
        assert found == weights
    assert batch.word_W.tolist() == sorted(set(word_V))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(st.integers(0, 40), max_size=25), max_size=5), max_size=5))
def test_bits_are_the_adjacency(users: list[list[list[int]]]) -> None:
    batch = text_graph_batch(build_text_graphs(tokens_of(users), TextGraphConfig()))
    bits_UNK = batch.dense_bits()
    largest = max(batch.lengths_U.tolist(), default=0)
    size = -(-largest // 8) * 8
    assert bits_UNK.shape == (len(users), size, size // 8)
    # As a device unpacks them, and as NumPy does.
    unpacked_UNN = ((bits_UNK[..., None] >> torch.arange(8)) & 1).flatten(2)
    as_numpy = np.unpackbits(bits_UNK.numpy(), axis=2, bitorder="little")
    assert np.array_equal(unpacked_UNN.numpy(), as_numpy)
    dense_UNN = torch.zeros(len(users), size, size, dtype=torch.uint8)
    user_V = torch.repeat_interleave(batch.lengths_U)
    before_V = batch.node_ptr_U1[:-1][user_V]
    row_E = torch.repeat_interleave(batch.edge_ptr_V1.diff())
    col_E = batch.edge_col_E.long()
    dense_UNN[user_V[row_E], row_E - before_V[row_E], col_E - before_V[row_E]] = 1
    assert torch.equal(unpacked_UNN, dense_UNN)
    assert torch.equal(unpacked_UNN, unpacked_UNN.transpose(1, 2))


def test_nobody_and_nothing() -> None:
    shapes: list[list[list[list[int]]]] = [[], [[], [[]]]]
    for users in shapes:
        batch = text_graph_batch(build_text_graphs(tokens_of(users), TextGraphConfig()))
        assert (batch.num_users, batch.num_events, batch.num_edges) == (len(users), 0, 0)
        assert batch.dense_bits().shape == (len(users), 0, 0)
        assert batch.edge_ptr_V1.tolist() == [0]


def test_arrays_that_may_not_be_written_make_the_same_batch() -> None:
    graphs = two("ppmi")
    batch = text_graph_batch(graphs)
    for array in graphs:
        assert array is not None
        array.flags.writeable = False
    again = text_graph_batch(graphs)
    assert torch.equal(batch.edge_col_E, again.edge_col_E)
    assert again.edge_weight_E is not None
    again.edge_weight_E.zero_()  # what a batch holds is its own
    assert graphs.edge_weight_E is not None
    assert graphs.edge_weight_E.all()


def test_it_moves_whole_but_for_the_pointers_to_nodes() -> None:
    moved = text_graph_batch(two("ppmi")).to("meta")
    assert isinstance(moved, TextGraphBatch)
    assert moved.node_ptr_U1.device.type == "cpu"
    names = ("word_W", "place_V", "count_V", "edge_ptr_V1", "edge_col_E", "edge_weight_E")
    assert {getattr(moved, n).device.type for n in names} == {"meta"}
    assert text_graph_batch(two()).to("meta").edge_weight_E is None


def test_more_edges_than_pointers_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EDGES", 5)
    with pytest.raises(UsageError, match=r"3 graphs has 6 edges, at most 5 .*fewer graphs"):
        text_graph_batch(two())


def test_pointers_that_do_not_fit_are_a_mistake_of_ours() -> None:
    batch = text_graph_batch(two())
    with pytest.raises(AssertionError):
        TextGraphBatch(
            node_ptr_U1=batch.node_ptr_U1[:-1],
            word_W=batch.word_W,
            place_V=batch.place_V,
            count_V=batch.count_V,
            edge_ptr_V1=batch.edge_ptr_V1,
            edge_col_E=batch.edge_col_E,
        )
