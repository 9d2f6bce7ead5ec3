"""Sums over neighbours are products with the whole matrix, forward and backward."""

from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import Tensor

from habitus.nn.sparse_product import (
    Neighbours,
    mark_coalesced,
    plain_combine,
    rows_of,
    word_rows,
)
from tests.nn.graphs import (
    LENGTHS,
    NUM_NODES,
    NUM_PLACES,
    WIDTH,
    matrix,
    neighbours,
    node_ptr,
    places,
    rows,
)

KINDS = list(product([False, True], repeat=3))
of_each_kind = pytest.mark.parametrize(("values", "scale", "relu"), KINDS)
CUTS = node_ptr().tolist()


def weights() -> tuple[Tensor, Tensor]:
    """Return ε and a bias."""
    bias_D = torch.linspace(-1, 1, WIDTH, dtype=torch.float64).float().requires_grad_()
    return torch.tensor(0.25, requires_grad=True), bias_D


def expected(
    graph: Neighbours, x_VD: Tensor, epsilon: Tensor, bias_D: Tensor, relu: bool
) -> Tensor:
    """Return the same by the whole matrix."""
    out_VD = (matrix(graph) + (1 + epsilon.double()) * torch.eye(len(x_VD))) @ x_VD.double()
    out_VD = out_VD + bias_D.double()
    return out_VD.relu() if relu else out_VD


def assert_same_gradients(ours: Tensor, theirs: Tensor, inputs: list[Tensor]) -> None:
    chance = torch.Generator().manual_seed(2)
    weight_VD = torch.randn(ours.shape, generator=chance)
    torch.testing.assert_close(ours.double(), theirs.double(), atol=1e-5, rtol=1e-5)
    found = torch.autograd.grad((ours * weight_VD).sum(), inputs)
    wanted = torch.autograd.grad((theirs * weight_VD).sum(), inputs)
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-4, rtol=1e-5)


@of_each_kind
def test_it_is_the_product_with_the_whole_matrix(values: bool, scale: bool, relu: bool) -> None:
    graph, x_VD, (epsilon, bias_D) = (
        neighbours(values=values, scale=scale),
        rows(NUM_NODES),
        weights(),
    )
    (ours,) = graph.combine(x_VD, epsilon, bias_D, relu=relu)
    theirs = expected(graph, x_VD, epsilon, bias_D, relu)
    assert_same_gradients(ours, theirs, [x_VD, epsilon, bias_D])


@of_each_kind
@pytest.mark.parametrize("cuts", [CUTS, [0, CUTS[3], CUTS[-1]], [0, CUTS[-1]]])
def test_steps_of_a_table_are_the_rows_of_one_product(
    values: bool, scale: bool, relu: bool, cuts: list[int]
) -> None:
    graph, table_WD, (epsilon, bias_D) = (
        neighbours(values=values, scale=scale),
        rows(NUM_PLACES),
        weights(),
    )
    parts = graph.combine(table_WD, epsilon, bias_D, relu=relu, places=places(), cuts=cuts)
    assert [len(p) for p in parts] == torch.tensor(cuts).diff().tolist()
    theirs = expected(graph, table_WD[places().place_V], epsilon, bias_D, relu)
    assert_same_gradients(torch.cat(parts), theirs, [table_WD, epsilon, bias_D])


@of_each_kind
def test_plain_torch_is_its_twin(values: bool, scale: bool, relu: bool) -> None:
    graph, table_WD, (epsilon, bias_D) = (
        neighbours(values=values, scale=scale),
        rows(NUM_PLACES),
        weights(),
    )
    ours = graph.combine(table_WD, epsilon, bias_D, relu=relu, places=places(), cuts=CUTS)
    twin = plain_combine(graph, table_WD, epsilon, bias_D, relu, places(), CUTS)
    assert_same_gradients(torch.cat(ours), torch.cat(twin), [table_WD, epsilon, bias_D])


