"""What every encoder promises: a batch of histories in, one representation per user out.

Shapes: U users of the batch, D representation width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from habitus.config import Config


class Representation(NamedTuple):
    """One vector per user, and what the encoder did to make it."""

    z_UD: Tensor
    """Row ``u`` is user ``u`` of the batch; finite, also for a user without events."""
    mask_U: Tensor
    """True where the user has at least one event."""
    aux: dict[str, Tensor]
    """Statistics only (routing, norms): never state of a module."""


class UserEncoder(nn.Module, ABC):
    """A batch of user histories → one representation per user.

    What a row may not know: other users of the batch, the order of users, padding, user ids, and
    anything at or after the snapshot's cutoff. Encoding is a pure function of weights and batch;
    BatchNorm would break that, LayerNorm does not.
    """

    name: ClassVar[str]
    """The name in :data:`habitus.encoders.ENCODERS`."""
    config_type: ClassVar[type[Config]]
    """The class of its config, from which a model directory rebuilds it."""
    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    @property
    @abstractmethod
    def representation_dim(self) -> int:
        """Width of a representation, ``D``."""

    @abstractmethod
    def forward(self, batch: Any) -> Representation:  # noqa: ANN401 - an heir knows its batch
        """Return the representation of each user of the batch."""

    @abstractmethod
    def forward_flops(self, batch: Any) -> tuple[float, float]:  # noqa: ANN401
        """Return (true, executed) floating-point operations of one forward pass.

        True counts events only; executed counts padding too.
        """

    def rebalance(self, shares: Mapping[str, Tensor]) -> None:
        """Take in, after a step, how the routers shared out its tokens, and move their biases.

        Args:
            shares: share of the choices of each expert, by the path of its router in the encoder.
        """
