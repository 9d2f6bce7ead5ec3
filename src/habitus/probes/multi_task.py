"""One small network for many tasks on frozen vectors: SUPERMOE eq. 8 and 9, and better heads.

Answers may be missing for most rows, tasks may be classifications and regressions, and each task
has its own sample space (eq. 3). The control of a task is the same network with that task alone:
the same experts, the same training, the same rule for when to stop.

Differs from the paper, which does not say: stopped by the validation users, by the mean over tasks
of the loss relative to that of the base rate.

Shapes: B rows, D width, K tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from habitus.config import Config
from habitus.errors import DataError, UsageError
from habitus.nn.multi_task import MultiTaskHead, MultiTaskHeadConfig, multi_task_head
from habitus.objectives.task_losses import TaskLosses, TaskTargets, task_losses
from habitus.probes.base import Floats, Matrix
from habitus.probes.logistic import Standardiser
from habitus.probes.meta_slice import MetaHinge, meta_slices
from habitus.probes.task_answers import ManyLabelled, TaskBase, check_answers
from habitus.probes.two_tower import Scale
from habitus.random import numpy_generator, torch_generator
from habitus.training.bilevel import Bilevel, BilevelConfig
from habitus.training.task_weights import (
    Famo,
    Fixed,
    GradNorm,
    TaskWeights,
    Uncertainty,
    jacobian,
    surgery,
)

WeightsName = Literal[
    "fixed",
    "normalised",
    "uncertainty",
    "famo",
    "gradnorm",
    "pcgrad",
    "gradvac",
    "aligned_mtl",
    "imtl_g",
    "mgda",
    "nash_mtl",
    "bilevel",
]
WEIGHTS: tuple[WeightsName, ...] = get_args(WeightsName)
Mask = npt.NDArray[np.bool_]
Rows = tuple[Tensor, TaskTargets]
"""Inputs of the network, and what is right."""


@dataclass(frozen=True, kw_only=True)
class MultiTaskConfig(Config):
    """The head, how tasks are weighed, and the training of :class:`MultiTask`."""

    head: MultiTaskHeadConfig = field(default_factory=MultiTaskHeadConfig)
    weights: WeightsName = "fixed"
    """``normalised``: one over the loss of each task's base rate."""
    fixed: tuple[float, ...] = ()
    """λ of each task, in their order, for ``fixed``; none is 1 for each."""
    bilevel: BilevelConfig = field(default_factory=BilevelConfig)
    regression: tuple[str, ...] = ()
    """Names of the tasks whose answers are numbers; one that is not asked here is passed over."""
    scaling: Literal["each", "whole"] = "each"
    """Each feature to deviation 1, or all of them together: principal components keep their order
    of size, which on few labels is worth more than all else here."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    batch_size: int = 512
    max_epochs: int = 40
    patience: int = 4
    """Epochs without a better validation loss before it stops."""

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise UsageError(f"weights must be one of {', '.join(WEIGHTS)}, got {self.weights!r}")
        for name in ("batch_size", "max_epochs", "patience"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.fixed and self.weights != "fixed":
            raise UsageError(f"fixed goes with weights fixed, not {self.weights!r}")


class MultiTask:
    """One head for all tasks, with the weights of its best epoch. Equal seeds, equal answers.

    A task whose training rows all have one answer is not trained: it is answered with its mean.

    Args:
        config: what to train.
    """

    def __init__(self, config: MultiTaskConfig | None = None) -> None:
        self.config = config or MultiTaskConfig()
        self.tasks: tuple[str, ...] = ()
        """Those that were trained, in order."""
        self.constant: dict[str, float] = {}
        """Those that were not, and what they are answered with."""
        self.num_weights = 0
        self.best_epoch = 0
        self.valid: dict[str, float] = {}
        """Validation loss of each task at the best epoch, relative to that of its base rate."""
        self.weight_path: list[dict[str, float]] = []
        """λ of each task at the end of each epoch (D9)."""
        self._head: MultiTaskHead | None = None

    def fit(self, train: ManyLabelled, valid: ManyLabelled, seed: int) -> Self:
        """Learn from the training rows, stop by the validation rows; return itself.

        Raises:
            DataError: no task, a task without a training row, an answer that is neither 0 nor 1
                nor of a regression, vectors that are not finite, or nobody to stop by.
            MissingExtraError: the weights need torchjd.
        """
        check_answers(train, valid, self.config.regression)
        self._base = {
            task: TaskBase.of(train.y[task], is_number=self._is_number(task)) for task in train.y
        }
        self.constant = {t: base.mean for t, base in self._base.items() if base.is_constant}
        self.weight_path, self.valid, self._head = [], {}, None
        self.tasks = tuple(task for task in train.y if task not in self.constant)
        if not self.tasks:
            return self
        if np.isnan(self._answers(valid)).all():
            raise DataError("no validation row is asked anything: nothing says when to stop")
        asked_B = np.asarray(~np.isnan(self._answers(train)).all(axis=1))
        scale = Scale if self.config.scaling == "whole" else Standardiser
        self._scale: Scale | Standardiser = scale.fit(train.x_BD[asked_B])
        generator = torch_generator(seed, "multi_task", "weights")
        width = train.x_BD.shape[1]
        self._head = multi_task_head(self.config.head, width, len(self.tasks), generator)
        with torch.no_grad():
            # A rare task would else spend its first epochs on learning that it is rare.
            outputs = [self._base[task].output for task in self.tasks]
            self._head.output_bias().copy_(torch.tensor(outputs))
        self.num_weights = sum(p.numel() for p in self._head.parameters())
        learned_B, meta_B = self._slices(train, asked_B, seed)
        fitting = _Fitting(self, self._head, self._rows(train, learned_B), seed)
        fitting.weigh(self._rows(train, meta_B))
        self._train(fitting, self._rows(valid, np.ones(len(valid.x_BD), bool)))
        return self

    def predict(self, x_BD: Matrix) -> dict[str, Floats]:
        """Return the probability of yes, or the number, of each task and row."""
        found = {task: np.full(len(x_BD), mean) for task, mean in self.constant.items()}
        if self._head is not None:
            with torch.no_grad():
                out_BK = self._head(self._inputs(x_BD)).double()
            for k, task in enumerate(self.tasks):
                out_B = out_BK[:, k] if self._is_number(task) else out_BK[:, k].sigmoid()
                base = self._base[task]
                found[task] = out_B.numpy() * base.scale + base.shift
        return {task: found[task] for task in self._base}

    def gradient_cosines(self, rows: ManyLabelled) -> Floats:
        """Return the cosine of the tasks' gradients on what they share, ``(K, K)`` (D9).

        NaN for a task that none of the rows is asked, or that shares nothing.
        """
        cosine_KK = np.full((len(self.tasks), len(self.tasks)), np.nan)
        if self._head is None or not (shared := self._head.shared_parameters()):
            return cosine_KK
        x_BD, targets = self._rows(rows, np.ones(len(rows.x_BD), bool))
        losses = task_losses(self._head(x_BD), targets, self.regression_K)
        unit_KP = nn.functional.normalize(jacobian(losses.mean_K, shared, losses.present_K))
        present_K = losses.present_K.numpy()
        cosine_KK[np.ix_(present_K, present_K)] = (unit_KP @ unit_KP.T).numpy()
        return cosine_KK

    @property
    def regression_K(self) -> Tensor:
        """Which of the trained tasks are regressions."""
        return torch.tensor([self._is_number(task) for task in self.tasks])

    def _train(self, fitting: _Fitting, valid: Rows) -> None:
        assert self._head is not None
        best, worse, state = np.inf, 0, _copy(self._head)
        base_K = self._base_losses(valid[1])
        for epoch in range(1, self.config.max_epochs + 1):
            fitting.epoch()
            self.weight_path.append(
                dict(zip(self.tasks, fitting.weights.weight_K.tolist(), strict=True))
            )
            with torch.no_grad():
                losses = task_losses(self._head(valid[0]), valid[1], self.regression_K)
            ratio_K = losses.mean_K / base_K
            loss = float(ratio_K[losses.present_K].mean())
            worse = 0 if loss < best else worse + 1
            if loss < best:
                best, state, self.best_epoch = loss, _copy(self._head), epoch
                self.valid = dict(zip(self.tasks, ratio_K.tolist(), strict=True))
            if worse >= self.config.patience:
                break
        self._head.load_state_dict(state)

    def _base_losses(self, targets: TaskTargets) -> Tensor:
        """Return the loss of each task's base rate, never 0."""
        out_K = torch.tensor([self._base[task].output for task in self.tasks])
        out_BK = out_K.expand(targets.y_BK.shape)
        losses = task_losses(out_BK, targets, self.regression_K)
        return losses.mean_K.clamp(min=1e-6)

    def _slices(self, train: ManyLabelled, asked_B: Mask, seed: int) -> tuple[Mask, Mask]:
        """Return the rows that weights are learned from, and those that λ is chosen by."""
        search = self.config.bilevel
        if self.config.weights != "bilevel" or search.every is None:
            return asked_B, np.zeros(len(asked_B), bool)
        generator = numpy_generator(seed, "multi_task", "meta users")
        return meta_slices(asked_B, train.user_B, search.meta_share, generator)

    def _rows(self, rows: ManyLabelled, chosen_B: Mask) -> Rows:
        answers_BK = torch.from_numpy(self._answers(rows)[chosen_B].astype(np.float32))
        return self._inputs(rows.x_BD[chosen_B]), TaskTargets.of(answers_BK)

    def _answers(self, rows: ManyLabelled) -> Floats:
        """Return what the network is to say, ``(B, K)``: numbers standardised."""
        scaled = [
            (rows.y[task] - self._base[task].shift) / self._base[task].scale for task in self.tasks
        ]
        return np.stack(scaled, axis=1)

    def _inputs(self, x_BD: Matrix) -> Tensor:
        return torch.from_numpy(self._scale(x_BD).astype(np.float32))

    def _fixed(self) -> list[float]:
        """Return the given weights of the tasks that are trained; none where none are given."""
        given = self.config.fixed
        if given and len(given) != len(self._base):
            raise UsageError(f"fixed needs a weight for each of {list(self._base)}, got {given}")
        return [w for w, task in zip(given, self._base, strict=False) if task in self.tasks]

    def _is_number(self, task: str) -> bool:
        return task in self.config.regression