def test_a_step_alone_reads_its_own_rows() -> None:
    graph, x_VD = neighbours(values=True), rows(NUM_NODES)
    whole = graph.combine(x_VD)[0]
    for first, last in pairwise(CUTS):
        (part,) = graph.combine(x_VD[first:last], cuts=(first, last))
        assert torch.equal(part, whole[first:last])
        (twin,) = plain_combine(graph, x_VD[first:last], None, None, False, None, (first, last))
        torch.testing.assert_close(twin, part)


@pytest.mark.parametrize("relu", [False, True])
def test_gradients_are_those_of_finite_differences(relu: bool) -> None:
    graph, table_WD = neighbours(values=True, scale=True), rows(NUM_PLACES, torch.float64)
    epsilon = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    bias_D = torch.rand(WIDTH, dtype=torch.float64, requires_grad=True)

    def function(*inputs: Tensor) -> tuple[Tensor, ...]:
        return graph.combine(*inputs, relu=relu, places=places(), cuts=CUTS)

    assert torch.autograd.gradcheck(function, (table_WD, epsilon, bias_D))


def test_what_needs_no_gradient_gets_none() -> None:
    graph, x_VD = neighbours(), rows(NUM_NODES)
    fixed = torch.tensor(0.5)
    (out_VD,) = graph.combine(x_VD, fixed, relu=True)
    torch.autograd.backward(out_VD.sum())
    assert fixed.grad is None
    assert x_VD.grad is not None


@pytest.mark.parametrize("scale", [False, True])
def test_half_precision_is_added_in_float32(scale: bool) -> None:
    graph, x_VD = neighbours(scale=scale), rows(NUM_NODES, torch.bfloat16)
    (out_VD,) = graph.combine(x_VD)
    assert out_VD.dtype == torch.bfloat16
    assert torch.equal(out_VD, graph.combine(x_VD.float())[0].bfloat16())


def test_degrees_by_hand() -> None:
    ptr_V1, col_E = torch.tensor([0, 1, 3, 4, 4]).int(), torch.tensor([1, 0, 2, 1]).int()
    assert Neighbours(ptr_V1, col_E).degree_V.tolist() == [1, 2, 1, 0]
    weighted = Neighbours(ptr_V1, col_E, torch.tensor([0.5, 0.5, 2.0, 2.0]))
    assert weighted.degree_V.tolist() == [0.5, 2.5, 2, 0]
    assert weighted.row_E.tolist() == [0, 1, 1, 2]


def test_rows_of_a_table_add_up_their_gradients() -> None:
    table_WD = rows(NUM_PLACES)
    parts = rows_of(table_WD, places(), CUTS)
    assert [len(p) for p in parts] == list(LENGTHS)
    assert_same_gradients(torch.cat(parts), table_WD[places().place_V], [table_WD])


def sparse_gradient(word_W: Tensor, **settings: Any) -> tuple[Tensor, Tensor]:
    """Return a table and the gradient of the sum of some rows' squares."""
    table = torch.arange(12.0).view(6, 2).requires_grad_()
    table.register_post_accumulate_grad_hook(mark_coalesced)  # type: ignore[no-untyped-call]
    torch.autograd.backward(word_rows(table, word_W, **settings).square().sum())
    assert table.grad is not None
    return table, table.grad


def test_a_sparse_gradient_holds_the_rows_that_were_read() -> None:
    table, gradient = sparse_gradient(torch.tensor([1, 4]), sparse=True)
    assert gradient.is_sparse
    assert gradient.is_coalesced()
    assert gradient.indices().tolist() == [[1, 4]]
    # Twice what stands in rows 1 and 4: 2, 3, 8, 9.
    assert gradient.values().tolist() == [[4, 6], [16, 18]]
    dense = sparse_gradient(torch.tensor([1, 4]), sparse=False)[1]
    assert torch.equal(gradient.to_dense(), dense)
    # A second backward appends: what is there twice is not coalesced, and no one says so.
    torch.autograd.backward(word_rows(table, torch.tensor([0, 1]), sparse=True).sum())
    assert table.grad is not None
    assert not table.grad.is_coalesced()
    assert table.grad.coalesce().values().tolist() == [[1, 1], [5, 7], [16, 18]]
