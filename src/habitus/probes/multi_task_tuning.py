"""Fine-tuning for many tasks: one encoder below one head, whose trunk is frozen, slow or free.

SUPERMOE §3.2 fine-tunes what was pre-trained, with a tower for each task; the caption of its Fig. 1
says that the pre-trained part is frozen (A-S18). Here the caller says: ``full`` trains everything
at one rate, ``slow`` the encoder at a tenth of it, ``frozen`` the head alone, which is the figure
that tells how universal a representation is.

Tasks are weighed as the caller says, or by the paper's bi-level search (eq. 10, A3.3), which keeps
a slice of the training users to choose the weights by.

Differs from the paper, which does not say: stopped by the validation users, by the mean over tasks
of the loss relative to that of the base rate; representations reach the head centred and at one
scale, that of the encoder as it was given.

Shapes: B rows (a user at a cutoff), R rows of a step, D width of a representation, K tasks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import UserEncoder
from habitus.errors import DataError, UsageError
from habitus.nn.multi_task import MultiTaskHead, MultiTaskHeadConfig, multi_task_head
from habitus.objectives.task_losses import TaskTargets, task_losses
from habitus.probes.base import Floats, Matrix
from habitus.probes.fine_tune import EVALUATION_BATCH, Batches
from habitus.probes.meta_slice import MetaHinge, last_weights, meta_slices
from habitus.probes.task_answers import ManyLabelled, TaskBase, check_answers
from habitus.probes.two_tower import Scale
from habitus.random import derive_seed, numpy_generator, torch_generator
from habitus.training.bilevel import Bilevel, BilevelConfig
from habitus.training.optimizer import parameter_groups
from habitus.training.state import seed_dropout
from habitus.training.task_weights import Fixed, TaskWeights

Trunk = Literal["frozen", "slow", "full"]
TRUNKS: tuple[Trunk, ...] = get_args(Trunk)
MakeWeights = Callable[[int], TaskWeights]
"""Number of tasks → how they are weighed."""


class TuningRows(NamedTuple):
    """Rows that an encoder reads, and their answers to several tasks."""

    batches: Batches
    y: Mapping[str, Floats]
    """Task → answer of each row: 0 or 1, a number of a regression, NaN where nobody is asked."""
    user_B: npt.NDArray[np.int64] | None = None
    """Whose row it is, so that slices part users; None where each row is a user."""

    @property
    def num_rows(self) -> int:
        """B."""
        return len(next(iter(self.y.values()), ()))


@dataclass(frozen=True, kw_only=True)
class MultiTaskTuningConfig(Config):
    """What is trained, and how."""

    trunk: Trunk = "full"
    head: MultiTaskHeadConfig = field(default_factory=lambda: MultiTaskHeadConfig(head="linear"))
    """Linear towers are those of the paper (eq. 8)."""
    regression: tuple[str, ...] = ()
    """Names of the tasks whose answers are numbers."""
    learning_rate: float = 1e-3
    slow_share: float = 0.1
    """Of the learning rate, for the encoder where the trunk is slow."""
    weight_decay: float = 1e-2
    batch_size: int = 256
    max_epochs: int = 10
    patience: int = 2
    """Epochs without a better validation loss before it stops."""
    bilevel: BilevelConfig | None = None
    """Search for the weights of the tasks while training (A3.3); null leaves them to the caller."""
    searched: Literal["last", "all"] = "last"
    """The weights θ_s of the search: of the encoder's last block and norm, or of all of it; where
    the trunk is frozen, what the head shares."""

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise UsageError(f"trunk must be one of {', '.join(TRUNKS)}, got {self.trunk!r}")
        if self.searched not in ("last", "all"):
            raise UsageError(f"searched must be last or all, got {self.searched!r}")
        for name in ("batch_size", "max_epochs", "patience"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.learning_rate <= 0 or self.slow_share <= 0:
            raise UsageError(
                f"learning_rate and slow_share must be above 0, got {self.learning_rate} and "
                f"{self.slow_share}"
            )


class TunedTasks(nn.Module):
    """An encoder and a head for several tasks.

    Args:
        encoder: becomes part of the network.
        head: reads its scaled representations.
        scale: of the representations.
        bases: of the tasks, in the order of the head's outputs.
    """

    def __init__(
        self, encoder: UserEncoder, head: MultiTaskHead, scale: Scale, bases: Mapping[str, TaskBase]
    ) -> None:
        super().__init__()
        self.encoder, self.head, self.bases = encoder, head, dict(bases)
        self.register_buffer("mean_D", torch.from_numpy(scale.mean_D))
        self.register_buffer("scale_D", torch.from_numpy(scale.scale_D))
        self.best_epoch = 0
        self.valid: dict[str, float] = {}
        """Validation loss of each task at the best epoch, relative to that of its base rate."""
        self.weight_path: list[dict[str, float]] = []
        """λ of each task at the end of each epoch (D9)."""

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    def outputs(self, batches: Batches, places: Rows) -> Tensor:
        """Return the logits, or standardised numbers, of some rows, ``(R, K)``."""
        found, order = [], []
        for rows_R, batch in batches(places):
            z_RD = self.encoder(batch.to(self.device)).z_UD
            found.append(self.head((z_RD - self.mean_D) * self.scale_D))
            order.append(rows_R)
        back_R = torch.from_numpy(np.argsort(np.concatenate(order))).to(self.device)
        return torch.cat(found)[back_R]

    def all_outputs(self, batches: Batches, num_rows: int) -> Tensor:
        """Return the outputs of rows 0 … ``num_rows - 1``; nothing is trained, nothing dropped."""
        self.eval()
        with torch.inference_mode():
            parts = [
                self.outputs(batches, np.arange(start, min(start + EVALUATION_BATCH, num_rows)))
                for start in range(0, num_rows, EVALUATION_BATCH)
            ]
        return torch.cat(parts)

    def predict(self, batches: Batches, num_rows: int) -> dict[str, Floats]:
        """Return the probability of yes, or the number, of each task and row."""
        out_BK = self.all_outputs(batches, num_rows).cpu().double().numpy()
        found = {}
        for k, (task, base) in enumerate(self.bases.items()):
            out_B = out_BK[:, k] if base.is_number else 1 / (1 + np.exp(-out_BK[:, k]))
            found[task] = out_B * base.scale + base.shift
        return found


def tune_tasks(
    encoder: UserEncoder,
    train: TuningRows,
    valid: TuningRows,
    config: MultiTaskTuningConfig | None = None,
    seed: int = 0,
    make_weights: MakeWeights = Fixed,
) -> TunedTasks:
    """Train a copy of the encoder with a head; return the weights of the best epoch.

    Args:
        encoder: left as it is.
        train: what is learned.
        valid: by whom the epoch is chosen.
        config: what is trained.
        seed: of the head, the order and dropout.
        make_weights: how tasks are weighed; they share the head's experts and, unless it is frozen,
            what the last block of the encoder and all before it say. Not with ``bilevel``.

    Raises:
        DataError: no task, one without a training row or with one answer only, or nobody to stop
            by.
        UsageError: the encoder has tables with sparse gradients and would be trained, or weights
            are both searched for and given.
    """
    config = config or MultiTaskTuningConfig()
    if config.bilevel is not None and make_weights is not Fixed:
        raise UsageError("bilevel searches for the weights: give it, or make_weights, not both")
    bases = _bases(train, valid, config)
    network = _network(copy.deepcopy(encoder), train, bases, config, seed)
    tuning = _Tuning(network, train, config, seed, make_weights)
    targets = tuning.targets_of(valid)
    base_K = tuning.base_losses(targets)
    best, worse, state = np.inf, 0, _copy(network)
    for epoch in range(1, config.max_epochs + 1):
        tuning.epoch(epoch)
        path = dict(zip(bases, tuning.weights.weight_K.tolist(), strict=True))
        network.weight_path.append(path)
        out_BK = network.all_outputs(valid.batches, valid.num_rows).cpu()
        losses = task_losses(out_BK, targets, tuning.regression_K)
        ratio_K = losses.mean_K / base_K
        loss = float(ratio_K[losses.present_K].mean())
        worse = 0 if loss < best else worse + 1
        if loss < best:
            best, state, network.best_epoch = loss, _copy(network), epoch
            network.valid = dict(zip(bases, ratio_K.tolist(), strict=True))
        if worse >= config.patience:
            break
    network.load_state_dict(state)
    return network.eval()


class _Tuning:
    """One training: optimiser, order, and the weights of the tasks."""

    def __init__(
        self,
        network: TunedTasks,
        train: TuningRows,
        config: MultiTaskTuningConfig,
        seed: int,
        make_weights: MakeWeights,
    ) -> None:
        self.network, self.train, self.config, self.seed = network, train, config, seed
        self.targets = self.targets_of(train)
        self.regression_K = torch.tensor([task in config.regression for task in network.bases])
        self.shared = network.head.shared_parameters()
        asked_B, search = self.targets.asked_BK.any(dim=1).numpy(), config.bilevel
        if search is None or search.every is None:
            self.weights = make_weights(len(network.bases))
            self.optimizer = torch.optim.AdamW(_groups(network, config, self.weights.parameters()))
            if config.trunk != "frozen":
                self.shared = [*self.shared, *network.encoder.parameters()]
            self.place_B = torch.from_numpy(np.flatnonzero(asked_B))
            return
        self.optimizer = torch.optim.AdamW(_groups(network, config, []))
        generator = numpy_generator(seed, "tune tasks", "meta users")
        learned_B, meta_B = meta_slices(asked_B, train.user_B, search.meta_share, generator)
        self.place_B = torch.from_numpy(np.flatnonzero(learned_B))
        if config.trunk != "frozen":
            # One rate moves all of them: the head's is another one where the trunk is slow.
            encoder, whole = network.encoder, config.searched == "all"
            self.shared = list(encoder.parameters()) if whole else last_weights(encoder)
        meta = self._meta(np.flatnonzero(meta_B), search)
        self.weights = Bilevel(len(network.bases), search, self.optimizer, meta)

    def _meta(self, place_B: Rows, search: BilevelConfig) -> MetaHinge:
        """Return what the search reads on the rows that nothing else is learned from."""
        targets = self.targets.rows(torch.from_numpy(place_B))

        def outputs(place_R: Tensor) -> Tensor:
            # As rows are validated: without dropout.
            was_training = self.network.encoder.training
            self.network.eval()
            out_RK = self.network.outputs(self.train.batches, place_B[place_R.numpy()]).cpu()
            self.network.train()
            self.network.encoder.train(was_training)
            return out_RK

        generator = torch_generator(self.seed, "tune tasks", "meta")
        return MetaHinge(outputs, targets, self.regression_K, search.meta_batch, generator)

    def targets_of(self, rows: TuningRows) -> TaskTargets:
        """Return what the network is to say of some rows."""
        scaled = [(rows.y[t] - base.shift) / base.scale for t, base in self.network.bases.items()]
        return TaskTargets.of(torch.from_numpy(np.stack(scaled, axis=1).astype(np.float32)))

    def base_losses(self, targets: TaskTargets) -> Tensor:
        """Return the loss of each task's base rate, never 0."""
        out_K = torch.tensor([base.output for base in self.network.bases.values()])
        losses = task_losses(out_K.expand(targets.y_BK.shape), targets, self.regression_K)
        return losses.mean_K.clamp(min=1e-6)

    def epoch(self, epoch: int) -> None:
        """Go once over the rows that are asked anything."""
        generator = torch_generator(self.seed, "tune tasks", "order", epoch)
        order = self.place_B[torch.randperm(len(self.place_B), generator=generator)]
        device, frozen = self.network.device, self.config.trunk == "frozen"
        self.network.train()
        # A frozen encoder drops nothing: its vectors are those that would be stored.
        self.network.encoder.train(not frozen)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            seed_dropout(derive_seed(self.seed, "tune tasks", "dropout", epoch), device)
            for place_R in torch.split(order, self.config.batch_size):
                out_RK = self.network.outputs(self.train.batches, place_R.numpy()).cpu()
                losses = task_losses(out_RK, self.targets.rows(place_R), self.regression_K)
                self.optimizer.zero_grad()
                self.weights.backward(losses, [p for p in self.shared if p.requires_grad])
                self.optimizer.step()


