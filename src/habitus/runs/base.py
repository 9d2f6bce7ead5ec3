"""What every run promises: traces in, and all that a training needs out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

import torch

from habitus.config import Config
from habitus.data.loader import BatchSource
from habitus.data.snapshot import Snapshot
from habitus.data.split import Part, UserSplit
from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.objectives import Loss, Objective
from habitus.registry import did_you_mean
from habitus.representations.model import Model
from habitus.training.config import TrainingConfig

Validate = Callable[[], Loss]
"""The loss on validation users, with the weights as they are; the same chance at every call."""


class TrainingSource(BatchSource[Any, Any], Protocol):
    """Where the batches of a training come from."""

    @property
    def num_users(self) -> int:
        """Users that are trained on."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run(Config, ABC):
    """All that decides a pre-trained encoder, beside the traces.

    What a method makes of the traces may be kept below ``work``, a folder that belongs to these
    traces and this run; None to keep nothing.
    """

    label: ClassVar[str]
    """What reports call the encoder."""
    stages: ClassVar[tuple[str, str]] = ("fit what encodes", "draw what to train on")
    """What :meth:`begin` and :meth:`prepare` do, told while they do it."""

    name: str
    """The name in :data:`habitus.runs.RUNS`."""
    preset: str
    as_of: str | int | None = None
    """Cutoff of pre-training: a date, or with ordinal time the number of last events to leave out;
    None for all events."""
    split: UserSplit = field(default_factory=UserSplit)
    """The encoder is trained on train users, and stopped by valid users."""
    training: TrainingConfig
    seed: int = 0
    """Of the first weights, every draw and every shuffle."""

    @property
    def begins_warm(self) -> bool:
        """True where :meth:`begin` gives other weights than :meth:`build`."""
        return False

    def with_seed(self, seed: int) -> Self:
        """Return the same run with another seed everywhere."""
        return replace(self, seed=seed, training=replace(self.training, seed=seed))

    def snapshot(self, traces: Traces, part: Part) -> Snapshot:
        """Return the users of one part before the cutoff."""
        return Snapshot(traces, self.as_of, self.split.rows(traces, part))

    @abstractmethod
    def build(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        """Return the untrained model, its state fitted on train users, and its objective.

        The first weights depend on the run's seed alone; global generators are left as they were.
        """

    def begin(self, traces: Traces, work: Path | None = None) -> tuple[Model, Objective]:
        """Return the model and the objective at step 0: warm where the run says so."""
        return self.build(traces, work)

    @abstractmethod
    def prepare(
        self,
        traces: Traces,
        model: Model,
        objective: Objective,
        device: torch.device,
        work: Path | None = None,
    ) -> tuple[TrainingSource, Validate | None]:
        """Return the batches of training, and the loss on what training does not see.

        Args:
            traces: those that the model was built from.
            model: as :meth:`begin` returned it, on ``device``.
            objective: likewise.
            device: where both are.
            work: where to keep what is made of the traces.

        Raises:
            GuardError: nobody can be trained on; the message says what to change.
        """


AnyRun = TypeVar("AnyRun", bound=Run)


def of_preset(presets: Mapping[str, Callable[[], AnyRun]], preset: str) -> AnyRun:
    """Return the run of one of several presets.

    Raises:
        UsageError: no such preset.
    """
    if preset not in presets:
        raise UsageError(f"no preset is called {preset!r}; {did_you_mean(preset, presets)}")
    return replace(presets[preset](), preset=preset)
