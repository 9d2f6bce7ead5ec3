"""Ways to weigh tasks, each beside a plain computation or the method's own equation."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from habitus.errors import MissingExtraError, UsageError
from habitus.objectives.task_losses import TaskLosses
from habitus.training.task_weights import (
    SURGERY,
    Famo,
    Fixed,
    GradNorm,
    Surgery,
    TaskWeights,
    Uncertainty,
    jacobian,
    nash_weights,
    surgery,
)

ALL = torch.ones(3)


class Net(nn.Module):
    """A shared layer and a number of its own for each of three tasks."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.shared = nn.Parameter(torch.randn(4, 3, generator=generator))
        self.own = nn.Parameter(torch.randn(3, generator=generator))
        self.x_BD = torch.randn(8, 4, generator=generator)
        self.y_BK = torch.randn(8, 3, generator=generator) * torch.tensor([1.0, 5.0, 0.2])
        # Tasks read one shared direction, so that their gradients can conflict.
        self.mix_KK = torch.randn(3, 3, generator=generator)

    def losses(self, count_K: Tensor = ALL) -> TaskLosses:
        out_BK = (self.x_BD @ self.shared) @ self.mix_KK * self.own
        mean_K = ((out_BK - self.y_BK) ** 2).mean(dim=0)
        return TaskLosses(mean_K * (count_K > 0), count_K)

    def gradients(self, weights: TaskWeights, count_K: Tensor = ALL) -> tuple[Tensor, Tensor]:
        self.zero_grad()
        weights.backward(self.losses(count_K), [self.shared])
        assert self.shared.grad is not None
        assert self.own.grad is not None
        return self.shared.grad.clone(), self.own.grad.clone()

    def of_each(self) -> Tensor:
        return jacobian(self.losses().mean_K, [self.shared], ALL > 0)


def test_fixed_weights_are_eq_9() -> None:
    net = Net()
    shared, own = net.gradients(Fixed(3, [2.0, 0.0, 0.5]))
    each_KP = net.of_each()
    torch.testing.assert_close(shared.flatten(), 2 * each_KP[0] + 0.5 * each_KP[2])
    assert own[1] == 0
    equal, _ = net.gradients(Fixed(3))
    torch.testing.assert_close(equal.flatten(), each_KP.sum(dim=0))


def test_the_jacobian_is_one_gradient_a_task() -> None:
    net = Net()
    both = jacobian(net.losses().mean_K, [net.shared, net.own], torch.tensor([True, False, True]))
    assert both.shape == (2, 15)
    (alone,) = torch.autograd.grad(net.losses().mean_K[2], [net.shared])
    torch.testing.assert_close(both[1, :12], alone.flatten())
    # Another task's own number does not move this one.
    assert both[1, 12:14].tolist() == [0, 0]


def test_uncertainty_by_hand() -> None:
    weights = Uncertainty(3, torch.tensor([False, True, False]))
    loss_K = torch.tensor([2.0, 4.0, 0.0], requires_grad=True)
    weights.backward(TaskLosses(loss_K, torch.tensor([1, 1, 0])), [])
    (log_variance_K,) = weights.parameters()
    # d/ds of e^(−s) l + s/2 at 0 is ½ − l, of e^(−s) l / 2 + s/2 it is ½ − l/2; absent: none.
    assert log_variance_K.grad is not None
    assert log_variance_K.grad.tolist() == [-1.5, -1.5, 0.0]
    assert loss_K.grad is not None
    assert loss_K.grad.tolist() == [1.0, 0.5, 0.0]


