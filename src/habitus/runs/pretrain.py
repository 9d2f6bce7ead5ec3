"""Pre-train: traces and a run into a trained model.

Fitted state and weights come from the train users before the run's cutoff; valid users before the
cutoff decide which step is kept. Test users are never touched, unless a run says that it reads
their texts without labels (protocol *transductive-text*, A-P20).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from habitus.data.loader import Loader
from habitus.data.traces import Traces
from habitus.objectives import Objective
from habitus.representations.model import Model
from habitus.runs.base import Run
from habitus.runs.sizes import size_entries
from habitus.training.device import usable_device
from habitus.training.distributed import (
    device_of_process,
    first_alone,
    peers,
    processes,
    same_weights,
)
from habitus.training.result import TrainingResult
from habitus.training.shards import collect
from habitus.training.trainer import OnStep, Trainer

OnStage = Callable[[str, int, int], None]
"""Gets what comes before the training, how much of it is done (0 or 1), and 1."""
WORK = "work"
"""What a run keeps of the traces, below the folder of a training."""


@dataclass(frozen=True)
class Pretrained:
    """What pre-training made."""

    model: Model
    training: TrainingResult
    num_train: int
    """Users that were trained on."""
    objective: Objective
    """With its trained weights, which no model directory holds."""
    rank: int = 0
    """Of this process among those that trained it; the first alone has a whole model to save."""
    num_processes: int = 1

    def facts(self) -> dict[str, Any]:
        """Return what a report says of the pre-training: curves and costs, plain values."""
        training = self.training
        return {
            "curves": training.curves(),
            "steps": training.steps,
            "best_step": training.best_step,
            "best_valid": training.best_valid,
            "seconds": training.seconds,
            **size_entries(self.model),
            "flops_true": training.flops_true,
            "flops_executed": training.flops_executed,
            "users_per_second": training.users_per_second,
            "events_per_second": training.events_per_second,
            "padding_share": training.padding_share,
            "peak_memory_bytes": training.peak_memory_bytes,
            "num_train": self.num_train,
            "num_processes": self.num_processes,
        }


def pretrain(
    traces: Traces,
    run: Run,
    folder: str | Path,
    *,
    work: Path | None = None,
    device: str = "cpu",
    on_step: OnStep | None = None,
    on_stage: OnStage | None = None,
) -> Pretrained:
    """Pre-train; go on where ``folder`` holds an interrupted training of the same run.

    Processes that ``torchrun`` started share every step, each with a batch of its own. Each has its
    log and its checkpoints, those after the first in ``folder/process-1`` and so on; the first
    alone tells how far it is, and returns a model that can be saved.

    Args:
        traces: whose users.
        run: how.
        folder: gets the log and the checkpoints.
        work: where the run may keep what it makes of the traces, for several trainings; None for
            ``folder/work``.
        device: where to train.
        on_step: called after each step, for a progress bar.
        on_stage: called before and after what comes first, which may take minutes.

    Raises:
        DataError: the traces lack a channel that the run names.
        GuardError: no train user has enough events before the cutoff.
        UsageError: the folder holds a training of another run, or no such device.
    """
    with processes():
        return _pretrain(traces, run, Path(folder), work, device, on_step, on_stage)


def _pretrain(
    traces: Traces,
    run: Run,
    folder: Path,
    work: Path | None,
    device: str,
    on_step: OnStep | None,
    on_stage: OnStage | None,
) -> Pretrained:
    place, work, shared = usable_device(device_of_process(device)), work or folder / WORK, peers()
    if shared.rank:
        folder, on_step, on_stage = folder / f"process-{shared.rank}", None, None
    with first_alone(), _told(run.stages[0], on_stage):
        model, objective = run.begin(traces, work)
    model.encoder.to(place)
    objective.to(place)
    same_weights(nn.ModuleList([model.encoder, objective]))
    with first_alone(), _told(run.stages[1], on_stage):
        train, validate = run.prepare(traces, model, objective, place, work)
    trainer = Trainer(
        model.encoder,
        objective,
        Loader(train, seed=run.seed, rank=shared.rank, world=shared.world),
        run.training,
        folder,
        validate=validate,
        on_step=on_step,
        data_digest=traces.digest,
    )
    training = trainer.fit()
    collect(model.encoder)
    made = Pretrained(model, training, train.num_users, objective, shared.rank, shared.world)
    model.about["training"] = made.facts()
    return made


@contextmanager
def _told(stage: str, on_stage: OnStage | None) -> Iterator[None]:
    tell = on_stage or (lambda *_: None)
    tell(stage, 0, 1)
    yield
    tell(stage, 1, 1)
