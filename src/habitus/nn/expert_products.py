"""Products of many experts: tokens sorted by expert, each expert's rows times its own weights.

Dropless: every choice has a row, however uneven they are (MegaBlocks; improvements I3 4). Two
paths give the same numbers: ``grouped``, one call for all experts, and ``unbind``, one product for
each. Which is faster was measured on each kind of device: :data:`MEASURED`, and
:func:`measure_paths` to look again.

Shapes: T tokens, K choices of a token, N = T · K rows sorted by expert, E experts, D width, H
hidden, I width before a product, O width after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Path = Literal["grouped", "unbind"]


class Measured(NamedTuple):
    """Which path is faster on a kind of device."""

    few: Path
    """Where an expert has few rows."""
    many: Path
    """Where it has at least ``rows``, in the mean."""
    rows: int
    reason: str


MEASURED: Mapping[tuple[str, torch.dtype], Measured] = {
    ("cpu", torch.float32): Measured(
        "grouped",
        "unbind",
        192,
        "many rows of one expert stay in the cache from product to product; for few rows the calls "
        "cost more than that: make bench NAME=experts",
    ),
    ("cuda", torch.bfloat16): Measured(
        "grouped",
        "grouped",
        0,
        "one launch for all experts, and no wait for their counts; not measured yet, no GPU was "
        "at hand",
    ),
}
"""What was measured; ``unbind`` for all that is not in it."""
ALIGNED_BYTES = 16
"""Rows of a grouped product begin at multiples of this on a GPU."""


@dataclass(frozen=True)
class Plan:
    """Where the rows of each token and of each expert are; made once, used by all products."""

    order_N: Tensor
    """Choice that each row is, numbered token by token."""
    place_TK: Tensor
    """Row of each choice."""
    count_E: Tensor
    """Rows of each expert."""

    @cached_property
    def token_N(self) -> Tensor:
        """Token of each row."""
        num_choices = self.place_TK.shape[1]
        return self.order_N if num_choices == 1 else self.order_N // num_choices

    @cached_property
    def end_E(self) -> Tensor:
        """Row after the last of each expert; int32, where the tokens are."""
        return self.count_E.cumsum(0).to(torch.int32)

    @cached_property
    def sizes(self) -> list[int]:
        """Rows of each expert, for Python: waits for a GPU."""
        sizes: list[int] = self.count_E.tolist()
        return sizes

    def regrouped(self, num_choices: int) -> Plan:
        """Return the same rows as those of more tokens with fewer choices, or the other way."""
        return replace(self, place_TK=self.place_TK.view(-1, num_choices))


def plan(expert_TK: Tensor, num_experts: int) -> Plan:
    """Return the rows of all choices, sorted by expert, and by token within an expert."""
    expert_N = expert_TK.flatten()
    # Sorting small numbers is faster.
    small = expert_N.to(torch.int16) if num_experts < 2**15 else expert_N
    order_N = small.argsort(stable=True)
    place_N = torch.empty_like(order_N)
    place_N[order_N] = torch.arange(len(order_N), device=order_N.device)
    count_E = torch.bincount(expert_N, minlength=num_experts)
    return Plan(order_N, place_N.view(expert_TK.shape), count_E)


def dispatch(x_TD: Tensor, where: Plan) -> Tensor:
    """Return the rows, ``(N, D)``: each token as often as it has choices."""
    rows_ND: Tensor = _Dispatch.apply(x_TD, where.token_N, where.place_TK)  # type: ignore[no-untyped-call]
    return rows_ND


def combine(y_ND: Tensor, where: Plan, weight_TK: Tensor | None = None) -> Tensor:
    """Return for each token the sum of its rows, each times its weight, ``(T, D)``."""
    if weight_TK is not None:
        weight_N = weight_TK.flatten().index_select(0, where.order_N)
        y_ND = y_ND * weight_N[:, None].to(y_ND.dtype)
    out_TD: Tensor = _Combine.apply(y_ND, where.token_N, where.place_TK)  # type: ignore[no-untyped-call]
    return out_TD


def products(x_NI: Tensor, weight_EIO: Tensor, where: Plan, path: Path | None = None) -> Tensor:
    """Return each row times the weights of its expert, ``(N, O)``."""
    if (path or choose_path(x_NI, weight_EIO)) == "grouped":
        return _grouped(x_NI, weight_EIO, where)
    rows = torch.split(x_NI, where.sizes)
    return torch.cat([x @ w for x, w in zip(rows, weight_EIO.unbind(), strict=True)])


def feed_forward(
    x_ND: Tensor,
    inner_EDH: Tensor,
    outer_EHD: Tensor,
    where: Plan,
    activate: Callable[[Tensor], Tensor],
    path: Path | None = None,
) -> Tensor:
    """Return ``activate(x W_i) W_o`` of each row with the weights of its expert, ``(N, D)``."""
    if (path or choose_path(x_ND, inner_EDH)) == "grouped":
        return _grouped(activate(_grouped(x_ND, inner_EDH, where)), outer_EHD, where)
    each = zip(torch.split(x_ND, where.sizes), inner_EDH.unbind(), outer_EHD.unbind(), strict=True)
    # Indexing the weights instead would give each expert a gradient of the size of all of them.
    return torch.cat([activate(x @ inner) @ outer for x, inner, outer in each])


def choose_path(x_NI: Tensor, weight_EIO: Tensor) -> Path:
    """Return the faster path for these rows and weights, of those that work here."""
    dtype = _dtype(x_NI)
    measured = MEASURED.get((x_NI.device.type, dtype))
    widths = weight_EIO.shape[1:]
    aligned = all(width * dtype.itemsize % ALIGNED_BYTES == 0 for width in widths)
    if measured is None or not aligned or not hasattr(functional, "grouped_mm"):
        return "unbind"
    return measured.few if len(x_NI) < measured.rows * len(weight_EIO) else measured.many


def measure_paths(
    num_experts: int,
    tokens: int,
    width: int,
    hidden: int,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    turns: int = 3,
) -> dict[Path, float]:
    """Return the seconds of a feed-forward layer and its gradient on each path that there is.

    ``tokens`` for each expert; both take turns, and the fastest turn counts.
    """
    x_ND = torch.randn(num_experts * tokens, width, device=device, dtype=dtype)
    inner = torch.randn(num_experts, width, hidden, device=device, dtype=dtype) * width**-0.5
    outer = torch.randn(num_experts, hidden, width, device=device, dtype=dtype) * hidden**-0.5
    expert_T1 = torch.arange(num_experts, device=device).repeat_interleave(tokens)[:, None]
    where = plan(expert_T1, num_experts)
    weights = [x_ND.requires_grad_(), inner.requires_grad_(), outer.requires_grad_()]
    paths: tuple[Path, ...] = (
        ("grouped", "unbind") if hasattr(functional, "grouped_mm") else ("unbind",)
    )
    best = dict.fromkeys(paths, float("inf"))
    for turn in range(turns + 1):
        for path in paths:
            began = _now(device)
            out_ND = feed_forward(x_ND, inner, outer, where, torch.relu, path)
            torch.autograd.grad(out_ND, weights, torch.ones_like(out_ND))
            if turn:
                best[path] = min(best[path], _now(device) - began)
    return best


def _now(device: str) -> float:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _dtype(x: Tensor) -> torch.dtype:
    """Return the numbers in which a product is done here."""
    kind = x.device.type
    is_cast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if is_cast else x.dtype


def _grouped(x_NI: Tensor, weight_EIO: Tensor, where: Plan) -> Tensor:
    # Autocast does not know this product.
    dtype = _dtype(x_NI)
    return functional.grouped_mm(x_NI.to(dtype), weight_EIO.to(dtype), offs=where.end_E)


class _Dispatch(torch.autograd.Function):
    """A gather; PyTorch's own gradient of it would add row by row, in no fixed order on a GPU."""

    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, token_N: Tensor, place_TK: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(token_N, place_TK)
        return x_TD.index_select(0, token_N)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        return _Combine.apply(grads[0], *ctx.saved_tensors), None, None  # type: ignore[no-untyped-call]


class _Combine(torch.autograd.Function):
    """A sum over the choices of a token: each is the gradient of the other."""

    @staticmethod
    def forward(ctx: Any, y_ND: Tensor, token_N: Tensor, place_TK: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(token_N, place_TK)
        num_tokens, num_choices = place_TK.shape
        y_ND = y_ND.index_select(0, place_TK.flatten())
        if num_choices == 1:
            return y_ND
        return y_ND.view(num_tokens, num_choices, y_ND.shape[1]).sum(1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        return _Dispatch.apply(grads[0], *ctx.saved_tensors), None, None  # type: ignore[no-untyped-call]
