"""Ema: an exponential moving average of the weights, to validate and to keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """The average of weights over steps: ``average += (1 - decay) · (weight - average)``.

    At its ``n``-th update (from 1) the decay is at most ``(1 + n) / (10 + n)``, so that a short run
    is not an average of its random start. Buffers are not averaged.

    Args:
        weights: names and parameters; the average starts as a copy.
        decay: share of the average that stays, a step.
    """

    def __init__(self, weights: Iterable[tuple[str, nn.Parameter]], decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self._weights = dict(weights)
        self.average = {name: weight.detach().clone() for name, weight in self._weights.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        self.num_updates += 1
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        averages: list[Tensor] = list(self.average.values())
        torch._foreach_lerp_(averages, [w.detach() for w in self._weights.values()], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in the place of the weights, and the weights back at the end."""
        kept = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self.write()
        try:
            yield
        finally:
            self._copy(kept)

    def write(self) -> None:
        """Put the average in the place of the weights, for good."""
        self._copy(self.average)

    @torch.no_grad()
    def _copy(self, values: dict[str, Tensor]) -> None:
        for name, weight in self._weights.items():
            weight.copy_(values[name])
