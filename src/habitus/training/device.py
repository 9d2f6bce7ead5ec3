"""Devices by name: whether this machine has one is found out before any work is done."""

from __future__ import annotations

import torch

from habitus.errors import UsageError


def usable_device(name: str) -> torch.device:
    """Return the device of a name such as ``cpu`` or ``cuda:1``.

    Raises:
        UsageError: no such device, or not on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"device {name!r} cannot be used here ({reason}); use 'cpu'") from error
    return device
