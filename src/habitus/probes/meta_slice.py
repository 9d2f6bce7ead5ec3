"""The slice of the training rows that task weights are searched by, and what is read on it (A3.3).

A-S19: λ is chosen on rows that no step learns from, and that are none of the users whose scores are
reported or who say when to stop.

Shapes: B rows, R rows of a draw, K tasks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from habitus.encoders import UserEncoder
from habitus.objectives.auc_hinge import ScoreBuffers, auc_hinge
from habitus.objectives.task_losses import TaskTargets

Mask = npt.NDArray[np.bool_]
Outputs = Callable[[Tensor], Tensor]
"""Places of some rows of the slice → what the network says of them, ``(R, K)``."""


def meta_slices(
    asked_B: Mask,
    user_B: npt.NDArray[np.int64] | None,
    share: float,
    generator: np.random.Generator,
) -> tuple[Mask, Mask]:
    """Return the rows that weights are learned from, and those that λ is chosen by.

    Args:
        asked_B: rows that any task asks about; no other is in either.
        user_B: whose row it is: all of a user are on one side. None where each row is a user.
        share: of the users whose rows only λ is chosen by; one user at least.
        generator: draws them.
    """
    user_B = np.arange(len(asked_B)) if user_B is None else user_B
    users_U = np.unique(user_B)
    shuffled_U = generator.permutation(users_U)
    meta_B = np.isin(user_B, shuffled_U[: max(1, round(share * len(users_U)))])
    return asked_B & ~meta_B, asked_B & meta_B


class MetaHinge:
    """The sum over tasks of the AUC hinge on rows drawn from the slice, another draw at each call.

    Args:
        outputs: of the network, with a gradient.
        targets: of the rows of the slice.
        regression_K: which tasks are regressions.
        size: rows of a draw.
        generator: draws them.
    """

    def __init__(
        self,
        outputs: Outputs,
        targets: TaskTargets,
        regression_K: Tensor,
        size: int,
        generator: torch.Generator,
    ) -> None:
        self.outputs, self.targets, self.regression_K = outputs, targets, regression_K
        self.size, self.generator = size, generator
        self.buffers = ScoreBuffers(len(regression_K))

    def __call__(self) -> Tensor:
        """Return the hinge with the weights as they are."""
        place_R = torch.randperm(len(self.targets.y_BK), generator=self.generator)[: self.size]
        out_RK = self.outputs(place_R)
        hinge_K = auc_hinge(out_RK, self.targets.rows(place_R), self.regression_K, self.buffers)
        return hinge_K.sum()


def last_weights(encoder: UserEncoder) -> list[nn.Parameter]:
    """Return the weights of the last block and of the norm after it; all where it has no blocks.

    The default θ_s of A3.3: tasks share all of the encoder, and the last of it is the cheapest to
    ask each of them about.
    """
    blocks, norm = getattr(encoder, "blocks", None), getattr(encoder, "norm", None)
    if not isinstance(blocks, nn.ModuleList) or not len(blocks):
        return list(encoder.parameters())
    last = list(blocks[-1].parameters())
    return [*last, *norm.parameters()] if isinstance(norm, nn.Module) else last
