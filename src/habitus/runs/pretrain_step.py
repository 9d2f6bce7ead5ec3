"""Pre-training as a step: a model directory and its facts, made once for equal inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from habitus.data.traces import Traces
from habitus.representations.model import Model, load
from habitus.runs.base import Run
from habitus.runs.pretrain import OnStage, pretrain
from habitus.runs.steps import Json, Steps

ShowSteps = Callable[[int, int, str], None]
"""Gets steps done, steps in all, and a remark."""


def pretrained_step(
    traces: Traces,
    run: Run,
    steps: Steps,
    show: ShowSteps,
    card: Callable[[Model], str],
    work: Path | None = None,
    on_stage: OnStage | None = None,
) -> tuple[Model, Json]:
    """Return the model of a run and the facts of its pre-training, made now or reused."""

    def on_step(step: int, total: int, metrics: Mapping[str, float]) -> None:
        rate = metrics["users_per_second"]
        show(step, total, f"loss {metrics['loss']:.3f} · {rate:,.0f} users/s")

    def make(folder: Path) -> Json:
        training = folder / "training"
        made = pretrain(traces, run, training, work=work, on_step=on_step, on_stage=on_stage)
        made.model.save(folder / "model", card=card(made.model), overwrite=True)
        return made.facts()

    inputs = {
        "run": run.to_dict(),
        "traces": traces.digest,
        "threads": torch.get_num_threads(),
    }
    folder, facts = steps.run("model", inputs, make)
    return load(folder / "model"), facts
