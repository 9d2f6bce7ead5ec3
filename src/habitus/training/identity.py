"""Identity: what must be the same for a checkpoint to be gone on from."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from habitus import __version__
from habitus.encoders import UserEncoder
from habitus.errors import UsageError
from habitus.objectives import Objective
from habitus.training.config import TrainingConfig

FREE = ("training.checkpoint_every_s", "training.log_every", "training.num_threads")
"""Keys that do not decide what is learned."""


def identity(
    config: TrainingConfig, encoder: UserEncoder, objective: Objective, data: str | None
) -> dict[str, Any]:
    """Return every setting that a training depends on, flat: dotted key → value."""
    return dict(
        _flat(
            {
                "training": config.to_dict(),
                "encoder": {"name": encoder.name, **encoder.config.to_dict()},
                "objective": {"name": objective.name, **objective.config.to_dict()},
                "data": data,
            }
        )
    )


def check_identity(saved: Mapping[str, Any], now: Mapping[str, Any], where: object) -> None:
    """Compare two identities.

    Raises:
        UsageError: a key differs; the message says which, and both values.
    """
    for key in sorted({*saved, *now} - set(FREE)):
        old, new = saved.get(key, "nothing"), now.get(key, "nothing")
        if old != new:
            raise UsageError(
                f"the checkpoint in {where} was made with {key} = {old!r}, this run has {new!r}: "
                f"use the same value to go on, or another folder to start anew"
            )


def circumstances(device: torch.device) -> dict[str, Any]:
    """Return what the last bit of a result depends on, beside the identity."""
    is_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else device.type,
        "habitus": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
    }


def compare_circumstances(saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Warn where a resumed run may differ from an uninterrupted one in the last bit."""
    changed = [f"{k} {saved.get(k)} → {now[k]}" for k in now if saved.get(k) != now[k]]
    if changed:
        warnings.warn(
            f"resuming under other circumstances ({', '.join(changed)}): the result may differ "
            f"in the last bit from an uninterrupted run",
            RuntimeWarning,
            stacklevel=2,
        )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
