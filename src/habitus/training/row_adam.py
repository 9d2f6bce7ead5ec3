"""Adam on the rows of a table that a batch holds, in one pass over memory.

Kingma and Ba. "Adam". ICLR 2015, as torch's ``SparseAdam`` has it: averages and weights of a row
move in steps whose gradient holds the row, and stand still in others.

A bag of words sums weighted rows, so the gradient of a row is ``Σ weight · g[user]``: a product of
a sparse matrix, which is known beforehand, and of a few rows. Where users have thousands of words
the product is most of the memory that a step goes through, so it may be handed over unmultiplied
(:class:`RowProducts`) and is made row by row, where the row is updated.

Shapes: V rows of the table, W rows of a gradient, N weights, G rows that are summed, D width, P
pieces.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange
from torch import Tensor
from torch.optim import Optimizer

from habitus.nn.sparse_kernels import kernel_threads

Array = npt.NDArray[Any]


class RowProducts(NamedTuple):
    """A gradient: row ``row_W[w]`` of a table has ``Σ weight_N · g_GD[from_N]`` of its stretch."""

    row_W: Array
    """Distinct, any order, int64."""
    ptr_W1: Array
    """First weight of each row, and ``N``; int32 or int64. Each row has at least one."""
    from_N: Array
    """Rows of ``g_GD``, int64."""
    weight_N: Array
    g_GD: Array


class RowAdam(Optimizer):
    """What ``SparseAdam`` does, of tables on a CPU, whose gradients are sparse or row products.

    Tables must be of float32 or float64 and lie in memory row by row.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self._products: dict[Tensor, list[RowProducts]] = {}
        for group in self.param_groups:
            for table_VD in group["params"]:
                assert table_VD.device.type == "cpu"
                assert table_VD.is_contiguous()
                # Weak: where the optimiser is gone, gradients are sparse again.
                table_VD.row_adam = weakref.ref(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every table that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for table_VD in group["params"]:
                found = _gradient(table_VD, self._products.get(table_VD, []))
                if found is not None:
                    self._update(table_VD, found, group["lr"], group["betas"], group["eps"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        super().zero_grad(set_to_none)
        self._products.clear()

    def take(self, table_VD: Tensor, products: RowProducts) -> None:
        """Add to the gradient of a table."""
        self._products.setdefault(table_VD, []).append(products)

    def _update(
        self,
        table_VD: Tensor,
        found: RowProducts,
        lr: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        state = self.state[table_VD]
        if not state:
            state["step"] = 0
            state["mean_VD"], state["square_VD"] = (torch.zeros_like(table_VD) for _ in range(2))
        state["step"] += 1
        corrections = [1 - beta ** state["step"] for beta in betas]
        rate = lr * math.sqrt(corrections[1]) / corrections[0]
        dtype = found.g_GD.dtype.type
        shares = dtype(1 - betas[0]), dtype(1 - betas[1])
        tables = [t.detach().numpy() for t in (table_VD, state["mean_VD"], state["square_VD"])]
        arguments = (*found, *tables, *shares, dtype(rate), dtype(eps))
        with kernel_threads() as threads:
            # A row costs as much as some weights: its tables are read and written.
            work_W1 = found.ptr_W1.astype(np.int64) + 8 * np.arange(len(found.ptr_W1))
            cuts_P1 = np.searchsorted(work_W1, np.linspace(0, work_W1[-1], threads + 1))
            if threads == 1:
                _rows(0, len(found.row_W), *arguments)
            else:
                _rows_in_parallel(cuts_P1, *arguments)


def hand_over(table_VD: Tensor, products: RowProducts) -> Tensor | None:
    """Give a table its gradient, in a backward: return it, or hand it to its :class:`RowAdam`.

    What is returned is sparse and coalesced if ``row_W`` ascends.
    """
    optimizer = getattr(table_VD, "row_adam", lambda: None)()
    if optimizer is not None:
        optimizer.take(table_VD, products)
        return None
    row_W, ptr_W1, from_N, weight_N, g_GD = products
    g_WD = np.empty((len(row_W), table_VD.shape[1]), g_GD.dtype)
    _multiply(ptr_W1, from_N, weight_N, g_GD, g_WD)
    return torch.sparse_coo_tensor(
        torch.from_numpy(row_W)[None],
        torch.from_numpy(g_WD),
        table_VD.shape,
        check_invariants=False,
        is_coalesced=bool((row_W[1:] > row_W[:-1]).all()),
    )


def by_row(row_N: Array, num_rows: int) -> tuple[Array, Array, Array]:
    """Return the distinct rows, ascending, where the stretch of each starts, and who stands in it.

    >>> [part.tolist() for part in by_row(np.array([7, 2, 7]), 9)]
    [[2, 7], [0, 1, 3], [1, 0, 2]]
    """
    ptr_V1 = np.zeros(num_rows + 1, np.int64)
    place_N = np.empty(len(row_N), np.int64)
    _sort(row_N, ptr_V1, place_N)
    row_W = np.flatnonzero(ptr_V1[1:] > ptr_V1[:-1])
    return row_W, np.append(ptr_V1[row_W], len(row_N)), place_N


def _gradient(table_VD: Tensor, products: list[RowProducts]) -> RowProducts | None:
    """Return the whole gradient of a table as products; None where there is none."""
    if table_VD.grad is not None:
        assert table_VD.grad.is_sparse
        grad = table_VD.grad.coalesce()
        row_W, g_WD = grad.indices()[0].numpy(), grad.values().contiguous().numpy()
        each_W = np.arange(len(row_W) + 1)
        ones_W = np.ones(len(row_W), g_WD.dtype)
        products = [*products, RowProducts(row_W, each_W, each_W[:-1], ones_W, g_WD)]
    if len(products) < 2:
        return products[0] if products else None
    return _added(products, len(table_VD))


def _added(products: list[RowProducts], num_rows: int) -> RowProducts:
    """Return the sum of some gradients, as a batch in several parts has them."""
    before = np.cumsum([0, *(len(p.g_GD) for p in products)])
    row_N = np.concatenate([np.repeat(p.row_W, np.diff(p.ptr_W1)) for p in products])
    from_N = np.concatenate([p.from_N + b for p, b in zip(products, before, strict=False)])
    row_W, ptr_W1, place_N = by_row(row_N, num_rows)
    weight_N = np.concatenate([p.weight_N for p in products])[place_N]
    return RowProducts(
        row_W, ptr_W1, from_N[place_N], weight_N, np.concatenate([p.g_GD for p in products])
    )


@njit(cache=True, nogil=True)
def _sort(row_N: Array, ptr_V1: Array, place_N: Array) -> None:
    """Count sort: fill where each row starts, and the places of its entries in their order."""
    for row in row_N:
        ptr_V1[row + 1] += 1
    for row in range(len(ptr_V1) - 1):
        ptr_V1[row + 1] += ptr_V1[row]
    next_V = ptr_V1[:-1].copy()
    for n in range(len(row_N)):
        row = row_N[n]
        place_N[next_V[row]] = n
        next_V[row] += 1


@njit(cache=True, nogil=True)
def _sum(start: int, stop: int, from_N: Array, weight_N: Array, g_GD: Array, sum_D: Array) -> None:
    sum_D[:] = 0
    entry = start
    # Four rows at a time: the sum is loaded and stored once for all of them.
    while entry + 4 <= stop:
        a, b = g_GD[from_N[entry]], g_GD[from_N[entry + 1]]
        c, d = g_GD[from_N[entry + 2]], g_GD[from_N[entry + 3]]
        s, t, u, v = weight_N[entry], weight_N[entry + 1], weight_N[entry + 2], weight_N[entry + 3]
        for i in range(len(sum_D)):
            sum_D[i] += (s * a[i] + t * b[i]) + (u * c[i] + v * d[i])
        entry += 4
    while entry < stop:
        a, s = g_GD[from_N[entry]], weight_N[entry]
        for i in range(len(sum_D)):
            sum_D[i] += s * a[i]
        entry += 1


@njit(cache=True, nogil=True)
def _multiply(ptr_W1: Array, from_N: Array, weight_N: Array, g_GD: Array, g_WD: Array) -> None:
    for w in range(len(g_WD)):
        _sum(ptr_W1[w], ptr_W1[w + 1], from_N, weight_N, g_GD, g_WD[w])


# Without this model a division is a branch, and nothing is vectorised.
@njit(cache=True, nogil=True, error_model="numpy")
def _rows(
    start: int,
    stop: int,
    row_W: Array,
    ptr_W1: Array,
    from_N: Array,
    weight_N: Array,
    g_GD: Array,
    table_VD: Array,
    mean_VD: Array,
    square_VD: Array,
    mean_share: float,
    square_share: float,
    rate: float,
    eps: float,
) -> None:
    g_D = np.empty(table_VD.shape[1], g_GD.dtype)
    for w in range(start, stop):
        _sum(ptr_W1[w], ptr_W1[w + 1], from_N, weight_N, g_GD, g_D)
        row_D, mean_D, square_D = table_VD[row_W[w]], mean_VD[row_W[w]], square_VD[row_W[w]]
        for d in range(len(g_D)):
            g = g_D[d]
            mean = mean_D[d] + (g - mean_D[d]) * mean_share
            square = square_D[d] + (g * g - square_D[d]) * square_share
            mean_D[d], square_D[d] = mean, square
            row_D[d] -= rate * (mean / (np.sqrt(square) + eps))


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")
def _rows_in_parallel(
    cuts_P1: Array,
    row_W: Array,
    ptr_W1: Array,
    from_N: Array,
    weight_N: Array,
    g_GD: Array,
    table_VD: Array,
    mean_VD: Array,
    square_VD: Array,
    mean_share: float,
    square_share: float,
    rate: float,
    eps: float,
) -> None:
    for p in prange(len(cuts_P1) - 1):
        _rows(
            cuts_P1[p],
            cuts_P1[p + 1],
            row_W,
            ptr_W1,
            from_N,
            weight_N,
            g_GD,
            table_VD,
            mean_VD,
            square_VD,
            mean_share,
            square_share,
            rate,
            eps,
        )
