"""Precision: which numbers the forward pass uses, decided by a check of the device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from habitus.errors import UsageError
from habitus.training.config import PrecisionName


def choose_precision(precision: PrecisionName, device: torch.device) -> PrecisionName:
    """Return fp32 or bf16: what ``auto`` means on this device, or what was asked for.

    On CPUs auto is fp32: without bf16 units, bf16 was measured 60 times slower.

    Raises:
        UsageError: bf16 was asked for on a GPU without it.
    """
    has_bf16 = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bf16" and not has_bf16:
        raise UsageError(f"precision 'bf16' is not supported by {device}: use 'fp32' or 'auto'")
    if precision == "auto":
        return "bf16" if device.type == "cuda" and has_bf16 else "fp32"
    return precision


def forward_precision(
    precision: PrecisionName, device: torch.device
) -> AbstractContextManager[Any]:
    """Return the context of a forward pass. Weights, gradients and optimiser stay fp32.

    bf16 has the range of fp32, so losses are not scaled.
    """
    if choose_precision(precision, device) == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
