"""Kernels of sparse products are the loops that they say they are, with any number of threads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numba
import numpy as np
import pytest
import torch

from habitus.nn import sparse_kernels
from habitus.nn.sparse_kernels import (
    NO_PLACES,
    Array,
    kernel_threads,
    masked_rows,
    rows_of_each,
    sparse_rows,
    sum_rows,
)

NO_VALUES = np.empty(0, np.float32)
DEGREES = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 16, 23])
ROWS, WIDTH = len(DEGREES), 5


@pytest.fixture(params=[1, 3])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a test in one piece, and in three that may run at once."""

    @contextmanager
    def given() -> Iterator[int]:
        yield request.param

    monkeypatch.setattr(sparse_kernels, "kernel_threads", given)
    return int(request.param)


def world(seed: int = 0) -> tuple[np.random.Generator, Array, Array, Array]:
    """Return chance, and rows of each degree that kernels treat differently."""
    chance = np.random.default_rng(seed)
    ptr_R1 = np.cumsum([0, *DEGREES]).astype(np.int32)
    col_E = chance.integers(0, ROWS, ptr_R1[-1]).astype(np.int32)
    return chance, ptr_R1, col_E, chance.standard_normal((ROWS, WIDTH)).astype(np.float32)


def loop(ptr_R1: Array, col_E: Array, value_E: Array, own: float, x_ND: Array) -> Array:
    """Return the same sums one entry after the other, float64."""
    out = own * x_ND.astype(np.float64)
    for row in range(len(ptr_R1) - 1):
        for e in range(ptr_R1[row], ptr_R1[row + 1]):
            out[row] += (value_E[e] if len(value_E) else 1) * x_ND[col_E[e]].astype(np.float64)
    return out


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("own", [0.0, 1.5])
@pytest.mark.parametrize("relu", [False, True])
def test_rows_are_a_loop_over_entries(pieces: int, weighted: bool, own: float, relu: bool) -> None:
    assert pieces >= 1
    chance, ptr_R1, col_E, x_ND = world()
    value_E = chance.random(len(col_E)).astype(np.float32) if weighted else NO_VALUES
    bias_D = chance.standard_normal(WIDTH).astype(np.float32)
    out_RD = np.full_like(x_ND, np.nan)
    sparse_rows(ptr_R1, col_E, value_E, NO_PLACES, 0, own, x_ND, bias_D, relu, out_RD)
    expected = loop(ptr_R1, col_E, value_E, own, x_ND) + bias_D
    expected = np.maximum(expected, 0) if relu else expected
    np.testing.assert_allclose(out_RD, expected, atol=1e-5, rtol=1e-5)
    if not own:
        sum_rows(ptr_R1, col_E, value_E, x_ND, out_RD)
        np.testing.assert_allclose(
            out_RD, loop(ptr_R1, col_E, value_E, 0, x_ND), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_reads_only_its_rows(pieces: int, weighted: bool) -> None:
    assert pieces >= 1
    chance, ptr_R1, col_E, x_ND = world()
    value_E = chance.random(len(col_E)).astype(np.float32) if weighted else NO_VALUES
    # The same rows as part of a batch in which 4 rows and 6 entries stand before them.
    col_batch = np.r_[np.zeros(6, np.int32), col_E + np.int32(4)]
    values = np.r_[np.ones(6, np.float32), value_E] if weighted else NO_VALUES
    out_RD, expected_RD = np.empty_like(x_ND), np.empty_like(x_ND)
    arguments = (2.0, x_ND, NO_VALUES, False)
    sparse_rows(ptr_R1, col_E, value_E, NO_PLACES, 0, *arguments, expected_RD)
    sparse_rows(ptr_R1 + np.int32(6), col_batch, values, NO_PLACES, 4, *arguments, out_RD)
    np.testing.assert_array_equal(out_RD, expected_RD)


def test_places_stand_for_a_copy_of_the_table(pieces: int) -> None:
    assert pieces >= 1
    chance, ptr_R1, col_E, table_ND = world()
    place_V = chance.integers(0, ROWS, ROWS)
    out_RD, expected_RD = np.empty_like(table_ND), np.empty_like(table_ND)
    rest = (NO_VALUES, False)
    sparse_rows(ptr_R1, col_E, NO_VALUES, place_V, 0, 2.0, table_ND, *rest, out_RD)
    copy_RD = table_ND[place_V]
    sparse_rows(ptr_R1, col_E, NO_VALUES, NO_PLACES, 0, 2.0, copy_RD, *rest, expected_RD)
    np.testing.assert_array_equal(out_RD, expected_RD)


def test_a_nan_stays_one(pieces: int) -> None:
    assert pieces >= 1
    _, ptr_R1, col_E, x_ND = world()
    x_ND[3] = np.nan
    out_RD = np.empty_like(x_ND)
    sparse_rows(ptr_R1, col_E, NO_VALUES, NO_PLACES, 0, 1.0, x_ND, NO_VALUES, True, out_RD)
    assert np.isnan(out_RD[3]).all()


def test_the_gradient_of_relu_and_of_the_own_factor(pieces: int) -> None:
    assert pieces >= 1
    chance, _, _, x_ND = world()
    g_RD = chance.standard_normal(x_ND.shape).astype(np.float32)
    out_RD = np.maximum(chance.standard_normal(x_ND.shape), 0).astype(np.float32)
    masked_RD = np.full_like(g_RD, np.nan)
    dot = masked_rows(g_RD, out_RD, NO_PLACES, 0, x_ND, masked_RD)
    expected_RD = np.where(out_RD > 0, g_RD, 0)
    np.testing.assert_array_equal(masked_RD, expected_RD)
    assert dot == pytest.approx(float((expected_RD * x_ND).sum()), abs=1e-4)
    place_V = chance.integers(0, ROWS, ROWS + 3)
    dot = masked_rows(g_RD, out_RD[:0], place_V, 3, x_ND, g_RD)
    assert dot == pytest.approx(float((g_RD * x_ND[place_V[3:]]).sum()), abs=1e-4)


def test_pieces_cut_work_in_equal_parts() -> None:
    # Each row costs 4 entries: 3 rows of 12, 0 and 0 entries are 24, so half stands after row 0.
    ptr_R1 = np.array([0, 12, 12, 12], np.int32)
    assert sparse_kernels._pieces(ptr_R1, 2).tolist() == [0, 1, 3]
    # A step begins anywhere among the entries of the batch.
    assert sparse_kernels._pieces(ptr_R1 + 100, 2).tolist() == [0, 1, 3]
    assert sparse_kernels._pieces(ptr_R1[:1], 2).tolist() == [0, 0, 0]


def test_pieces_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for number in (1, 2, 5, 40):
        monkeypatch.setattr(
            sparse_kernels, "kernel_threads", lambda number=number: nullcontext(number)
        )
        _, ptr_R1, col_E, x_ND = world()
        out_RD = np.full_like(x_ND, np.nan)
        sparse_rows(ptr_R1, col_E, NO_VALUES, NO_PLACES, 0, 1.0, x_ND, NO_VALUES, False, out_RD)
        results.append(out_RD)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize("number", [1, 2])
def test_kernels_have_as_many_threads_as_torch_and_give_them_back(number: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with kernel_threads() as given:
            assert given == min(number, int(vars(numba.config)["NUMBA_NUM_THREADS"]))
            # When numba starts its threads it would set those of torch as well.
            assert torch.get_num_threads() == number
            assert number == 1 or numba.get_num_threads() == given
        assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(before)


def test_starting_kernels_leaves_the_threads_of_torch_alone() -> None:
    # In a process of its own, since numba starts its threads once, and then sets their number for
    # all that uses OpenMP.
    program = (
        "import torch; torch.set_num_threads(3)\n"
        "from habitus.nn.sparse_kernels import kernel_threads\n"
        "with kernel_threads() as given: print(given, torch.get_num_threads())"
    )
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "3"]


def test_the_inverse_of_places_lists_each_row_once_in_order() -> None:
    place_V = np.random.default_rng(0).integers(0, 6, 40)
    ptr_W1, row_V = rows_of_each(place_V, 7)
    for w in range(7):
        assert row_V[ptr_W1[w] : ptr_W1[w + 1]].tolist() == np.flatnonzero(place_V == w).tolist()
    assert [a.dtype for a in (ptr_W1, row_V)] == [np.int32, np.int32]
