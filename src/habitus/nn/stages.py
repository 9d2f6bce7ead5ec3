"""A computation as stages of parts, so that it can be run at once or a part at a time.

Shapes: N rows that a stage makes, P rows of the stage before, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Part = Callable[[Tensor | None], Tensor]
"""All rows of the stage before ``(P, D)`` in, some rows of this stage out; None before the first.

A part that is run twice with the same chance returns the same."""
Stages = Sequence[Sequence[Part]]
"""The parts of each stage; their rows, one part after the other, are what the stage makes."""


def run(stages: Stages) -> Tensor:
    """Return the rows of the last stage, ``(N, D)``."""
    x_ND: Tensor | None = None
    for parts in stages:
        rows = [part(x_ND) for part in parts]
        x_ND = rows[0] if len(rows) == 1 else torch.cat(rows)
    assert x_ND is not None
    return x_ND
