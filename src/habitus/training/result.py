"""TrainingResult: what a finished training was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from habitus.training.log import Record
from habitus.training.routing_log import routing_curves


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a finished training was, over all the attempts it took."""

    steps: int
    stopped_early: bool
    best_step: int | None
    """The step whose weights were kept; None without a validation objective."""
    best_valid: float | None
    history: list[Record]
    """Every line of the log: kind "train" or "valid"."""
    seconds: float
    """Of training, evaluation and checkpoints, up to each attempt's last checkpoint."""
    users_per_second: float
    """While training, waiting for data included."""
    events_per_second: float
    flops_true: float
    flops_executed: float
    padding_share: float
    peak_memory_bytes: int
    resumed_from: int | None
    """Step of the checkpoint that this attempt began at; None for a fresh start."""

    def curves(self) -> dict[str, Any]:
        """Return the columns of the history: what a plot of the training needs."""
        train = [r for r in self.history if r["kind"] == "train"]
        valid = [r for r in self.history if r["kind"] == "valid"]
        names = list(dict.fromkeys(name for record in train for name in record["parts"]))
        routing = routing_curves(train)
        return {
            "step": [r["step"] for r in train],
            "train_loss": [r["loss"] for r in train],
            "valid_step": [r["step"] for r in valid],
            "valid_loss": [r["loss"] for r in valid],
            "parts": {name: [r["parts"].get(name) for r in train] for name in names},
            **({"routing": routing} if routing else {}),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: what JSON can hold."""
        return asdict(self)