class _Fitting:
    """One training: rows, optimiser, weights of tasks, and their chance."""

    def __init__(self, probe: MultiTask, head: MultiTaskHead, rows: Rows, seed: int) -> None:
        self.probe, self.head, self.config, self.seed = probe, head, probe.config, seed
        self.x_BD, self.targets = rows
        self.regression_K = probe.regression_K
        self.order = torch_generator(seed, "multi_task", "order")
        self.optimizer = torch.optim.AdamW(
            head.parameters(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def weigh(self, meta: Rows) -> None:
        """Make the weights of the tasks; ``meta`` is the slice that a search reads."""
        self.weights = self._weights(meta)
        if own := self.weights.parameters():
            self.optimizer.add_param_group({"params": own, "weight_decay": 0.0})

    def epoch(self) -> None:
        """Go once over the rows."""
        order_B = torch.randperm(len(self.x_BD), generator=self.order)
        shared = self.head.shared_parameters()
        for place_R in torch.split(order_B, self.config.batch_size):
            self.optimizer.zero_grad()
            self.weights.backward(self._losses(place_R), shared)
            self.optimizer.step()
            self.weights.after_step(lambda place_R=place_R: self._losses(place_R))  # type: ignore[misc]

    def _losses(self, place_R: Tensor) -> TaskLosses:
        out_RK = self.head(self.x_BD[place_R])
        return task_losses(out_RK, self.targets.rows(place_R), self.regression_K)

    def _weights(self, meta: Rows) -> TaskWeights:
        name, number = self.config.weights, len(self.regression_K)
        if name == "fixed":
            return Fixed(number, self.probe._fixed())
        if name == "normalised":
            base_K = self.probe._base_losses(self.targets)
            return Fixed(number, (number / base_K / (1 / base_K).sum()).tolist())
        if name == "uncertainty":
            return Uncertainty(number, self.regression_K)
        if name == "famo":
            return Famo(number)
        if name == "gradnorm":
            return GradNorm(number)
        if name == "bilevel":
            return Bilevel(number, self.config.bilevel, self.optimizer, self._meta(meta))
        return surgery(name, number, self.seed)

    def _meta(self, rows: Rows) -> MetaHinge:
        generator, search = torch_generator(self.seed, "multi_task", "meta"), self.config.bilevel
        x_BD, targets = rows

        def outputs(place_R: Tensor) -> Tensor:
            out_RK: Tensor = self.head(x_BD[place_R])
            return out_RK

        return MetaHinge(outputs, targets, self.regression_K, search.meta_batch, generator)


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
