"""Fine-tuning: an encoder and a linear head, trained end to end on a class task (PASUM P20, A-P22).

Adam, batches of 16, at most 50 epochs, stopped after 10 without a better validation macro-F1;
learning rate and weight decay are chosen by it too; no class weights.

Differs from the paper: between equal macro-F1 the lower validation log loss is better; lookup
tables made with sparse gradients get Adam's step on the rows of the batch only, without decay.

Shapes: B rows asked for, R rows of a part of them, C classes, D width of a representation.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import Adam, Optimizer, SparseAdam

from habitus.config import Config
from habitus.data.traces import Rows
from habitus.encoders import UserEncoder
from habitus.errors import DataError, GuardError, UsageError
from habitus.probes.trials import Classes, Floats, Score, Trial, judge
from habitus.random import derive_seed, torch_generator
from habitus.training.optimizer import parameter_groups
from habitus.training.row_adam import RowAdam
from habitus.training.state import seed_dropout

Batches = Callable[[Rows], Iterable[tuple[Rows, Any]]]
"""Places of users in; out come batches of them, each with its rows among those asked for."""
EVALUATION_BATCH = 256
"""Users encoded at once where nothing is trained."""


class Examples(NamedTuple):
    """Users and the class of each."""

    batches: Batches
    class_B: Classes


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig(Config):
    """What is tried, and how each is trained."""

    learning_rates: tuple[float, ...] = (1e-3, 5e-5)
    weight_decays: tuple[float, ...] = (0.0, 1e-5)
    """Of the gradient, as Adam of the paper has it; not decoupled."""
    dropouts: tuple[float, ...] = (0.0,)
    """Of the representation, before the head."""
    batch_size: int = 16
    max_epochs: int = 50
    patience: int = 10
    """Epochs without a better validation score before a trial stops."""

    def __post_init__(self) -> None:
        if min(self.batch_size, self.max_epochs, self.patience) < 1:
            raise UsageError(f"batch_size, max_epochs and patience must be 1 or more, got {self}")
        if not self.num_trials or min(self.learning_rates) <= 0 or min(self.weight_decays) < 0:
            raise UsageError(
                f"there must be learning_rates above 0, weight_decays of 0 or more and dropouts, "
                f"got {self}"
            )
        if not all(0 <= dropout < 1 for dropout in self.dropouts):
            raise UsageError(f"dropouts must be in [0, 1), got {self.dropouts}")

    @property
    def num_trials(self) -> int:
        """How many settings are tried."""
        return len(self.settings())

    def settings(self) -> list[dict[str, float]]:
        """Return every combination."""
        names = ("learning_rate", "weight_decay", "dropout")
        grid = product(self.learning_rates, self.weight_decays, self.dropouts)
        return [dict(zip(names, values, strict=True)) for values in grid]


class ClassNetwork(nn.Module):
    """An encoder and a linear head.

    Args:
        encoder: becomes part of the network and is trained in place.
        num_classes: width of the head's output.
        dropout: share of the representation that is dropped in training.
        generator: the head's first weights are drawn from it.
    """

    def __init__(
        self, encoder: UserEncoder, num_classes: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        width = encoder.representation_dim
        # The usual constructor would draw from the global generator.
        self.head = nn.utils.skip_init(nn.Linear, width, num_classes)  # type: ignore[no-untyped-call]
        for parameter in self.head.parameters():
            nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)
        self.to(self.device)

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    def forward(self, batch: Any) -> Tensor:  # noqa: ANN401 - an encoder knows its batch
        """Return the logits of each user of a batch, ``(R, C)``."""
        z_RD = self.encoder(batch.to(self.device)).z_UD
        logits_RC: Tensor = self.head(self.dropout(z_RD))
        return logits_RC

    def probabilities(self, batches: Batches, num_users: int) -> Floats:
        """Return the probability of each class for users 0 … ``num_users - 1``, ``(B, C)``."""
        self.eval()
        probability_BC = np.empty((num_users, self.head.out_features))
        with torch.inference_mode():
            for start in range(0, num_users, EVALUATION_BATCH):
                places = np.arange(start, min(start + EVALUATION_BATCH, num_users))
                for rows_R, batch in batches(places):
                    softmax_RC = self(batch).double().softmax(dim=1)
                    probability_BC[places[rows_R]] = softmax_RC.cpu().numpy()
        return probability_BC


class FineTuned(NamedTuple):
    """The network of the best trial, and all trials."""

    network: ClassNetwork
    trials: tuple[Trial, ...]

    def probabilities(self, batches: Batches, num_users: int) -> Floats:
        """Return the probability of each class for users 0 … ``num_users - 1``, ``(B, C)``."""
        return self.network.probabilities(batches, num_users)


def fine_tune(
    encoder: UserEncoder,
    train: Examples,
    valid: Examples,
    num_classes: int,
    config: FineTuneConfig | None = None,
    seed: int = 0,
    on_trial: Callable[[Trial], None] | None = None,
) -> FineTuned:
    """Train a copy of the encoder with a head in every setting; return the best on validation.

    Every trial begins with the same weights and sees the same batches in the same order.

    Args:
        encoder: left as it is.
        train: users whose classes are learned.
        valid: users by whom epochs and settings are chosen.
        num_classes: C; a class may have no training user.
        config: what is tried.
        seed: of the head, the order and dropout.
        on_trial: gets each trial when it is done.

    Raises:
        DataError: there is no training or no validation user.
        GuardError: no setting gave finite probabilities.
    """
    config = config or FineTuneConfig()
    if not len(train.class_B) or not len(valid.class_B):
        raise DataError(
            f"fine-tuning needs training and validation users, got {len(train.class_B)} and "
            f"{len(valid.class_B)}"
        )
    best: tuple[Score, ClassNetwork] | None = None
    trials: list[Trial] = []
    for settings in config.settings():
        generator = torch_generator(seed, "fine_tune", "head")
        network = ClassNetwork(copy.deepcopy(encoder), num_classes, settings["dropout"], generator)
        trial = _train(network, train, valid, config, settings, seed)
        trials.append(trial)
        if on_trial is not None:
            on_trial(trial)
        if trial.epochs and (best is None or trial.score > best[0]):
            best = trial.score, network
    if best is None:
        raise GuardError(
            f"no setting of fine-tuning gave finite probabilities, tried {config.settings()}: "
            f"lower learning_rates"
        )
    return FineTuned(best[1], tuple(trials))


def _train(
    network: ClassNetwork,
    train: Examples,
    valid: Examples,
    config: FineTuneConfig,
    settings: dict[str, float],
    seed: int,
) -> Trial:
    """Train in place; the network ends with the weights of its best epoch."""
    started = time.perf_counter()
    optimizers = _optimizers(network, settings["learning_rate"], settings["weight_decay"])
    best, best_epoch, weights = Score(-np.inf, -np.inf), 0, _copy(network)
    for epoch in range(1, config.max_epochs + 1):
        with _dropout_of(derive_seed(seed, "fine_tune", "dropout", epoch), network.device):
            _train_epoch(network, optimizers, train, config.batch_size, seed, epoch)
        probability_BC = network.probabilities(valid.batches, len(valid.class_B))
        if not np.isfinite(probability_BC).all():
            break
        score = judge(probability_BC, valid.class_B)
        if score > best:
            best, best_epoch, weights = score, epoch, _copy(network)
        if epoch - best_epoch >= config.patience:
            break
    network.load_state_dict(weights)
    return Trial(settings, best, best_epoch, time.perf_counter() - started)


def _train_epoch(
    network: ClassNetwork,
    optimizers: list[Optimizer],
    train: Examples,
    batch_size: int,
    seed: int,
    epoch: int,
) -> None:
    network.train()
    generator = torch_generator(seed, "fine_tune", "order", epoch)
    order_B = torch.randperm(len(train.class_B), generator=generator)
    for chosen in torch.split(order_B, batch_size):
        places = chosen.numpy()
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        for rows_R, batch in train.batches(places):
            truth_R = torch.from_numpy(train.class_B[places[rows_R]]).to(network.device)
            loss = cross_entropy(network(batch), truth_R, reduction="sum") / len(places)
            torch.autograd.backward(loss)
        for optimizer in optimizers:
            optimizer.step()


def _optimizers(network: nn.Module, learning_rate: float, weight_decay: float) -> list[Optimizer]:
    groups = parameter_groups(network)
    sparse = [parameter for _, parameter in groups.pop("sparse")]
    dense = [parameter for named in groups.values() for _, parameter in named]
    fused = {parameter.device.type for parameter in dense} <= {"cpu", "cuda"}
    optimizers: list[Optimizer] = [
        Adam(dense, lr=learning_rate, weight_decay=weight_decay, fused=fused)
    ]
    if sparse:
        on_cpu = {parameter.device.type for parameter in sparse} == {"cpu"}
        optimizers.append((RowAdam if on_cpu else SparseAdam)(sparse, lr=learning_rate))
    return optimizers


@contextmanager
def _dropout_of(seed: int, device: torch.device) -> Iterator[None]:
    """Seed what dropout draws from, and give the generators back as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seed_dropout(seed, device)
        yield


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