def test_uncertainty_ends_where_weight_times_loss_is_a_half() -> None:
    weights = Uncertainty(2)
    optimizer = torch.optim.Adam(weights.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        loss_K = torch.tensor([2.0, 0.25], requires_grad=True)
        weights.backward(TaskLosses(loss_K, torch.ones(2)), [])
        optimizer.step()
    torch.testing.assert_close(weights.weight_K, torch.tensor([0.25, 2.0]), atol=1e-3, rtol=0)


def test_uncertainty_is_that_of_torchjd() -> None:
    scalarization = pytest.importorskip("torchjd.scalarization")
    theirs, ours = scalarization.UW(3), Uncertainty(3, torch.ones(3, dtype=torch.bool))
    start_K = torch.tensor([0.3, -1.0, 0.7])
    with torch.no_grad():
        theirs.log_var.copy_(start_K)
        ours.parameters()[0].copy_(start_K)
    net = Net()
    found, _ = net.gradients(ours)
    net.zero_grad()
    torch.autograd.backward(theirs(net.losses().mean_K))
    torch.testing.assert_close(net.shared.grad, found)
    torch.testing.assert_close(theirs.log_var.grad, ours.parameters()[0].grad)


def test_gradnorm_draws_the_gradients_to_one_size() -> None:
    net, weights = Net(), GradNorm(3, alpha=0.0)
    before_K = net.of_each().norm(dim=1)
    for _ in range(400):
        net.gradients(weights)
    after_K = weights.weight_K * before_K
    assert float(before_K.max() / before_K.min()) > 5
    assert float(after_K.max() / after_K.min()) < 1.2
    assert float(weights.weight_K.sum()) == pytest.approx(3)


def test_gradnorm_helps_a_task_that_lags() -> None:
    weights = GradNorm(2, alpha=1.0)
    x = nn.Parameter(torch.ones(1))

    def see(first: float, second: float) -> None:
        mean_K = torch.stack([x.sum() + first - 1, x.sum() + second - 1])
        weights.backward(TaskLosses(mean_K, torch.ones(2)), [x])

    see(1.0, 1.0)
    for _ in range(20):
        # Equal gradients; the first lost half of its loss, the second nothing.
        see(0.5, 1.0)
    assert float(weights.weight_K[1]) > 1.05


@pytest.mark.parametrize("sizes", [(1.0, 1.0, 1.0), (1.0, 30.0, 0.01)])
def test_nash_solves_its_equation(sizes: tuple[float, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    gradient_KP = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    gradient_KP = gradient_KP * torch.tensor(sizes, dtype=torch.float64)[:, None]
    gramian_KK = gradient_KP @ gradient_KP.T
    alpha_K = nash_weights(gramian_KK)
    assert float(alpha_K.sum()) == pytest.approx(3)
    # GᵀG α = 1 / α, up to the scale of α: α ∘ (GᵀG α) is the same for every task.
    gain_K = alpha_K * (gramian_KK @ alpha_K)
    assert float(gain_K.max() / gain_K.min()) == pytest.approx(1, abs=1e-4)
    assert (alpha_K > 0).all()


def test_nash_of_orthogonal_gradients_is_one_over_their_size() -> None:
    # α_k = 1 / ‖g_k‖: 1 / 1 and 1 / 4, scaled to sum to 2.
    found = nash_weights(torch.diag(torch.tensor([1.0, 16.0])))
    torch.testing.assert_close(found, torch.tensor([1.6, 0.4]), atol=1e-4, rtol=0)


def test_nash_of_gradients_that_cancel_is_finite() -> None:
    gradient_KP = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])
    found = nash_weights(gradient_KP @ gradient_KP.T)
    torch.testing.assert_close(found, torch.ones(2), atol=1e-3, rtol=0)


def plain_pcgrad(gradient_KP: Tensor) -> Tensor:
    """Return Algorithm 1 of PCGrad for two tasks, whose order does not matter."""
    total = torch.zeros_like(gradient_KP[0])
    for one, other in ((0, 1), (1, 0)):
        g, h = gradient_KP[one], gradient_KP[other]
        total = total + (g - (g @ h) / (h @ h) * h if g @ h < 0 else g)
    return total


def test_pcgrad_is_its_algorithm() -> None:
    pytest.importorskip("torchjd")
    found = []
    for seed in range(8):
        net = Net()
        net.mix_KK = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))
        two = torch.tensor([1.0, 1.0, 0.0])
        shared, own = net.gradients(surgery("pcgrad", 3, 0), two)
        each_KP = net.of_each()[:2]
        torch.testing.assert_close(shared.flatten(), plain_pcgrad(each_KP), atol=1e-4, rtol=1e-4)
        # A task's own weights get its own gradient, and those of an absent task none.
        _, plain = net.gradients(Fixed(3, [1.0, 1.0, 0.0]))
        assert torch.equal(own, plain)
        found.append(bool(each_KP[0] @ each_KP[1] < 0))
    assert len(set(found)) == 2


