"""Dense matrices of bits give what the sparse matrix gives, forward and backward."""

from itertools import product

import pytest
import torch

from habitus.nn import dense_adjacency
from habitus.nn.dense_adjacency import DenseNeighbours, blocks_of, cells_of
from tests.nn.graphs import NUM_NODES, NUM_PLACES, WIDTH, matrix, neighbours, node_ptr, places, rows

MANY = (70, 3, 0, 64, 65, 1, 129)
of_each_kind = pytest.mark.parametrize(
    ("values", "scale", "relu"), list(product([False, True], repeat=3))
)


@of_each_kind
@pytest.mark.parametrize("lengths", [MANY, (5,), (0, 8, 16)])
def test_it_is_the_sparse_product(
    values: bool, scale: bool, relu: bool, lengths: tuple[int, ...]
) -> None:
    graph = neighbours(values=values, scale=scale, lengths=lengths)
    x_VD, bias_D = rows(sum(lengths)), torch.linspace(-1, 1, WIDTH, requires_grad=True)
    epsilon = torch.tensor(0.25, requires_grad=True)
    inputs = [x_VD, epsilon, bias_D]
    dense = DenseNeighbours(graph, node_ptr(lengths))
    (ours,) = dense.combine(x_VD, epsilon, bias_D, relu=relu)
    (theirs,) = graph.combine(x_VD, epsilon, bias_D, relu=relu)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    g_VD = torch.randn(ours.shape, generator=torch.Generator().manual_seed(2))
    found = torch.autograd.grad((ours * g_VD).sum(), inputs)
    wanted = torch.autograd.grad((theirs * g_VD).sum(), inputs)
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-4, rtol=1e-5)


def test_a_table_is_read_by_places() -> None:
    graph, table_WD = neighbours(), rows(NUM_PLACES)
    dense = DenseNeighbours(graph, node_ptr())
    (ours,) = dense.combine(table_WD, places=places(), cuts=(0, NUM_NODES))
    torch.testing.assert_close(ours, graph.combine(table_WD, places=places())[0])


def test_bits_are_the_matrix() -> None:
    graph = neighbours(lengths=(9,))
    dense = DenseNeighbours(graph, node_ptr((9,)))
    (block,) = dense.blocks
    assert block.bits_GNK is not None
    # 9 nodes are padded to 16, two bytes a row.
    assert block.bits_GNK.shape == (1, 16, 2)
    for row, col in product(range(16), repeat=2):
        bit = int(block.bits_GNK[0, row, col // 8]) >> (col % 8) & 1
        assert bit == (matrix(graph)[row, col] if row < 9 and col < 9 else 0)
    assert dense.matrix(block, torch.float64)[0, :9, :9].tolist() == matrix(graph).tolist()


def test_blocks_hold_graphs_of_like_size_and_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths_U = torch.tensor(MANY)
    assert [b.tolist() for b in blocks_of(lengths_U)] == [[1, 3, 5], [0, 4], [6]]
    # 3 of 64², 2 of 72² and 1 of 136²: sizes are rounded up to whole bytes.
    assert cells_of(lengths_U) == 3 * 64**2 + 2 * 72**2 + 136**2
    monkeypatch.setattr(dense_adjacency, "MOST_CELLS", 2 * 64**2)
    assert [b.tolist() for b in blocks_of(lengths_U)] == [[1, 3], [5], [0], [4], [6]]
    assert blocks_of(torch.tensor([0, 0])) == []


def test_products_are_made_in_the_precision_of_autocast() -> None:
    graph, x_VD = neighbours(), rows(NUM_NODES)
    dense = DenseNeighbours(graph, node_ptr())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        (out_VD,) = dense.combine(x_VD)
    exact_VD = dense.combine(x_VD)[0]
    assert out_VD.dtype == torch.float32
    assert not torch.equal(out_VD, exact_VD)
    torch.testing.assert_close(out_VD, exact_VD, atol=0.2, rtol=0.05)
    torch.autograd.backward(out_VD.sum())
    assert x_VD.grad is not None
    assert x_VD.grad.dtype == torch.float32
