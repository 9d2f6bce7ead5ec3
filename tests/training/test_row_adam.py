"""Adam on rows against torch's SparseAdam, which is its plain twin."""

import gc
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import embedding_bag
from torch.optim import SparseAdam

from habitus.training.row_adam import RowAdam, RowProducts, by_row, hand_over

Bag = list[list[tuple[int, float]]]
"""Words and weights of each user of a batch."""
ROWS, WIDTH = 9, 5


def products(bag: Bag, g_GD: Tensor) -> RowProducts:
    """Return the gradient of the rows of a bag whose sums have the gradient ``g_GD``."""
    flat = [(row, user, weight) for user, words in enumerate(bag) for row, weight in words]
    row_N = np.array([row for row, _, _ in flat], np.int64)
    row_W, ptr_W1, place_N = by_row(row_N, ROWS)
    from_N = np.array([user for _, user, _ in flat], np.int64)[place_N]
    weight_N = np.array([weight for *_, weight in flat], np.float32)[place_N]
    return RowProducts(row_W, ptr_W1, from_N, weight_N, g_GD.numpy())


def literal(bag: Bag, g_GD: Tensor) -> Tensor:
    """Return the same gradient as a sparse tensor, entry by entry, nothing added up."""
    flat = [(row, weight * g_GD[user]) for user, words in enumerate(bag) for row, weight in words]
    rows = torch.tensor([row for row, _ in flat], dtype=torch.int64)
    values = torch.stack([value for _, value in flat]) if flat else torch.empty(0, WIDTH)
    return torch.sparse_coo_tensor(rows[None], values, (ROWS, WIDTH), check_invariants=True)


def table() -> nn.Parameter:
    return nn.Parameter(torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0)))


def gradients(num: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(num):
        yield torch.randn(3, WIDTH, generator=generator)


# Of positive weights no gradient is 0 but for rounding, whose sign would decide the first step.
words = st.tuples(st.integers(0, ROWS - 1), st.floats(0.125, 2, width=32))
bags = st.lists(st.lists(words, max_size=12), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(bags, min_size=1, max_size=6), st.sampled_from(["products", "sparse", "both"]))
def test_it_is_sparse_adam(steps: list[Bag], handed: str) -> None:
    ours, twin = table(), table()
    rows, sparse = RowAdam([ours], lr=0.1), SparseAdam([twin], lr=0.1)
    for bag, g_GD in zip(steps, gradients(len(steps)), strict=True):
        rows.zero_grad()
        sparse.zero_grad()
        twin.grad = literal(bag, g_GD)
        if handed == "sparse":
            ours.grad = literal(bag, g_GD)
        elif handed == "products":
            assert hand_over(ours, products(bag, g_GD)) is None
        else:
            # A batch in two parts, and a gradient that came some other way.
            assert hand_over(ours, products(bag[:1], g_GD[:1])) is None
            assert hand_over(ours, products(bag[1:2], g_GD[1:2])) is None
            ours.grad = literal(bag[2:], g_GD[2:])
        rows.step()
        sparse.step()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(ours, twin, atol=1e-6, rtol=1e-5)


def test_one_step_by_hand() -> None:
    table_VD = nn.Parameter(torch.zeros(3, 2))
    optimizer = RowAdam([table_VD], lr=0.1, eps=0.0)
    hand_over(table_VD, products([[(1, 2.0)], [(1, -1.0)]], torch.tensor([[1.0, -1], [5, 1]])))
    optimizer.step()
    # Gradient 2 · (1, -1) - (5, 1) = (-3, -3): the first step of Adam is lr against its sign.
    assert table_VD.tolist() == [[0, 0], pytest.approx([0.1, 0.1]), [0, 0]]
    state = optimizer.state[table_VD]
    assert state["mean_VD"][1].tolist() == pytest.approx([-0.3, -0.3])  # .1 · -3
    assert state["square_VD"][1].tolist() == pytest.approx([0.009, 0.009])  # .001 · 9
    assert not state["mean_VD"][[0, 2]].any()
    # Rows that are not in the gradient stand still, though the second step counts.
    optimizer.zero_grad()
    before = table_VD.detach().clone()
    hand_over(table_VD, products([[(0, 1.0)]], torch.tensor([[1.0, 1.0]])))
    optimizer.step()
    assert torch.equal(table_VD[1:], before[1:])
    assert state["step"] == 2


def test_without_a_row_adam_the_gradient_is_sparse_and_coalesced() -> None:
    bag: Bag = [[(7, 1.0), (2, 0.5)], [(7, -2.0)], []]
    (g_GD,) = gradients(1)
    grad = hand_over(table(), products(bag, g_GD))
    assert grad is not None
    assert grad.is_coalesced()
    assert grad.indices().tolist() == [[2, 7]]
    torch.testing.assert_close(grad.to_dense(), literal(bag, g_GD).to_dense())


def test_when_the_optimizer_is_gone_the_gradient_is_sparse_again() -> None:
    table_VD = table()
    optimizer = RowAdam([table_VD])
    given = products([[(1, 1.0)]], torch.ones(1, WIDTH))
    assert hand_over(table_VD, given) is None
    del optimizer
    gc.collect()
    assert hand_over(table_VD, given) is not None


def test_it_is_the_gradient_of_a_bag_and_threads_change_nothing() -> None:
    generator = torch.Generator().manual_seed(3)
    row_N = torch.randint(ROWS, (40,), generator=generator)
    weight_N, g_GD = torch.rand(40, generator=generator), next(gradients(1))
    ptr_U1 = torch.tensor([0, 11, 30, 40])
    cuts = ptr_U1.tolist()
    bag = [
        list(zip(row_N[a:b].tolist(), weight_N[a:b].tolist(), strict=True))
        for a, b in pairwise(cuts)
    ]
    twin = table()
    sum_UD = embedding_bag(
        row_N, twin, ptr_U1, mode="sum", per_sample_weights=weight_N, include_last_offset=True
    )
    torch.autograd.backward((sum_UD * g_GD).sum())
    grad = hand_over(table(), products(bag, g_GD))
    assert grad is not None
    torch.testing.assert_close(grad.to_dense(), twin.grad)
    threads, made = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            moved = table()
            optimizer = RowAdam([moved])
            hand_over(moved, products(bag, g_GD))
            optimizer.step()
            made.append(moved.detach().numpy().tobytes())
    finally:
        torch.set_num_threads(threads)
    assert made[0] == made[1]


def test_what_is_forgotten_moves_nothing() -> None:
    table_VD, before = table(), table()
    optimizer = RowAdam([table_VD])
    optimizer.step()
    hand_over(table_VD, products([[(1, 1.0)]], torch.ones(1, WIDTH)))
    optimizer.zero_grad()
    optimizer.step()
    assert torch.equal(table_VD, before)
    empty: Bag = [[], [], []]
    hand_over(table_VD, products(empty, torch.ones(3, WIDTH)))
    optimizer.step()
    assert torch.equal(table_VD, before)
