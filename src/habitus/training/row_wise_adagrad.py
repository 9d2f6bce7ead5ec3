"""Row-wise Adagrad: one number of state per row of a table, instead of two per weight.

Duchi, Hazan, Singer. "Adaptive Subgradient Methods". JMLR 2011; a row shares one accumulator, the
mean square of its gradient, as in recommender systems (A-S1, I3 8). Of a sharded table each process
keeps the state of its own rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class RowWiseAdagrad(Optimizer):
    """Moves row ``r`` by ``-lr · g_r / (sqrt(sum over steps of mean(g_r²)) + eps)``.

    Takes sparse gradients, and then touches only the rows that are in them, and dense ones.
    """

    def __init__(self, params: Iterable[Any], lr: float = 0.05, eps: float = 1e-10) -> None:
        super().__init__(params, {"lr": lr, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every table that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for table_VD in group["params"]:
                if table_VD.grad is not None:
                    self._update(table_VD, group["lr"], group["eps"])

    def state_bytes(self) -> int:
        """Return the memory of the state of this process: 4 bytes a row, where a step was done."""
        tensors = (x for state in self.state.values() for x in state.values())
        return sum(x.numel() * x.element_size() for x in tensors)

    def _update(self, table_VD: Tensor, lr: float, eps: float) -> None:
        state = self.state[table_VD]
        if not state:
            state["square_V"] = table_VD.new_zeros(len(table_VD))
        grad = table_VD.grad
        assert grad is not None
        if not grad.is_sparse:
            state["square_V"] += grad.square().flatten(1).mean(dim=1)
            scale_V = lr / (state["square_V"].sqrt() + eps)
            table_VD -= grad * scale_V.view(-1, *[1] * (grad.dim() - 1))
            return
        grad = grad.coalesce()
        row_B, grad_BD = grad.indices()[0], grad.values()
        square_B = state["square_V"][row_B] + grad_BD.square().mean(dim=1)
        state["square_V"][row_B] = square_B
        table_VD.index_add_(0, row_B, grad_BD / (square_B.sqrt() + eps)[:, None], alpha=-lr)
