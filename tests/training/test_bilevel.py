"""The search of A3.3: its four tests, and what stands around them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from habitus.errors import UsageError
from habitus.objectives.task_losses import TaskLosses
from habitus.training.bilevel import (
    Bilevel,
    BilevelConfig,
    adam_diagonal,
    hypergradient,
    learning_rate_of,
)
from habitus.training.task_weights import Fixed, TaskWeights, jacobian

SIZE = 4


def quadratics(number: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Return positive matrices and centres of ``½ (θ − c)ᵀ A (θ − c)``."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(number):
        root = torch.randn(SIZE, SIZE, generator=generator, dtype=torch.float64)
        centre = torch.randn(SIZE, generator=generator, dtype=torch.float64)
        found.append((root @ root.T + torch.eye(SIZE, dtype=torch.float64), centre))
    return found


def value(parts: list[nn.Parameter], quadratic: tuple[Tensor, Tensor]) -> Tensor:
    away = torch.cat([part.flatten() for part in parts]) - quadratic[1]
    return away @ quadratic[0] @ away / 2


def split_weights() -> list[nn.Parameter]:
    """Return four numbers as a vector and a matrix, as networks have them."""
    generator = torch.Generator().manual_seed(9)
    numbers = torch.randn(SIZE, generator=generator, dtype=torch.float64)
    return [nn.Parameter(numbers[:2].clone()), nn.Parameter(numbers[2:].reshape(2, 1).clone())]


@pytest.mark.parametrize("scaled", [False, True])
def test_the_hypergradient_is_that_of_finite_differences(scaled: bool) -> None:
    tasks, valid = quadratics(3), quadratics(1, seed=5)[0]
    shared, eta = split_weights(), 0.05
    before = [p.detach().clone() for p in shared]
    scale_P = torch.tensor([1.0, 0.3, 2.0, 0.7] if scaled else [1.0] * SIZE, dtype=torch.float64)
    gradient_KP = jacobian(
        torch.stack([value(shared, t) for t in tasks]), shared, torch.ones(3, dtype=torch.bool)
    )
    weight_K = torch.tensor([0.5, 1.5, 1.0], dtype=torch.float64)

    def after(weights: Tensor) -> float:
        start_P = torch.cat([p.detach().flatten() for p in before])
        end_P = start_P - eta * scale_P * (weights @ gradient_KP)
        return float(value([nn.Parameter(end_P)], valid).detach())

    found = hypergradient(gradient_KP, scale_P, weight_K, eta, shared, lambda: value(shared, valid))
    step = 1e-5
    for k, nudge in enumerate(torch.eye(3, dtype=torch.float64) * step):
        slope = (after(weight_K + nudge) - after(weight_K - nudge)) / (2 * step)
        assert abs(found[k].item() - slope) < 1e-4
    assert all(torch.equal(p, b) for p, b in zip(shared, before, strict=True))


class Toy:
    """A shared vector, moved by tasks that want it in other places."""

    def __init__(self, targets: list[list[float]], wanted: list[float]) -> None:
        self.theta = nn.Parameter(torch.zeros(2))
        self.targets = torch.tensor(targets)
        self.wanted = torch.tensor(wanted)
        self.optimizer = torch.optim.Adam([self.theta], lr=0.01)

    def losses(self) -> TaskLosses:
        mean_K = ((self.theta - self.targets) ** 2).sum(dim=1) / 2
        return TaskLosses(mean_K, torch.ones(len(mean_K)))

    def meta(self) -> Tensor:
        return ((self.theta - self.wanted) ** 2).sum()

    def train(self, weights: TaskWeights, steps: int) -> list[Tensor]:
        seen = []
        for _ in range(steps):
            self.optimizer.zero_grad()
            weights.backward(self.losses(), [self.theta])
            self.optimizer.step()
            seen.append(weights.weight_K.clone())
        return seen

    def search(self, **changes: object) -> Bilevel:
        config = BilevelConfig(**changes)  # type: ignore[arg-type]
        return Bilevel(len(self.targets), config, self.optimizer, self.meta)


def test_one_task_has_the_weight_one() -> None:
    toy = Toy([[1.0, 1.0]], [1.0, 1.0])
    seen = toy.train(toy.search(every=1), 40)
    assert all(weights.tolist() == [1.0] for weights in seen)


@pytest.mark.parametrize("preconditioner", ["adam", "identity"])
def test_a_task_that_pulls_away_weighs_less_and_less(preconditioner: str) -> None:
    toy = Toy([[5.0, 4.0], [4.0, 5.0], [-30.0, -30.0]], [5.0, 5.0])
    search = toy.search(every=1, preconditioner=preconditioner)
    noise = [float(weights[2]) for weights in toy.train(search, 300)]
    # Never more than before, less from the first update on, and at the floor in the end.
    assert all(later <= earlier for earlier, later in pairwise(noise))
    assert noise[0] < 1
    assert noise[-1] < 0.5
    assert float(search.weight_K[:2].min()) > 1


def test_a_weight_does_not_fall_below_the_floor() -> None:
    toy = Toy([[5.0, 4.0], [-30.0, -30.0]], [5.0, 5.0])
    search = toy.search(every=1, learning_rate=0.5, average=0.0, floor=0.1)
    toy.train(search, 60)
    assert float(search.weight_K[1]) == pytest.approx(0.1)


def test_never_is_equal_weights_bit_for_bit() -> None:
    def no_meta() -> Tensor:
        raise AssertionError("nothing is read from the slice")

    toy, equal = (Toy([[5.0, 4.0], [-1.0, 3.0], [0.3, 0.1]], [1.0, 1.0]) for _ in range(2))
    never = Bilevel(3, BilevelConfig(every=None), toy.optimizer, no_meta)
    toy.train(never, 50)
    equal.train(Fixed(3), 50)
    assert torch.equal(toy.theta, equal.theta)
    assert never.weight_K.tolist() == [1.0, 1.0, 1.0]


def test_it_is_updated_every_few_steps() -> None:
    toy = Toy([[5.0, 4.0], [-30.0, -30.0]], [5.0, 5.0])
    seen = toy.train(toy.search(every=4), 9)
    changed = [i + 1 for i in range(1, 9) if not torch.equal(seen[i], seen[i - 1])]
    assert changed == [4, 8]


def test_an_absent_task_keeps_its_share_of_the_logits() -> None:
    toy = Toy([[5.0, 4.0], [-30.0, -30.0], [1.0, 1.0]], [5.0, 5.0])
    search = toy.search(every=1)
    losses = toy.losses()
    count_K = torch.tensor([1.0, 1.0, 0.0])
    search.backward(TaskLosses(losses.mean_K * count_K, count_K), [toy.theta])
    # λ = 3 softmax(a): the slope by a_k is λ_k (s_k − mean of s), and s of the absent one is 0.
    assert float(search.weight_K[0]) > 1
    assert float(search.weight_K[1]) < 1
    nobody = TaskLosses(toy.losses().mean_K * 0, torch.zeros(3))
    before = search.weight_K.clone()
    search.backward(nobody, [toy.theta])
    assert torch.equal(search.weight_K, before)


def test_the_diagonal_is_what_adam_divides_by() -> None:
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.Adam([weight], lr=0.1, betas=(0.0, 0.9))
    assert adam_diagonal(optimizer, [weight]).tolist() == [1.0, 1.0]
    weight.grad = torch.tensor([3.0, -4.0])
    old = weight.detach().clone()
    optimizer.step()
    # Without momentum the step is η P g.
    moved = old - weight.detach()
    torch.testing.assert_close(moved, 0.1 * adam_diagonal(optimizer, [weight]) * weight.grad)
    assert learning_rate_of(optimizer, weight) == 0.1
    with pytest.raises(UsageError, match="does not move the shared weights"):
        learning_rate_of(optimizer, nn.Parameter(torch.zeros(1)))


def test_an_error_on_the_slice_leaves_the_weights_as_they_were() -> None:
    shared = split_weights()
    before = [p.detach().clone() for p in shared]

    def broken() -> Tensor:
        raise ValueError("no slice")

    with pytest.raises(ValueError, match="no slice"):
        hypergradient(
            torch.ones(1, SIZE, dtype=torch.float64),
            torch.ones(SIZE),
            torch.ones(1),
            0.1,
            shared,
            broken,
        )
    assert all(torch.equal(p, b) for p, b in zip(shared, before, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        {"every": 0},
        {"meta_share": 1.0},
        {"average": 1.0},
        {"learning_rate": 0.0},
        {"floor": -0.1},
        {"meta_batch": 1},
    ],
)
def test_wrong_settings_are_told(change: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        BilevelConfig(**change)  # type: ignore[arg-type]
