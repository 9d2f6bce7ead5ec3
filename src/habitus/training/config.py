"""TrainingConfig: everything that decides the weights, beside the data and the two modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from habitus.config import Config
from habitus.errors import UsageError

ScheduleName = Literal["cosine", "onecycle", "constant", "wsd"]
PrecisionName = Literal["auto", "fp32", "bf16"]
SparseOptimizerName = Literal["sparse_adam", "row_wise_adagrad"]
TableOptimizerName = Literal["adamw", "row_wise_adagrad"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """How an encoder is trained. Defaults are those of A-S1, for one machine."""

    max_steps: int
    """Optimiser steps; the one budget (F3: epochs of different systems do not compare)."""
    learning_rate: float = 1e-3
    """The highest, after warm-up."""
    embedding_learning_rate: float | None = None
    """Of lookup tables; None for ``learning_rate`` (A-P10 allows a group of its own)."""
    table_optimizer: TableOptimizerName = "adamw"
    """Of lookup tables; row_wise_adagrad, at ``sparse_learning_rate``, keeps one number a row and
    not two a weight, and is what a sharded table trains with (A-S1, I3 8)."""
    sparse_optimizer: SparseOptimizerName = "row_wise_adagrad"
    """For tables made with ``sparse=True``, which AdamW cannot update (A-S1: row-wise Adagrad)."""
    sparse_learning_rate: float = 0.05
    """Of tables made with ``sparse=True`` (A-S1)."""
    weight_decay: float = 0.01
    """Decoupled; matrices only: no norm, no bias, no lookup table."""
    decay_all: bool = False
    """Decay norms, biases and lookup tables as well, all but scalars, such as the temperature of
    a contrast (A-C9); tables made with ``sparse=True`` have no decay."""
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    schedule: ScheduleName = "cosine"
    warmup_share: float = 0.02
    """Share of ``max_steps`` in which the learning rate rises."""
    cooldown_share: float = 0.2
    """Share of ``max_steps`` in which it falls; "wsd" only."""
    min_lr_share: float = 0.0
    """Where the learning rate ends, as a share of the highest; "cosine" and "wsd" only."""
    clip_norm: float | None = 1.0
    """Largest norm of the whole gradient; None for no limit."""
    accumulate: int = 1
    """Batches to a step; each weighs the same."""
    grad_cache_chunk: int | None = None
    """Tokens whose activations are held at a time, with the same gradient as at once: for batches
    of objectives that compare all users (GradCache). None to hold those of the batch."""
    precision: PrecisionName = "auto"
    """auto: bf16 where the device is made for it, else fp32."""
    ema_decay: float | None = None
    """Validate and keep an exponential moving average of the weights; None for off."""
    evaluate_every: int | None = None
    """Steps between two looks at the validation objective; None for the end only."""
    patience: int | None = None
    """Stop after so many evaluations without improvement; None for never."""
    checkpoint_every_s: float = 15.0
    """Seconds between two checkpoints, at most; there is also one at every evaluation."""
    log_every: int = 10
    """Steps between two lines of the log."""
    seed: int = 0
    num_threads: int | None = None
    """Threads of torch on the CPU; None for as they are. Sums differ in the last bit with it."""

    def __post_init__(self) -> None:
        at_least_one = ("max_steps", "accumulate", "evaluate_every", "patience", "log_every")
        for name in (*at_least_one, "num_threads", "grad_cache_chunk"):
            self._check(name, 1, None)
        for name in ("learning_rate", "embedding_learning_rate", "sparse_learning_rate", "eps"):
            self._check(name, 0, None, above=True)
        self._check("clip_norm", 0, None, above=True)
        self._check("weight_decay", 0, None)
        self._check("checkpoint_every_s", 0, None)
        for name in ("warmup_share", "cooldown_share", "min_lr_share"):
            self._check(name, 0, 1)
        self._check("ema_decay", 0, 1)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UsageError(f"betas must be in [0, 1), got {self.betas}")
        if self.schedule == "wsd" and self.warmup_share + self.cooldown_share > 1:
            raise UsageError(
                f"warmup_share + cooldown_share must be at most 1, "
                f"got {self.warmup_share} + {self.cooldown_share}"
            )

    def _check(self, name: str, low: float, high: float | None, *, above: bool = False) -> None:
        value = getattr(self, name)
        if value is None:
            return
        # Written so that NaN fails too.
        if not ((value > low if above else value >= low) and (high is None or value <= high)):
            limits = f"above {low}" if above else f"at least {low}"
            limits += "" if high is None else f" and at most {high}"
            raise UsageError(f"{name} must be {limits}, got {value}")
