"""The hinge over pairs, and what stands in for a class that a batch lacks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from habitus.errors import UsageError
from habitus.metrics import auroc
from habitus.objectives.auc_hinge import (
    BUFFER,
    ScoreBuffers,
    auc_hinge,
    concordance_hinge,
    pair_hinge,
)
from habitus.objectives.task_losses import TaskTargets

ONE = torch.tensor([False])


def targets(*answers: float) -> TaskTargets:
    return TaskTargets.of(torch.tensor(answers)[:, None])


def column(*scores: float) -> Tensor:
    return torch.tensor(scores)[:, None]


def test_pairs_by_hand() -> None:
    # Pairs: 1 − (3 − 0) < 0, 1 − (3 − 2.5) = ½, 1 − (1 − 0) = 0, 1 − (1 − 2.5) = 2.5; mean 3 / 4.
    found = pair_hinge(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 2.5]))
    assert found.item() == 0.75


def test_it_bounds_the_share_of_wrong_pairs() -> None:
    # A wrong pair costs more than 1, a right one 0 or more: 1 − AUROC lies below.
    generator = np.random.default_rng(0)
    y_B = generator.integers(0, 2, 60)
    score_B = generator.normal(size=60) + y_B
    found = auc_hinge(column(*score_B), targets(*y_B.astype(float)), ONE, ScoreBuffers(1))
    assert found[0].item() >= 1 - auroc(y_B, score_B)
    far = auc_hinge(column(*(4.0 * y_B)), targets(*y_B.astype(float)), ONE, ScoreBuffers(1))
    assert far.item() == 0


def test_a_missing_class_is_that_of_the_buffer() -> None:
    buffers = ScoreBuffers(1)
    assert auc_hinge(column(0.5), targets(1.0), ONE, buffers).tolist() == [0.0]
    out = column(0.25).requires_grad_()
    found = auc_hinge(out, targets(0.0), ONE, buffers)
    # 1 − (0.5 − 0.25), of which only the negative can move.
    assert found.item() == 0.75
    torch.autograd.backward(found.sum())
    assert out.grad is not None
    assert out.grad.item() == 1.0
    # With both classes at hand nothing of the buffer is met: 1 − (2 − 2).
    assert auc_hinge(column(2.0, 2.0), targets(1.0, 0.0), ONE, buffers).item() == 1.0


def test_a_buffer_forgets_the_oldest() -> None:
    buffers = ScoreBuffers(2, size=3)
    buffers.add(1, 1, torch.tensor([1.0, 2.0], requires_grad=True))
    buffers.add(1, 1, torch.tensor([3.0, 4.0]))
    kept = buffers.scores(1, 1)
    assert kept.tolist() == [2.0, 3.0, 4.0]
    assert not kept.requires_grad
    assert not len(buffers.scores(0, 1))
    assert not len(buffers.scores(1, 0))
    assert ScoreBuffers(1).size == BUFFER == 4096
    with pytest.raises(UsageError, match="must be at least 1, got 0"):
        ScoreBuffers(1, size=0)


def test_who_is_not_asked_is_in_no_pair_and_in_no_buffer() -> None:
    buffers = ScoreBuffers(1)
    found = auc_hinge(column(1.0, 0.5, -9.0), targets(1.0, 0.0, math.nan), ONE, buffers)
    assert found.item() == 0.5
    assert buffers.scores(0, 0).tolist() == [0.5]
    # Nobody asked: nothing that a weight could change, though the buffer holds both classes.
    out = column(3.0).requires_grad_()
    nothing = auc_hinge(out, targets(math.nan), ONE, buffers)
    assert nothing.tolist() == [0.0]
    torch.autograd.backward(nothing.sum())
    assert out.grad is not None
    assert not out.grad.any()


def test_concordance_by_hand() -> None:
    # Answers 1 < 2 = 2: pairs (2nd, 1st): 1 − (0 − 1) = 2, (3rd, 1st): 1 − (1.5 − 1) = ½.
    found = concordance_hinge(torch.tensor([1.0, 0.0, 1.5]), torch.tensor([1.0, 2.0, 2.0]))
    assert found.item() == 1.25
    assert concordance_hinge(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0])).item() == 0
    regression = auc_hinge(
        column(1.0, 0.0, 1.5), targets(1.0, 2.0, 2.0), torch.tensor([True]), ScoreBuffers(1)
    )
    assert regression.item() == 1.25
