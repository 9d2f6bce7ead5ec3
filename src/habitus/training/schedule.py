"""Schedules: step → what the learning rate is multiplied by. Pure functions, so nothing to save.

Step 0 is the first. Warm-up reaches 1 at its last step, and every falling schedule reaches its end
at the last step of the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from habitus.training.config import TrainingConfig

ONECYCLE_START = 1 / 25
"""Share of the highest rate at which OneCycle starts; PyTorch's ``div_factor``."""
ONECYCLE_END = ONECYCLE_START / 1e4
"""… and at which it ends; PyTorch's ``final_div_factor``."""


def schedule(config: TrainingConfig) -> Callable[[int], float]:
    """Return the schedule that a config names."""
    steps = config.max_steps
    warmup = round(config.warmup_share * steps)
    if config.schedule == "cosine":
        return lambda step: cosine(step, steps, warmup, config.min_lr_share)
    if config.schedule == "onecycle":
        return lambda step: onecycle(step, steps, config.warmup_share)
    if config.schedule == "wsd":
        cooldown = round(config.cooldown_share * steps)
        return lambda step: wsd(step, steps, warmup, cooldown, config.min_lr_share)
    return lambda step: rise(step, warmup)


def rise(step: int, warmup: int) -> float:
    """Return the linear warm-up: 1 / warmup at the first step, then up to 1 and constant.

    >>> [rise(step, 4) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def cosine(step: int, steps: int, warmup: int, end: float = 0.0) -> float:
    """Return warm-up, then half a cosine wave from 1 down to ``end``.

    >>> [round(cosine(step, 4, 0), 3) for step in range(4)]
    [0.854, 0.5, 0.146, 0.0]
    """
    if step < warmup:
        return rise(step, warmup)
    return _wave(1.0, end, (step + 1 - warmup) / max(1, steps - warmup))


def wsd(step: int, steps: int, warmup: int, cooldown: int, end: float = 0.0) -> float:
    """Return warm-up, stable, then linear decay to ``end`` (I2 14: one run, many budgets).

    >>> [wsd(step, 6, 2, 2) for step in range(6)]
    [0.5, 1.0, 1.0, 1.0, 0.5, 0.0]
    """
    stable = steps - cooldown
    if step < stable:
        return rise(step, warmup)
    return 1 + (end - 1) * (step + 1 - stable) / cooldown


def onecycle(step: int, steps: int, rising_share: float) -> float:
    """Return Smith's one cycle: a cosine wave up from 1/25, and one down to 1/250,000.

    Equal to ``torch.optim.lr_scheduler.OneCycleLR``; differs from it: momentum is left alone.

    Smith, Topin. "Super-Convergence". 2017. https://arxiv.org/abs/1708.07120
    """
    top, last = rising_share * steps - 1, steps - 1
    if step <= top:
        return _wave(ONECYCLE_START, 1.0, step / top) if top else 1.0
    return _wave(1.0, ONECYCLE_END, (step - top) / (last - top))


def _wave(start: float, stop: float, share: float) -> float:
    return stop + (start - stop) * (1 + math.cos(math.pi * share)) / 2
