"""A few people of a few groups, and an encoder of their events trained for five steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets.subpopulations import Subpopulations, SubpopulationsConfig
from habitus.objectives.masked_channel import MaskedChannelPrediction
from habitus.representations.model import Model
from habitus.runs.analyses.capacity_rows import equal_operations
from habitus.runs.analyses.capacity_sets import world_run
from habitus.runs.pretrain import pretrain
from habitus.runs.supermoe import SupermoeRun

CONFIG = SubpopulationsConfig(
    num_users=120, num_groups=3, num_needs=24, num_remedies=4, events_per_user=12
)


class World(NamedTuple):
    """All that tests of capacity read."""

    traces: Traces
    run: SupermoeRun
    model: Model
    objective: MaskedChannelPrediction

    @property
    def snapshot(self) -> Snapshot:
        """Everybody before the cutoff."""
        return Snapshot(self.traces, CONFIG.cutoff)


def few_steps(steps: int = 5, experts: int = 4) -> SupermoeRun:
    """Return the run of the study, as short as this."""
    run = world_run(quick=True)
    training = replace(run.training, max_steps=steps, evaluate_every=steps, log_every=1)
    return replace(run, training=training, encoder=equal_operations(run.encoder, experts))


def capacity_world(folder: Path) -> World:
    """Return the world, made below a folder."""
    traces = Subpopulations(CONFIG).ingest(folder / "traces")
    run = few_steps()
    made = pretrain(traces, run, folder / "training")
    assert isinstance(made.objective, MaskedChannelPrediction)
    return World(traces, run, made.model, made.objective)
