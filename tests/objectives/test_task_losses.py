"""Masked means of many tasks, alone and over processes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from habitus.objectives.split import Peers
from habitus.objectives.task_losses import TaskTargets, task_losses
from tests.objectives.threads import together

NAN = math.nan
BOTH = torch.tensor([False, True])


def test_by_hand() -> None:
    out_BK = torch.tensor([[0.0, 3.0], [2.0, 0.0], [9.0, 0.5]])
    targets = TaskTargets.of(torch.tensor([[1.0, 0.0], [0.0, NAN], [NAN, 0.0]]))
    found = task_losses(out_BK, targets, BOTH)
    # Log loss: (log 2 + log(1 + e²)) / 2; Huber: (3 − ½ + ½ · 0.25) / 2.
    first = (math.log(2) + math.log1p(math.exp(2))) / 2
    torch.testing.assert_close(found.mean_K, torch.tensor([first, (2.5 + 0.125) / 2]))
    assert found.count_K.tolist() == [2, 2]


def test_an_absent_task_counts_zero_and_moves_nothing() -> None:
    out_BK = torch.randn(4, 2, requires_grad=True)
    y_BK = torch.tensor([[1.0, NAN]] * 4)
    found = task_losses(out_BK, TaskTargets.of(y_BK), BOTH)
    assert found.mean_K[1] == 0
    assert found.present_K.tolist() == [True, False]
    torch.autograd.backward(found.mean_K.sum())
    assert out_BK.grad is not None
    assert out_BK.grad[:, 0].all()
    assert not out_BK.grad[:, 1].any()


def test_a_score_that_is_not_finite_spoils_nothing_where_it_is_not_asked() -> None:
    out_BK = torch.tensor([[0.5, math.inf], [NAN, 0.5]], requires_grad=True)
    targets = TaskTargets.of(torch.tensor([[1.0, NAN], [NAN, 1.0]]))
    found = task_losses(out_BK, targets, BOTH)
    torch.autograd.backward(found.mean_K.sum())
    assert found.mean_K.isfinite().all()
    assert out_BK.grad is not None
    assert out_BK.grad.isfinite().all()


def test_nobody_at_all_is_zero() -> None:
    found = task_losses(torch.zeros(0, 2), TaskTargets.of(torch.zeros(0, 2)), BOTH)
    assert found.mean_K.tolist() == [0, 0]
    assert found.count_K.tolist() == [0, 0]


def plain(out_BK: Tensor, y_BK: Tensor) -> list[float]:
    """Return eq. 3 as it is printed, one row after the other."""
    means = []
    for k in range(2):
        total, count = 0.0, 0
        for out, y in zip(out_BK[:, k].tolist(), y_BK[:, k].tolist(), strict=True):
            if not math.isnan(y):
                distance = abs(out - y)
                huber = 0.5 * distance**2 if distance < 1 else distance - 0.5
                log_loss = math.log1p(math.exp(-out)) if y else math.log1p(math.exp(out))
                total += huber if k == 1 else log_loss
                count += 1
        means.append(total / count if count else 0.0)
    return means


@given(st.integers(0, 12), st.integers(0, 2**31))
def test_it_is_the_plain_loop(number: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    out_BK = torch.randn(number, 2, generator=generator)
    y_BK = torch.randint(0, 2, (number, 2), generator=generator).float()
    y_BK[torch.rand(number, 2, generator=generator) < 0.5] = NAN
    found = task_losses(out_BK, TaskTargets.of(y_BK), BOTH)
    torch.testing.assert_close(found.mean_K, torch.tensor(plain(out_BK, y_BK)))


def test_processes_with_other_rows_are_one_with_all() -> None:
    generator = torch.Generator().manual_seed(0)
    x_BD = torch.randn(7, 3, generator=generator)
    y_BK = torch.randint(0, 2, (7, 2), generator=generator).float()
    # The second process has no row of the second task, and the first has two of it.
    y_BK[2:, 1] = NAN
    parts = [slice(0, 3), slice(3, 7)]
    weight_DK = torch.randn(3, 2, generator=generator)

    def gradient(rows: slice, peers: Peers | None) -> tuple[Tensor, Tensor]:
        layer = nn.Parameter(weight_DK.clone())
        targets = TaskTargets.of(y_BK[rows])
        arguments = (x_BD[rows] @ layer, targets, BOTH)
        found = task_losses(*arguments) if peers is None else task_losses(*arguments, peers)
        torch.autograd.backward(found.mean_K.sum())
        assert layer.grad is not None
        return found.count_K, layer.grad

    counts, whole = gradient(slice(0, 7), None)
    found = together(2, lambda peers: gradient(parts[peers.rank], peers))
    assert all(torch.equal(count, counts) for count, _ in found)
    mean = (found[0][1] + found[1][1]) / 2
    torch.testing.assert_close(mean, whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("place", [[0], [2, 0]])
def test_rows_are_taken_together(place: list[int]) -> None:
    targets = TaskTargets.of(torch.tensor([[1.0, NAN], [0.0, 0.0], [NAN, 1.0]]))
    found = targets.rows(torch.tensor(place))
    assert torch.equal(found.y_BK, targets.y_BK[place])
    assert torch.equal(found.asked_BK, targets.asked_BK[place])
