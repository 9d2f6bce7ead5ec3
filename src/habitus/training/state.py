"""TrainingState: everything that changes while training, and its way into a checkpoint and back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from habitus.config import digest_of
from habitus.data.loader import Loader
from habitus.errors import UsageError
from habitus.training.checkpoint import Checkpoint
from habitus.training.config import TrainingConfig
from habitus.training.ema import Ema
from habitus.training.identity import check_identity, circumstances, compare_circumstances
from habitus.training.meter import Meter
from habitus.training.optimizer import Optimizers
from habitus.training.tensors import load_state_tensors, load_weights, state_tensors

FORMAT = 1
COUNTERS = ("step", "best_step", "best_valid", "evaluations_since_best")


class TrainingState:
    """Weights, optimisers, average, position, sums and the best evaluation so far."""

    def __init__(
        self,
        modules: nn.Module,
        loader: Loader[Any, Any],
        config: TrainingConfig,
        identity: Mapping[str, Any],
    ) -> None:
        self.modules = modules
        self.loader = loader
        self.identity = dict(identity)
        self.device = next(modules.parameters()).device
        self.optimizers = Optimizers(modules, config)
        decay = config.ema_decay
        self.ema = None if decay is None else Ema(modules.named_parameters(), decay)
        self.meter = Meter()
        self.step = 0
        """Steps done."""
        self.best_step: int | None = None
        self.best_valid: float | None = None
        self.evaluations_since_best = 0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time since the start, without that between two attempts."""
        return time.perf_counter() - self._started

    def take_evaluation(self, loss: float) -> bool:
        """Count an evaluation at this step; return whether it is the best so far."""
        improved = self.best_valid is None or loss < self.best_valid
        self.evaluations_since_best = 0 if improved else self.evaluations_since_best + 1
        if improved:
            self.best_step, self.best_valid = self.step, loss
        return improved

    def to_checkpoint(self, log_bytes: int) -> Checkpoint:
        """Return the state as it is now; the log has ``log_bytes`` bytes."""
        tensors, scalars = state_tensors(self.modules, self.optimizers, self.ema)
        values = {
            "format": FORMAT,
            **{name: getattr(self, name) for name in COUNTERS},
            "seconds": self.seconds,
            "loader": self.loader.state_dict(),
            "meter": self.meter.state_dict(),
            "ema_updates": self.ema.num_updates if self.ema is not None else 0,
            "optimizer_scalars": scalars,
            "log_bytes": log_bytes,
            "identity": self.identity,
            "fingerprint": digest_of(self.identity),
            "circumstances": circumstances(self.device),
        }
        return Checkpoint(self.step, tensors, values)

    def load(self, checkpoint: Checkpoint, where: object) -> None:
        """Go on from a checkpoint.

        Raises:
            UsageError: it belongs to another training; nothing was changed.
        """
        values = checkpoint.values
        if values["format"] != FORMAT:
            raise UsageError(
                f"the checkpoint in {where} has format {values['format']}, this version of habitus "
                f"reads {FORMAT}: train in another folder"
            )
        check_identity(values["identity"], self.identity, where)
        compare_circumstances(values["circumstances"], circumstances(self.device))
        scalars = values["optimizer_scalars"]
        load_state_tensors(self.modules, self.optimizers, self.ema, checkpoint.tensors, scalars)
        if self.ema is not None:
            self.ema.num_updates = values["ema_updates"]
        self.loader.load_state_dict(values["loader"])
        self.meter.load_state_dict(values["meter"])
        for name in COUNTERS:
            setattr(self, name, values[name])
        self._started = time.perf_counter() - values["seconds"]

    def keep(self, best: Checkpoint | None) -> None:
        """End with the weights of a checkpoint, or with the present ones; averaged if they are."""
        if best is not None:
            load_weights(self.modules, best.tensors, averaged=self.ema is not None)
        elif self.ema is not None:
            self.ema.write()


def seed_dropout(seed: int, device: torch.device) -> None:
    """Seed the generators that dropout draws from; call it inside ``torch.random.fork_rng``."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
