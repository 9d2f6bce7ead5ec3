"""Backward passes: how a batch becomes gradients, at once or a part at a time.

GradCache (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited
Setup"; improvements I2 3): rows are made without keeping what their gradient needs, the loss of all
rows gives the gradient of each, and a second pass makes the rows again, a part at a time, to carry
it on. Exact: dropout draws the same in both passes. It costs one more forward pass, and holds the
activations of one part instead of those of the batch.

Shapes: N rows of a stage, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from habitus.encoders import UserEncoder
from habitus.errors import UsageError
from habitus.nn.stages import Stages, run
from habitus.objectives import Loss, Objective
from habitus.objectives.split import SplitObjective
from habitus.training.config import TrainingConfig
from habitus.training.distributed import peers
from habitus.training.meter import TRAIN_PER_FORWARD
from habitus.training.precision import forward_precision

Precision = Callable[[], AbstractContextManager[Any]]


class Backward:
    """Adds the gradient of a batch's loss to the gradients of the weights.

    Args:
        encoder: of the batch.
        objective: which loss.
        config: precision, and ``grad_cache_chunk``.
        device: where both are.

    Raises:
        UsageError: ``grad_cache_chunk`` with an objective that does not offer it.
    """

    def __init__(
        self,
        encoder: UserEncoder,
        objective: Objective,
        config: TrainingConfig,
        device: torch.device,
    ) -> None:
        self.encoder, self.objective = encoder, objective
        self.chunk = config.grad_cache_chunk
        self.precision = partial(forward_precision, config.precision, device)
        if self.chunk is not None and not isinstance(objective, SplitObjective):
            raise UsageError(
                f"grad_cache_chunk needs an objective that is split in rows and their loss, and "
                f"{objective.name} is not: set grad_cache_chunk to null"
            )

    def flops(self, batch: Any) -> tuple[float, float]:  # noqa: ANN401 - as in Objective
        """Return (true, executed) operations of one forward pass, as a share of all that is done.

        GradCache makes all rows once more; the meter counts training as three forward passes.
        """
        true, executed = self.objective.forward_flops(self.encoder, batch)
        again = 1.0 if self.chunk is None else 1 + 1 / TRAIN_PER_FORWARD
        return true, executed * again

    def __call__(
        self,
        batch: Any,  # noqa: ANN401 - as in Objective
        generator: torch.Generator,
        batches: int = 1,
    ) -> Loss:
        """Add the gradient of the loss over ``batches``, and return the loss, detached."""
        objective = self.objective
        if self.chunk is not None:
            assert isinstance(objective, SplitObjective)
            stages = objective.stages(self.encoder, batch, self.chunk)

            def loss_of(z_ND: Tensor) -> Loss:
                return objective.loss_of(z_ND, batch, generator, peers())

            return cached_backward(stages, loss_of, self.precision, batches)
        with self.precision():
            if isinstance(objective, SplitObjective):
                z_ND = run(objective.stages(self.encoder, batch))
                loss = objective.loss_of(z_ND, batch, generator, peers())
            else:
                loss = objective(self.encoder, batch, generator)
        return _backward(loss, batches)


def cached_backward(
    stages: Stages, loss_of: Callable[[Tensor], Loss], precision: Precision, batches: int = 1
) -> Loss:
    """Add the gradient of a loss of the last stage's rows, holding the activations of one part.

    Args:
        stages: how rows are made.
        loss_of: the loss of all rows.
        precision: context of forward passes.
        batches: the gradient is divided by it.
    """
    rows: list[Tensor] = []
    chances: list[list[Chance]] = []
    with torch.no_grad(), precision():
        for parts in stages:
            before_ND = rows[-1] if rows else None
            chances.append([])
            made = []
            for part in parts:
                chances[-1].append(Chance())
                made.append(part(before_ND))
            rows.append(torch.cat(made))
    z_ND = rows[-1].requires_grad_()
    with precision():
        loss = loss_of(z_ND)
    loss = _backward(loss, batches)
    after = Chance()
    for number in reversed(range(len(stages))):
        before_ND = rows[number - 1].requires_grad_() if number else None
        grad_ND, start = rows[number].grad, 0
        assert grad_ND is not None
        for part, chance in zip(stages[number], chances[number], strict=True):
            chance.again()
            with precision():
                made_ND = part(before_ND)
            stop = start + len(made_ND)
            torch.autograd.backward(made_ND, grad_ND[start:stop])
            start = stop
    after.again()
    return loss


class Chance:
    """What the generators that dropout draws from are about to give."""

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def again(self) -> None:
        """Let them give it again."""
        torch.set_rng_state(self.cpu)
        if self.gpus:
            torch.cuda.set_rng_state_all(self.gpus)


def _backward(loss: Loss, batches: int) -> Loss:
    torch.autograd.backward(loss.total / batches)
    return loss._replace(total=loss.total.detach())
