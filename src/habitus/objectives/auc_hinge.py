"""A surrogate of 1 − AUC that has a gradient: the hinge over pairs of logits (SUPERMOE eq. 10).

A-S20: the mean of ``max(0, 1 − (f(x⁺) − f(x⁻)))`` over pairs of a positive and a negative, on
logits, since probabilities never reach a margin of 1. A task whose batch lacks one class meets its
latest detached scores of that class, up to 4,096 of them. Of a regression the pairs are all whose
answers differ (concordance).

Differs from the paper: it calls I(f⁺ < f⁻) a measure to be maximised; it is the error.

Shapes: B rows, K tasks, P positives, N negatives.
"""

from __future__ import annotations

import torch
from torch import Tensor

from habitus.errors import UsageError
from habitus.objectives.task_losses import TaskTargets

BUFFER = 4_096
"""Scores of one class of one task that are kept."""


class ScoreBuffers:
    """The latest scores of either class of each task, first in, first out.

    Args:
        num_tasks: K.
        size: how many of each class.
    """

    def __init__(self, num_tasks: int, size: int = BUFFER) -> None:
        if size < 1:
            raise UsageError(f"size of the score buffers must be at least 1, got {size}")
        self.size = size
        self._scores = [[torch.empty(0), torch.empty(0)] for _ in range(num_tasks)]

    def add(self, task: int, label: int, score_B: Tensor) -> None:
        """Keep some scores of one class; the oldest beyond the size are forgotten."""
        kept = self._scores[task][label]
        added = torch.cat([kept.to(score_B), score_B.detach()])
        self._scores[task][label] = added[-self.size :]

    def scores(self, task: int, label: int) -> Tensor:
        """Return what is kept of one class, oldest first."""
        return self._scores[task][label]


def pair_hinge(positive_P: Tensor, negative_N: Tensor) -> Tensor:
    """Return the mean hinge over all pairs; 0 where there is no pair.

    >>> pair_hinge(torch.tensor([2.0]), torch.tensor([0.0, 1.5])).item()  # (0 + 0.5) / 2
    0.25
    """
    if not len(positive_P) or not len(negative_N):
        return positive_P.sum() * 0 + negative_N.sum() * 0
    return (1 - (positive_P[:, None] - negative_N[None])).relu().mean()


def concordance_hinge(out_B: Tensor, y_B: Tensor) -> Tensor:
    """Return the mean hinge over the pairs of rows whose answers differ; 0 where none does."""
    above_BB = y_B[:, None] > y_B[None]
    hinge_BB = (1 - (out_B[:, None] - out_B[None])).relu()
    return torch.where(above_BB, hinge_BB, 0.0).sum() / above_BB.sum().clamp(min=1)


def auc_hinge(
    out_BK: Tensor, targets: TaskTargets, regression_K: Tensor, buffers: ScoreBuffers
) -> Tensor:
    """Return the hinge of each task, ``(K)``, and keep the scores; 0 where no pair can be made."""
    hinges = []
    for k, is_regression in enumerate(regression_K.tolist()):
        asked_B = targets.asked_BK[:, k]
        out_B, y_B = out_BK[asked_B, k], targets.y_BK[asked_B, k]
        if is_regression:
            hinges.append(concordance_hinge(out_B, y_B))
            continue
        found = [out_B[y_B != 1], out_B[y_B == 1]]
        negative, positive = (
            scores if len(scores) else buffers.scores(k, label).to(out_B)
            for label, scores in enumerate(found)
        )
        # With both from the buffer there is nothing that the weights could change.
        hinges.append(pair_hinge(positive, negative) if len(out_B) else out_B.sum())
        for label, scores in enumerate(found):
            buffers.add(k, label, scores)
    return torch.stack(hinges)
