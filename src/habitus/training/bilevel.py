"""Task weights that are searched for while training: SUPERMOE eq. 10 by A3.3.

The weights λ are those under which a step helps the AUC most on rows that the step did not see: the
network takes a step for trial, the hinge surrogate of AUC is read on a meta-validation slice of the
*training* rows (A-S19), and its slope by λ, the hypergradient, moves λ. One-step unrolled, as in
OL-AUX and AuxiLearn.

Differs from the paper, which states the problem and no algorithm: all of this, with
``λ = K · softmax(a)``, Adam on ``a``, an average over updates, and a floor.

Shapes: K tasks, P numbers of the shared weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from typing_extensions import override

from habitus.config import Config
from habitus.errors import UsageError
from habitus.objectives.task_losses import TaskLosses
from habitus.training.task_weights import TaskWeights, jacobian

Meta = Callable[[], Tensor]
"""Draws a batch of the meta-validation slice; returns its hinge with the weights as they are."""


@dataclass(frozen=True, kw_only=True)
class BilevelConfig(Config):
    """The search of A3.3."""

    every: int | None = 10
    """Steps between two updates of λ; null never updates it, which is equal weights."""
    learning_rate: float = 1e-2
    """Of Adam on ``a``."""
    average: float = 0.9
    """How much of λ stays at an update."""
    floor: float = 0.1
    """No task weighs less."""
    preconditioner: Literal["adam", "identity"] = "adam"
    """P: the step for trial is divided as Adam divides it, or is the gradient itself."""
    meta_share: float = 0.1
    """Of the training users, whose rows only λ is chosen by."""
    meta_batch: int = 512
    """Rows of the slice that are drawn for one update."""

    def __post_init__(self) -> None:
        if self.every is not None and self.every < 1:
            raise UsageError(f"every must be 1 or more, or null for never, got {self.every}")
        if not 0 < self.meta_share < 1 or not 0 <= self.average < 1:
            raise UsageError(
                f"meta_share must be in (0, 1) and average in [0, 1), got {self.meta_share} and "
                f"{self.average}"
            )
        if self.learning_rate <= 0 or self.floor < 0 or self.meta_batch < 2:
            raise UsageError(
                f"learning_rate must be above 0, floor 0 or more and meta_batch 2 or more, got "
                f"{self.learning_rate}, {self.floor} and {self.meta_batch}"
            )


class Bilevel(TaskWeights):
    """Eq. 9 whose weights follow the hypergradient.

    Args:
        num_tasks: K.
        config: of the search.
        optimizer: of the network: its rate is η, and its squares are Adam's diagonal.
        meta: the loss that λ is chosen by, a sum over tasks.
    """

    name: ClassVar[str] = "bilevel"

    def __init__(
        self, num_tasks: int, config: BilevelConfig, optimizer: Optimizer, meta: Meta
    ) -> None:
        super().__init__(num_tasks)
        self.config, self.meta, self.network_optimizer = config, meta, optimizer
        self.logit_K = nn.Parameter(torch.zeros(num_tasks))
        self._optimizer = torch.optim.Adam([self.logit_K], lr=config.learning_rate)
        self._mean_K = torch.ones(num_tasks)
        self._steps = 0

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        self._steps += 1
        every = self.config.every
        if every is not None and shared and self._steps % every == 0:
            self._update(losses, list(shared))
        torch.autograd.backward((self.weight_K.to(losses.mean_K) * losses.mean_K).sum())

    def _update(self, losses: TaskLosses, shared: list[nn.Parameter]) -> None:
        present_K = losses.present_K.cpu()
        if not present_K.any():
            return
        gradient_KP = jacobian(losses.mean_K, shared, present_K)
        adam = self.config.preconditioner == "adam"
        scale_P = adam_diagonal(self.network_optimizer, shared) if adam else torch.ones(())
        slope_K = torch.zeros_like(self.logit_K)
        slope_K[present_K] = hypergradient(
            gradient_KP,
            scale_P,
            self.weight_K[present_K],
            learning_rate_of(self.network_optimizer, shared[0]),
            shared,
            self.meta,
        ).to(slope_K)
        chosen_K = len(self.logit_K) * self.logit_K.softmax(dim=0)
        self._optimizer.zero_grad()
        torch.autograd.backward(chosen_K, slope_K)
        self._optimizer.step()
        with torch.no_grad():
            chosen_K = len(self.logit_K) * self.logit_K.softmax(dim=0)
            self._mean_K = torch.lerp(chosen_K, self._mean_K, self.config.average)
            self.weight_K = self._mean_K.clamp(min=self.config.floor)


def hypergradient(
    gradient_KP: Tensor,
    scale_P: Tensor,
    weight_K: Tensor,
    learning_rate: float,
    shared: Sequence[nn.Parameter],
    meta: Meta,
) -> Tensor:
    """Return ``∂L_val/∂λ_k = −η ⟨v, P g_k⟩``, ``(K)``; ``v`` is the slope of L_val after the step.

    Args:
        gradient_KP: ``g_k`` on the shared weights.
        scale_P: the diagonal ``P``.
        weight_K: λ of the step for trial.
        learning_rate: η.
        shared: the weights, which are as they were when this returns.
        meta: L_val with the weights as they then are.
    """
    scaled_KP = scale_P * gradient_KP
    with _moved(shared, -learning_rate * (weight_K.to(scaled_KP) @ scaled_KP)):
        loss = meta()
        slopes = torch.autograd.grad(loss, shared, materialize_grads=True)
    slope_P = torch.cat([part.flatten() for part in slopes])
    return -learning_rate * (scaled_KP @ slope_P)


def adam_diagonal(optimizer: Optimizer, shared: Sequence[nn.Parameter]) -> Tensor:
    """Return ``1 / (√v̂ + ε)`` of each number, as Adam's next step would have it; 1 before any."""
    parts = []
    for parameter in shared:
        state = optimizer.state.get(parameter, {})
        if "exp_avg_sq" not in state:
            parts.append(torch.ones_like(parameter).flatten())
            continue
        group = _group_of(optimizer, parameter)
        square = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
        parts.append(1 / (square.sqrt() + group["eps"]).flatten())
    return torch.cat(parts).detach()


def learning_rate_of(optimizer: Optimizer, parameter: nn.Parameter) -> float:
    """Return the rate of the group that a weight is in.

    Raises:
        UsageError: the optimiser does not move it.
    """
    return float(_group_of(optimizer, parameter)["lr"])


def _group_of(optimizer: Optimizer, parameter: nn.Parameter) -> dict[str, Any]:
    for group in optimizer.param_groups:
        if any(parameter is other for other in group["params"]):
            return dict(group)
    raise UsageError("the optimiser of the search does not move the shared weights")


@contextmanager
def _moved(shared: Sequence[nn.Parameter], step_P: Tensor) -> Iterator[None]:
    """Move the weights, and bring back their very bits."""
    kept = [p.data for p in shared]
    parts = torch.split(step_P, [p.numel() for p in shared])
    # Other numbers under the same weights: a change in place would void the losses' own graph.
    try:
        for parameter, old, part in zip(shared, kept, parts, strict=True):
            parameter.data = old + part.view_as(old)
        yield
    finally:
        for parameter, old in zip(shared, kept, strict=True):
            parameter.data = old
