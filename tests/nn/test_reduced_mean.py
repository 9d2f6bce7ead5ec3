"""The mean over all targets, wherever they are, with the gradient of one process."""

import pytest
import torch

from habitus.nn.reduced_mean import reduced_mean
from tests.nn.sharded import mean_problem, of_all


@pytest.mark.parametrize("world", [2, 3])
def test_means_counts_and_the_average_gradient_are_those_of_one_process(world: int) -> None:
    found = of_all(world, "means")
    losses, counts = [0.0, 0.0, 0.0], [0, 0, 0]
    for rank in range(world):
        loss_B, sizes = mean_problem(rank)
        for k, part in enumerate(torch.split(loss_B, sizes)):
            losses[k] += float(part.sum())
            counts[k] += sizes[k]
    assert counts[1] > 0
    assert counts[2] == 0
    # The weight is 2 and stands squared: values times 4, slopes times 2 · 2.
    means = [loss * 4 / count if count else 0.0 for loss, count in zip(losses, counts, strict=True)]
    for tensors in found:
        assert tensors["mean"].tolist() == pytest.approx(means, abs=1e-5)
        assert tensors["count"].tolist() == counts
    average = sum(float(tensors["gradient"]) for tensors in found) / world
    assert average == pytest.approx(means[0] + 10 * means[1], rel=1e-5)
    # The mean of the means, which training would take otherwise, is another number.
    naive = sum(float(mean_problem(r)[0][: 2 + r].mean()) * 4 for r in range(world)) / world
    assert naive != pytest.approx(means[0], rel=1e-2)


def test_in_one_process_it_is_the_plain_mean() -> None:
    sum_K = torch.tensor([6.0, 0.0], requires_grad=True)
    mean_K, count_K = reduced_mean(sum_K, torch.tensor([3, 0]))
    torch.autograd.backward(mean_K.sum())
    assert mean_K.tolist() == [2, 0]
    assert count_K.tolist() == [3, 0]
    assert sum_K.grad is not None
    # No target: no 0 / 0, and whatever gradient there is meets a sum of nothing.
    assert sum_K.grad.tolist() == pytest.approx([1 / 3, 1])