def _bases(
    train: TuningRows, valid: TuningRows, config: MultiTaskTuningConfig
) -> dict[str, TaskBase]:
    parts = (train, valid)
    dummies = [ManyLabelled(np.zeros((part.num_rows, 1), np.float32), part.y) for part in parts]
    check_answers(dummies[0], dummies[1], config.regression)
    bases = {t: TaskBase.of(y, is_number=t in config.regression) for t, y in train.y.items()}
    if same := [task for task, base in bases.items() if base.is_constant]:
        raise DataError(
            f"{', '.join(same)}: all training rows have one answer, so there is nothing to tune; "
            f"leave the task out"
        )
    if all(np.isnan(valid.y[task]).all() for task in bases):
        raise DataError("no validation row is asked anything: nothing says when to stop")
    return bases


def _network(
    encoder: UserEncoder,
    train: TuningRows,
    bases: Mapping[str, TaskBase],
    config: MultiTaskTuningConfig,
    seed: int,
) -> TunedTasks:
    if config.trunk != "frozen" and parameter_groups(encoder)["sparse"]:
        raise UsageError(
            "tables with sparse gradients cannot be tuned with others: set sparse to false, or "
            "trunk to frozen"
        )
    encoder.requires_grad_(config.trunk != "frozen")
    head = multi_task_head(
        config.head,
        encoder.representation_dim,
        len(bases),
        torch_generator(seed, "tune tasks", "head"),
    )
    with torch.no_grad():
        head.output_bias().copy_(torch.tensor([base.output for base in bases.values()]))
    scale = Scale.fit(_vectors(encoder, train))
    network = TunedTasks(encoder, head, scale, bases)
    return network.to(network.device)


