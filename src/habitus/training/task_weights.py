"""How the losses of many tasks become one step: SUPERMOE eq. 9, ``Loss = Σ λ_k l_k``, and others.

Fixed and uncertainty weights, GradNorm, FAMO, and methods that mix the gradients of the tasks on
what they share. FAMO and gradient surgery come from torchjd (MIT), an extra; Nash-MTL is solved
here, since torchjd's wants two solvers more and warns of its own flaws. The paper's bi-level search
is in :mod:`habitus.training.bilevel`.

Tasks that are absent from a batch have no part in a step (A-S6). All but fixed and uncertainty
weights see the gradients or losses of their own process only.

Shapes: K tasks, P numbers of the shared weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from habitus.errors import MissingExtraError, UsageError
from habitus.objectives.task_losses import TaskLosses
from habitus.random import derive_seed

if TYPE_CHECKING:
    from torchjd.aggregation import Weighting

Losses = Callable[[], TaskLosses]
SURGERY = ("pcgrad", "gradvac", "aligned_mtl", "imtl_g", "mgda")
"""Methods of torchjd that mix gradients by their products alone."""
_EXTRA = "multi_task"


class TaskWeights(ABC):
    """Losses of the tasks in, gradients of all weights out. One for each training.

    Args:
        num_tasks: K.
    """

    name: ClassVar[str]

    def __init__(self, num_tasks: int) -> None:
        if num_tasks < 1:
            raise UsageError(f"there must be one task or more to weigh, got {num_tasks}")
        self.weight_K = torch.ones(num_tasks)
        """The weights of the latest step, for the log."""

    def parameters(self) -> list[nn.Parameter]:
        """Return weights of its own that the optimiser of the network moves."""
        return []

    @abstractmethod
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        """Add the gradients of a step to what the losses were made of.

        Args:
            losses: of one batch.
            shared: the weights that several tasks move; none where they share nothing.
        """

    def after_step(self, losses: Losses) -> None:  # noqa: B027 - most have nothing to see
        """See what the step did: ``losses`` makes those of the same batch again."""


class Fixed(TaskWeights):
    """Eq. 9 with weights that stay; equal ones where none are given.

    Raises:
        UsageError: another number of weights than tasks, or one below 0.
    """

    name: ClassVar[str] = "fixed"

    def __init__(self, num_tasks: int, weights: Sequence[float] = ()) -> None:
        super().__init__(num_tasks)
        if weights and (len(weights) != num_tasks or min(weights) < 0):
            raise UsageError(f"{num_tasks} tasks need as many weights of 0 or more, got {weights}")
        if weights:
            self.weight_K = torch.tensor(weights, dtype=torch.float32)

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        torch.autograd.backward((self.weight_K.to(losses.mean_K) * losses.mean_K).sum())


class Uncertainty(TaskWeights):
    """Weights that are learned as the noise of each task (Kendall et al. 2018, CVPR).

    ``e^(−s) l + s / 2`` of a classification, ``e^(−s) l / 2 + s / 2`` of a regression, with
    ``s = log σ²`` from 0.
    """

    name: ClassVar[str] = "uncertainty"

    def __init__(self, num_tasks: int, regression_K: Tensor | None = None) -> None:
        super().__init__(num_tasks)
        self.log_variance_K = nn.Parameter(torch.zeros(num_tasks))
        half = torch.zeros(num_tasks, dtype=torch.bool) if regression_K is None else regression_K
        self._factor_K = torch.where(half, 0.5, 1.0)

    @override
    def parameters(self) -> list[nn.Parameter]:
        return [self.log_variance_K]

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        weight_K = self._factor_K * (-self.log_variance_K).exp()
        total_K = weight_K * losses.mean_K + self.log_variance_K / 2
        torch.autograd.backward((total_K * losses.present_K).sum())
        self.weight_K = weight_K.detach()


class GradNorm(TaskWeights):
    """Weights that bring the gradients of the tasks to one size (Chen et al. 2018, ICML).

    Each task's ``‖λ_k ∇l_k‖`` is drawn to the mean of all, times how far its loss lags behind, to
    the power ``alpha``; weights sum to K.
    """

    name: ClassVar[str] = "gradnorm"

    def __init__(self, num_tasks: int, alpha: float = 1.5, learning_rate: float = 0.025) -> None:
        super().__init__(num_tasks)
        self.alpha = alpha
        self._log_K = nn.Parameter(torch.zeros(num_tasks))
        self._optimizer = torch.optim.Adam([self._log_K], lr=learning_rate)
        self._first_K = torch.full((num_tasks,), torch.nan)

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        loss_K = losses.mean_K.detach().cpu()
        present_K = losses.present_K.cpu() & (loss_K > 0)
        self._first_K = torch.where(self._first_K.isnan() & present_K, loss_K, self._first_K)
        if shared and present_K.sum() > 1:
            norm_K = jacobian(losses.mean_K, shared, present_K).norm(dim=1).cpu()
            self._update(norm_K, (loss_K / self._first_K)[present_K], present_K)
        torch.autograd.backward((self.weight_K.to(losses.mean_K) * losses.mean_K).sum())

    def _update(self, norm_K: Tensor, rate_K: Tensor, present_K: Tensor) -> None:
        weighted_K = self._log_K.exp()[present_K] * norm_K
        lag_K = (rate_K / rate_K.mean()) ** self.alpha
        target_K = (weighted_K.mean() * lag_K).detach()
        self._optimizer.zero_grad()
        torch.autograd.backward((weighted_K - target_K).abs().sum())
        self._optimizer.step()
        with torch.no_grad():
            # Softmax of logarithms: above 0, and summing to K.
            self.weight_K = len(self._log_K) * self._log_K.softmax(dim=0)
            self._log_K.copy_(self.weight_K.log())


class Famo(TaskWeights):
    """Losses that fall at one rate, told from losses alone (FAMO: Liu et al. 2023, NeurIPS).

    Raises:
        MissingExtraError: torchjd is not installed.
    """

    name: ClassVar[str] = "famo"

    def __init__(self, num_tasks: int, learning_rate: float = 0.025) -> None:
        super().__init__(num_tasks)
        try:
            from torchjd.scalarization import FAMO
        except ImportError as error:
            raise _missing() from error
        self._famo = FAMO(num_tasks, lr=learning_rate)

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        torch.autograd.backward(self._famo(_or_one(losses)))
        (logit_K,) = self._famo.parameters()
        self.weight_K = len(logit_K) * logit_K.detach().softmax(dim=0)

    @override
    def after_step(self, losses: Losses) -> None:
        with torch.no_grad():
            self._famo.update(_or_one(losses()))


class Surgery(TaskWeights):
    """Gradients of the tasks on what they share, mixed; each task's own weights get its own.

    Args:
        num_tasks: K.
        mix: products of gradients → weights.
    """

    def __init__(self, num_tasks: int, mix: Callable[[Tensor], Tensor]) -> None:
        super().__init__(num_tasks)
        self._mix = mix

    @override
    def backward(self, losses: TaskLosses, shared: Sequence[nn.Parameter]) -> None:
        shared = list(shared)
        mixed: list[Tensor] = []
        if shared and losses.present_K.sum() > 1:
            gradient_KP = jacobian(losses.mean_K, shared, losses.present_K)
            gramian_KK = gradient_KP @ gradient_KP.T
            moves_K = gramian_KK.diagonal() > 0
            weight_K = torch.ones_like(gramian_KK[0])
            if moves_K.sum() > 1:
                weight_K[moves_K] = self._mix(gramian_KK[moves_K][:, moves_K]).to(weight_K)
            self.weight_K = torch.ones_like(losses.mean_K)
            self.weight_K[losses.present_K] = weight_K
            mixed = list(torch.split(weight_K @ gradient_KP, [p.numel() for p in shared]))
        # The backward pass adds in place.
        before = [None if p.grad is None else p.grad.clone() for p in shared]
        torch.autograd.backward(losses.mean_K.sum())
        for parameter, gradient, old in zip(shared, mixed, before, strict=bool(mixed)):
            new = gradient.view_as(parameter)
            parameter.grad = new if old is None else old + new


def jacobian(mean_K: Tensor, shared: Sequence[nn.Parameter], present_K: Tensor) -> Tensor:
    """Return the gradient of each present task on the shared weights, ``(present, P)``."""
    rows = [
        torch.autograd.grad(mean, shared, retain_graph=True, materialize_grads=True)
        for mean in mean_K[present_K.to(mean_K.device)]
    ]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def nash_weights(gramian_KK: Tensor, num_steps: int = 100) -> Tensor:
    """Return the bargaining weights of Nash-MTL (Navon et al. 2022, ICML), scaled to sum to K.

    They solve ``GᵀG α = 1 / α``: the minimum of ``½ αᵀ GᵀG α − Σ log α``, found by damped Newton
    steps, which cannot miss it. They are taken on gradients of length 1, whose answer is that times
    the lengths. A little is added to the diagonal, without which gradients that cancel would have
    no finite answer.
    """
    length_K = gramian_KK.double().diagonal().sqrt()
    gramian = gramian_KK.double() / torch.outer(length_K, length_K)
    gramian = gramian + 1e-6 * torch.eye(len(gramian)).to(gramian)
    alpha_K = torch.ones_like(length_K)
    for _ in range(num_steps):
        slope_K = gramian @ alpha_K - 1 / alpha_K
        step_K = torch.linalg.solve(gramian + torch.diag(alpha_K**-2), slope_K)
        decrement = (step_K @ slope_K).clamp(min=0).sqrt()
        alpha_K = alpha_K - step_K / (1 + decrement)
        if decrement < 1e-9:
            break
    alpha_K = alpha_K / length_K
    return (len(alpha_K) * alpha_K / alpha_K.sum()).to(gramian_KK)


def surgery(name: str, num_tasks: int, seed: int) -> Surgery:
    """Return a method of torchjd, or Nash-MTL.

    Args:
        name: one of :data:`SURGERY`, or ``nash_mtl``.
        num_tasks: K.
        seed: of the order in which PCGrad takes the tasks.

    Raises:
        MissingExtraError: torchjd is not installed.
    """
    if name == "nash_mtl":
        return Surgery(num_tasks, nash_weights)
    try:
        from torchjd import aggregation
    except ImportError as error:
        raise _missing() from error
    types: dict[str, Callable[[], Weighting[Any]]] = {
        "pcgrad": aggregation.PCGradWeighting,
        "gradvac": aggregation.GradVacWeighting,
        "aligned_mtl": aggregation.AlignedMTLWeighting,
        "imtl_g": aggregation.IMTLGWeighting,
        "mgda": aggregation.MGDAWeighting,
    }
    weighting, steps = types[name](), iter(range(2**62))

    def mix(gramian_KK: Tensor) -> Tensor:
        # Orders are drawn from the global generator: it is given back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "task weights", name, next(steps)))
            return weighting(gramian_KK)

    return Surgery(num_tasks, mix)


def _or_one(losses: TaskLosses) -> Tensor:
    """Return the losses, 1 in the place of an absent one: its logarithm is 0 before and after."""
    return torch.where(losses.present_K, losses.mean_K, 1.0)


def _missing() -> MissingExtraError:
    return MissingExtraError("torchjd", extra=_EXTRA, what="FAMO and gradient surgery")
