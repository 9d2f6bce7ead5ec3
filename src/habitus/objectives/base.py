"""What every objective promises: an encoder and a batch in, a loss and its parts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from habitus.config import Config
from habitus.encoders import UserEncoder


class Loss(NamedTuple):
    """What is minimised, and what it is made of."""

    total: Tensor
    """A scalar with a gradient."""
    parts: dict[str, Tensor]
    """Named scalars for the log, detached."""
    counts: dict[str, Tensor]
    """How many targets each part is a mean of; 0 where a part was absent from the batch."""
    shares: Mapping[str, Tensor] = MappingProxyType({})
    """Share of the choices of each expert, by the path of its router: for the log, and what
    :meth:`UserEncoder.rebalance` gets after the step."""


class Objective(nn.Module, ABC):
    """What pre-training minimises. It may have weights of its own; they are not exported.

    All chance comes from ``generator``, so that a resumed run repeats an uninterrupted one.
    """

    name: ClassVar[str]
    """The name in :data:`habitus.objectives.OBJECTIVES`."""
    config: Config

    @abstractmethod
    def forward(
        self,
        encoder: UserEncoder,
        batch: Any,  # noqa: ANN401 - an heir knows its batch
        generator: torch.Generator,
    ) -> Loss:
        """Return the loss of one batch."""

    @abstractmethod
    def forward_flops(self, encoder: UserEncoder, batch: Any) -> tuple[float, float]:  # noqa: ANN401
        """Return (true, executed) operations of one forward pass, the encoder's included."""