def _vectors(encoder: UserEncoder, rows: TuningRows) -> Matrix:
    """Return the representations before any training, ``(B, D)``."""
    device = next(encoder.parameters()).device
    z_BD = np.zeros((rows.num_rows, encoder.representation_dim), np.float32)
    encoder.eval()
    with torch.inference_mode():
        for start in range(0, rows.num_rows, EVALUATION_BATCH):
            places = np.arange(start, min(start + EVALUATION_BATCH, rows.num_rows))
            for rows_R, batch in rows.batches(places):
                z_BD[places[rows_R]] = encoder(batch.to(device)).z_UD.cpu().numpy()
    return z_BD


def _groups(
    network: TunedTasks, config: MultiTaskTuningConfig, own: list[nn.Parameter]
) -> list[dict[str, object]]:
    """Return the groups of the optimiser: the head, the trunk at its rate, and own weights."""
    share = {"frozen": 0.0, "slow": config.slow_share, "full": 1.0}[config.trunk]
    decay = {"weight_decay": config.weight_decay}
    groups: list[dict[str, object]] = [
        {"params": list(network.head.parameters()), "lr": config.learning_rate, **decay}
    ]
    if share:
        trunk = list(network.encoder.parameters())
        groups.append({"params": trunk, "lr": config.learning_rate * share, **decay})
    if own:
        groups.append({"params": own, "lr": config.learning_rate, "weight_decay": 0.0})
    return groups


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
