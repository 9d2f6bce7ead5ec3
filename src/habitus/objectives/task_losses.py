"""Losses of many tasks at once, each a mean over its own sample space (SUPERMOE eq. 3, A-S6).

A row that a task does not ask about (the indicator δ of eq. 3 is 0) adds nothing to its loss nor to
its count. Counts are those of all processes that share a step, so that a task that one process
meets once and another a hundred times weighs each row alike. A task that nobody's batch holds has
the loss 0, with a gradient of 0.

Differs from the paper: regression beside classification, as the Huber loss of standardised targets
(A-S5), so that losses of both kinds are of one size.

Shapes: B rows, K tasks, W processes.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from habitus.objectives.split import ALONE, Peers


class TaskTargets(NamedTuple):
    """What is right, and who is asked."""

    y_BK: Tensor
    """0 or 1, or a standardised number; finite everywhere."""
    asked_BK: Tensor
    """δ: whether the row is in the sample space of the task, and its answer known."""

    @classmethod
    def of(cls, y_BK: Tensor) -> Self:
        """Return the targets of answers that are NaN where nobody is asked."""
        asked_BK = ~y_BK.isnan()
        return cls(torch.where(asked_BK, y_BK, 0.0), asked_BK)

    def rows(self, place_R: Tensor) -> Self:
        """Return the targets of some rows."""
        return type(self)(self.y_BK[place_R], self.asked_BK[place_R])


class TaskLosses(NamedTuple):
    """The loss of each task, and how many rows it is a mean of."""

    mean_K: Tensor
    """0 where nobody was asked."""
    count_K: Tensor
    """Of all processes."""

    @property
    def present_K(self) -> Tensor:
        """Which tasks had a row anywhere."""
        return self.count_K > 0


def task_losses(
    out_BK: Tensor, targets: TaskTargets, regression_K: Tensor, peers: Peers = ALONE
) -> TaskLosses:
    """Return the loss of each task.

    With peers, the mean over processes of ``mean_K`` is that of all rows in one process, and so are
    its gradients: what :func:`habitus.training.distributed.average_gradients` makes of them.

    Args:
        out_BK: logits, or values of regression.
        targets: of the same rows.
        regression_K: which tasks are regressions.
        peers: the processes that share the step.
    """
    # Left in, a score of a row that is not asked would spoil the gradient where it is not finite.
    out_BK = torch.where(targets.asked_BK, out_BK, 0.0)
    log_loss_BK = binary_cross_entropy_with_logits(
        out_BK, targets.y_BK.clamp(0, 1), reduction="none"
    )
    huber_BK = smooth_l1_loss(out_BK, targets.y_BK, reduction="none")
    loss_BK = torch.where(regression_K, huber_BK, log_loss_BK)
    sum_K = torch.where(targets.asked_BK, loss_BK, 0.0).sum(dim=0)
    count_K = peers.gather(targets.asked_BK.sum(dim=0)[None]).sum(dim=0)
    return TaskLosses(peers.world * sum_K / count_K.clamp(min=1), count_K)
