"""Objectives that see the encoder only through rows of vectors: what lies before can be run apart.

This is what GradCache needs (two passes over parts of a batch), and what several processes need
that tell their users apart together.

Shapes: R rows of one process, C rows of all processes, D width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol

import torch
from torch import Tensor
from typing_extensions import override

from habitus.encoders import UserEncoder
from habitus.nn.stages import Stages, run
from habitus.objectives.base import Loss, Objective


class Peers(Protocol):
    """The processes that share a step, each with other users."""

    @property
    def rank(self) -> int:
        """Which of them this one is."""
        ...

    @property
    def world(self) -> int:
        """How many there are."""
        ...

    def gather(self, x_R: Tensor) -> Tensor:
        """Return the rows of all of them, by rank; what each does with a row is in its gradient.

        All processes call it, and the backward pass through it, the same number of times.
        """
        ...


class Alone:
    """One process."""

    rank, world = 0, 1

    def gather(self, x_R: Tensor) -> Tensor:
        """Return the rows."""
        return x_R


ALONE = Alone()


class SplitObjective(Objective):
    """The encoder's rows, made in stages, then a loss of all rows of the step together."""

    @abstractmethod
    def stages(
        self,
        encoder: UserEncoder,
        batch: Any,  # noqa: ANN401 - an heir knows its batch
        size: int = 0,
    ) -> Stages:
        """Return how the rows are made, in parts of at most ``size`` tokens; 0 for one part."""

    @abstractmethod
    def loss_of(
        self,
        z_RD: Tensor,
        batch: Any,  # noqa: ANN401 - an heir knows its batch
        generator: torch.Generator,
        peers: Peers = ALONE,
    ) -> Loss:
        """Return the loss of the rows that :meth:`stages` made.

        With peers, the mean of the totals of all processes is the loss of all their rows in one,
        and so are the gradients; parts are of this process's targets.
        """

    @override
    def forward(
        self,
        encoder: UserEncoder,
        batch: Any,
        generator: torch.Generator,
    ) -> Loss:
        return self.loss_of(run(self.stages(encoder, batch)), batch, generator)
