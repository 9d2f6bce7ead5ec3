"""Kernels of sparse products on CPUs: rows of neighbours are added without a copy of any.

A step is the rows ``first … first + R`` of a batch. An empty array stands for what is absent, so
that one compiled kernel serves every case.

Shapes: V rows of the batch, R rows of a step, E entries, N rows that are read, D width, P pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange

Array = npt.NDArray[Any]
NO_PLACES: Array = np.empty(0, np.int64)
EDGES_OF_A_ROW = 4
"""A row costs as much as this many entries: it is begun, and ended with bias and ReLU."""


def sparse_rows(
    ptr_R1: Array,
    col_E: Array,
    value_E: Array,
    place_V: Array,
    first: int,
    own: float,
    x_ND: Array,
    bias_D: Array,
    relu: bool,
    out_RD: Array,
) -> None:
    """Write ``own · x[r] + Σ value · x[col] + bias`` of each row to ``out_RD``, after ReLU if so.

    Args:
        ptr_R1: first entry of each row in ``col_E``, int32.
        col_E: the row of the batch that an entry reads, int32.
        value_E: value of each entry; empty: 1.
        place_V: the row of ``x_ND`` in which a row of the batch stands, int64; empty: ``x_ND`` is
            the step alone.
        first: first row of the step in the batch.
        own: factor of the row itself; 0 where rows and columns are different things.
        x_ND: what is read.
        bias_D: added to each row; empty: nothing.
        relu: whether negative results become 0.
        out_RD: what is written, of the width and type of ``x_ND``.
    """
    own = x_ND.dtype.type(own)
    arguments = (ptr_R1, col_E, value_E, place_V, first, own, x_ND, bias_D, relu, out_RD)
    with kernel_threads() as threads:
        if threads == 1:
            _rows(0, len(out_RD), *arguments)
        else:
            _rows_in_parallel(_pieces(ptr_R1, threads), *arguments)


def sum_rows(ptr_R1: Array, col_E: Array, value_E: Array, x_ND: Array, out_RD: Array) -> None:
    """Write ``Σ value · x[col]`` of each row to ``out_RD``; an empty ``value_E``: 1."""
    sparse_rows(ptr_R1, col_E, value_E, NO_PLACES, 0, 0.0, x_ND, value_E[:0], False, out_RD)


def masked_rows(
    g_RD: Array, out_RD: Array, place_V: Array, first: int, x_ND: Array, masked_RD: Array
) -> float:
    """Write ``g`` where ``out`` is not 0 to ``masked_RD``; return its inner product with ``x``.

    That is the gradient through ReLU, and that of the factor of the row itself. ``masked_RD`` may
    be ``g_RD``, with ``out_RD`` empty: then only the inner product is made.
    """
    arguments = (g_RD, out_RD, place_V, first, x_ND, masked_RD)
    with kernel_threads() as threads:
        dot_P = np.zeros(threads)
        if threads == 1:
            dot_P[0] = _masked(0, len(g_RD), *arguments)
        else:
            _masked_in_parallel(np.linspace(0, len(g_RD), threads + 1), *arguments, dot_P)
    return float(dot_P.sum())


def rows_of_each(place_V: Array, num_places: int) -> tuple[Array, Array]:
    """Return which rows stand in each place, ascending: the inverse of ``place_V`` as CSR, int32.

    >>> ptr, row = rows_of_each(np.array([1, 0, 1]), 2)
    >>> ptr.tolist(), row.tolist()
    ([0, 1, 3], [1, 0, 2])
    """
    ptr_W1 = np.zeros(num_places + 1, np.int32)
    row_V = np.empty(len(place_V), np.int32)
    _invert(place_V, ptr_W1, row_V)
    return ptr_W1, row_V


@contextmanager
def kernel_threads() -> Iterator[int]:
    """Give kernels as many threads as torch has, so that the two do not crowd the cores."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield 1
        return
    before = numba.get_num_threads()
    if torch.get_num_threads() != threads:
        # When numba starts its threads it sets their number for all that uses OpenMP.
        torch.set_num_threads(threads)
    threads = min(threads, int(vars(numba.config)["NUMBA_NUM_THREADS"]))
    numba.set_num_threads(threads)
    try:
        yield threads
    finally:
        numba.set_num_threads(before)


def _pieces(ptr_R1: Array, threads: int) -> Array:
    """Return where rows are cut so that each thread has as much to add."""
    work_R1 = ptr_R1.astype(np.int64) + EDGES_OF_A_ROW * np.arange(len(ptr_R1))
    cuts_P1: Array = np.searchsorted(work_R1, np.linspace(work_R1[0], work_R1[-1], threads + 1))
    return cuts_P1


@njit(cache=True, parallel=True, nogil=True)
def _rows_in_parallel(
    cuts_P1: Array,
    ptr_R1: Array,
    col_E: Array,
    value_E: Array,
    place_V: Array,
    first: int,
    own: float,
    x_ND: Array,
    bias_D: Array,
    relu: bool,
    out_RD: Array,
) -> None:
    for p in prange(len(cuts_P1) - 1):
        start, stop = cuts_P1[p], cuts_P1[p + 1]
        _rows(start, stop, ptr_R1, col_E, value_E, place_V, first, own, x_ND, bias_D, relu, out_RD)


