"""Meter: what a training cost and what it had for it, since the last log line and since its start.

Training a step is counted as three forward passes (``floors.md``: train ≈ 3 × forward).
"""

from __future__ import annotations

import dataclasses
import resource
import sys
from dataclasses import dataclass, field
from typing import Any, Self

import torch

from habitus.data.loader import Batch

TRAIN_PER_FORWARD = 3


@dataclass
class Sums:
    """Sums over steps; means and rates are properties."""

    steps: int = 0
    seconds: float = 0.0
    """Time in training steps, waiting for data included; no evaluation, no checkpoint."""
    users: int = 0
    events: int = 0
    padded_events: int = 0
    flops_true: float = 0.0
    flops_executed: float = 0.0
    loss: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    """Of each expert, by :func:`habitus.training.routing_log.flat_shares`; a mean a step."""

    def add(self, other: Sums) -> None:
        """Add what another holds."""
        for f in dataclasses.fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if isinstance(mine, dict):
                for key, value in theirs.items():
                    mine[key] = mine.get(key, 0.0) + value
            else:
                setattr(self, f.name, mine + theirs)

    def add_batch(self, batch: Batch, flops: tuple[float, float]) -> None:
        """Count a batch and its forward pass, (true, executed)."""
        self.users += batch.num_users
        self.events += batch.num_events
        self.padded_events += batch.padded_events
        self.flops_true += TRAIN_PER_FORWARD * flops[0]
        self.flops_executed += TRAIN_PER_FORWARD * flops[1]

    @property
    def part_means(self) -> dict[str, float | None]:
        """Each part's mean over its targets; None where there was no target."""
        return {k: v / self.counts[k] if self.counts[k] else None for k, v in self.parts.items()}

    @property
    def padding_share(self) -> float:
        """Share of the places in batches that hold no event."""
        return 1 - self.events / self.padded_events if self.padded_events else 0.0

    def rates(self) -> dict[str, float]:
        """Return users and events a second."""
        seconds = max(self.seconds, 1e-9)
        return {
            "users_per_second": self.users / seconds,
            "events_per_second": self.events / seconds,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the sums that :meth:`to_dict` gave."""
        return cls(**values)


class Meter:
    """Sums twice: since the last log line (``window``), and since the start (``total``)."""

    def __init__(self) -> None:
        self.window = Sums()
        self.total = Sums()
        self.peak_memory_bytes = 0

    def add(self, step: Sums) -> None:
        """Count a step."""
        self.window.add(step)
        self.total.add(step)

    def look_at_memory(self, device: torch.device) -> int:
        """Return the peak so far: of the device's memory, or of the process on a CPU."""
        now = peak_memory_bytes(device)
        self.peak_memory_bytes = max(self.peak_memory_bytes, now)
        return self.peak_memory_bytes

    def state_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        return {
            "window": self.window.to_dict(),
            "total": self.total.to_dict(),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.window = Sums.from_dict(state["window"])
        self.total = Sums.from_dict(state["total"])
        self.peak_memory_bytes = state["peak_memory_bytes"]


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory in use at once so far: allocated on a GPU, or resident on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