@pytest.mark.parametrize("name", [*SURGERY, "nash_mtl"])
def test_a_method_is_repeated_and_leaves_the_generator_alone(name: str) -> None:
    if name != "nash_mtl":
        pytest.importorskip("torchjd")
    before = torch.get_rng_state()
    net = Net()
    one, again = surgery(name, 3, 5), surgery(name, 3, 5)
    for _ in range(3):
        first, second = net.gradients(one), net.gradients(again)
        assert torch.equal(first[0], second[0])
        assert first[0].isfinite().all()
        assert one.weight_K.shape == (3,)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_task_without_a_gradient_does_no_harm() -> None:
    net = Net()
    with torch.no_grad():
        net.own[1] = 0
    found, _ = net.gradients(Surgery(3, nash_weights))
    assert found.isfinite().all()
    one, _ = net.gradients(Surgery(3, nash_weights), torch.tensor([0.0, 0.0, 1.0]))
    torch.testing.assert_close(one.flatten(), net.of_each()[2])


def test_gradients_that_are_there_are_added_to() -> None:
    net, weights = Net(), Surgery(3, nash_weights)
    once, _ = net.gradients(weights)
    weights.backward(net.losses(), [net.shared])
    assert net.shared.grad is not None
    torch.testing.assert_close(net.shared.grad, 2 * once, atol=1e-4, rtol=1e-4)


def test_famo_weighs_up_what_falls_slowly() -> None:
    pytest.importorskip("torchjd")
    weights = Famo(3)
    x = nn.Parameter(torch.tensor([4.0, 4.0, 1.0]))
    scale = torch.tensor([1.0, 0.5, 0.0])
    for _ in range(30):
        x.grad = None
        weights.backward(TaskLosses(x, torch.tensor([1, 1, 0])), [])
        (gradient,) = [p.grad for p in [x]]
        assert gradient is not None
        assert gradient[2] == 0
        after = TaskLosses((x - 0.2 * scale).detach(), torch.tensor([1, 1, 0]))
        weights.after_step(partial(lambda found: found, after))
    assert float(weights.weight_K[1]) > float(weights.weight_K[0])
    assert float(weights.weight_K.sum()) == pytest.approx(3)


def test_without_anything_shared_surgery_is_the_sum() -> None:
    net = Net()
    net.zero_grad()
    Surgery(3, nash_weights).backward(net.losses(), [])
    assert net.shared.grad is not None
    torch.testing.assert_close(net.shared.grad.flatten(), net.of_each().sum(dim=0))
    gradnorm = GradNorm(3)
    gradnorm.backward(net.losses(), [])
    assert gradnorm.weight_K.tolist() == [1, 1, 1]


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchjd", "torchjd.scalarization", "torchjd.aggregation"):
        monkeypatch.setitem(sys.modules, name, None)
    message = r"FAMO and gradient surgery need torchjd: pip install 'habitus\[multi_task\]'"
    with pytest.raises(MissingExtraError, match=message):
        Famo(3)
    with pytest.raises(MissingExtraError, match=message):
        surgery("pcgrad", 3, 0)
    assert isinstance(surgery("nash_mtl", 3, 0), Surgery)


def test_wrong_weights_are_told() -> None:
    with pytest.raises(UsageError, match="3 tasks need as many weights"):
        Fixed(3, [1.0])
    with pytest.raises(UsageError, match="of 0 or more"):
        Fixed(2, [1.0, -1.0])
    with pytest.raises(UsageError, match="one task or more"):
        Fixed(0)


def test_one_task_is_that_task() -> None:
    for weights in (GradNorm(1), Surgery(1, nash_weights)):
        x = nn.Parameter(torch.ones(2))
        weights.backward(TaskLosses((x**2).sum()[None], torch.ones(1)), [x])
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), [2, 2])