@njit(cache=True, nogil=True)
def _rows(
    start: int,
    stop: int,
    ptr_R1: Array,
    col_E: Array,
    value_E: Array,
    place_V: Array,
    first: int,
    own: float,
    x_ND: Array,
    bias_D: Array,
    relu: bool,
    out_RD: Array,
) -> None:
    for row in range(start, stop):
        out_D = out_RD[row]
        if own == 0:
            out_D[:] = 0
        else:
            x_D = x_ND[_place(row + first, place_V, first)]
            for d in range(len(out_D)):
                out_D[d] = own * x_D[d]
        if len(value_E):
            _add_times(ptr_R1[row], ptr_R1[row + 1], col_E, value_E, place_V, first, x_ND, out_D)
        else:
            _add(ptr_R1[row], ptr_R1[row + 1], col_E, place_V, first, x_ND, out_D)
        for d in range(len(bias_D)):
            out_D[d] += bias_D[d]
        if relu:
            for d in range(len(out_D)):
                # Written so that a NaN stays one.
                out_D[d] = 0 if out_D[d] <= 0 else out_D[d]


@njit(cache=True, nogil=True)
def _place(row: int, place_V: Array, first: int) -> int:
    return place_V[row] if len(place_V) else row - first


@njit(cache=True, nogil=True)
def _add(
    entry: int, stop: int, col_E: Array, place_V: Array, first: int, x_ND: Array, out_D: Array
) -> None:
    # Eight rows at a time: the sum is loaded and stored once for all of them, which took .6 of the
    # time of one row after the other.
    while entry + 8 <= stop:
        a = x_ND[_place(col_E[entry], place_V, first)]
        b = x_ND[_place(col_E[entry + 1], place_V, first)]
        c = x_ND[_place(col_E[entry + 2], place_V, first)]
        d = x_ND[_place(col_E[entry + 3], place_V, first)]
        e = x_ND[_place(col_E[entry + 4], place_V, first)]
        f = x_ND[_place(col_E[entry + 5], place_V, first)]
        g = x_ND[_place(col_E[entry + 6], place_V, first)]
        h = x_ND[_place(col_E[entry + 7], place_V, first)]
        for i in range(len(out_D)):
            out_D[i] += ((a[i] + b[i]) + (c[i] + d[i])) + ((e[i] + f[i]) + (g[i] + h[i]))
        entry += 8
    while entry + 2 <= stop:
        a = x_ND[_place(col_E[entry], place_V, first)]
        b = x_ND[_place(col_E[entry + 1], place_V, first)]
        for i in range(len(out_D)):
            out_D[i] += a[i] + b[i]
        entry += 2
    if entry < stop:
        a = x_ND[_place(col_E[entry], place_V, first)]
        for i in range(len(out_D)):
            out_D[i] += a[i]


@njit(cache=True, nogil=True)
def _add_times(
    entry: int,
    stop: int,
    col_E: Array,
    value_E: Array,
    place_V: Array,
    first: int,
    x_ND: Array,
    out_D: Array,
) -> None:
    while entry + 4 <= stop:
        a = x_ND[_place(col_E[entry], place_V, first)]
        b = x_ND[_place(col_E[entry + 1], place_V, first)]
        c = x_ND[_place(col_E[entry + 2], place_V, first)]
        d = x_ND[_place(col_E[entry + 3], place_V, first)]
        s, t, u, v = value_E[entry], value_E[entry + 1], value_E[entry + 2], value_E[entry + 3]
        for i in range(len(out_D)):
            out_D[i] += (s * a[i] + t * b[i]) + (u * c[i] + v * d[i])
        entry += 4
    while entry < stop:
        a = x_ND[_place(col_E[entry], place_V, first)]
        s = value_E[entry]
        for i in range(len(out_D)):
            out_D[i] += s * a[i]
        entry += 1


@njit(cache=True, parallel=True, nogil=True)
def _masked_in_parallel(
    cuts_P1: Array,
    g_RD: Array,
    out_RD: Array,
    place_V: Array,
    first: int,
    x_ND: Array,
    masked_RD: Array,
    dot_P: Array,
) -> None:
    for p in prange(len(dot_P)):
        start, stop = int(cuts_P1[p]), int(cuts_P1[p + 1])
        dot_P[p] = _masked(start, stop, g_RD, out_RD, place_V, first, x_ND, masked_RD)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _masked(
    start: int,
    stop: int,
    g_RD: Array,
    out_RD: Array,
    place_V: Array,
    first: int,
    x_ND: Array,
    masked_RD: Array,
) -> float:
    total = 0.0
    for row in range(start, stop):
        g_D, masked_D = g_RD[row], masked_RD[row]
        x_D = x_ND[_place(row + first, place_V, first)]
        if len(out_RD):
            out_D = out_RD[row]
            for d in range(len(g_D)):
                masked_D[d] = 0 if out_D[d] <= 0 else g_D[d]
        dot = x_D[0] * 0
        for d in range(len(g_D)):
            dot += masked_D[d] * x_D[d]
        total += dot
    return total


@njit(cache=True, nogil=True)
def _invert(place_V: Array, ptr_W1: Array, row_V: Array) -> None:
    for place in place_V:
        ptr_W1[place + 1] += 1
    for w in range(len(ptr_W1) - 1):
        ptr_W1[w + 1] += ptr_W1[w]
    next_W = ptr_W1[:-1].copy()
    for row in range(len(place_V)):
        row_V[next_W[place_V[row]]] = row
        next_W[place_V[row]] += 1
