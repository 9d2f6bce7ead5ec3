"""Saved models as rows of a table: with their controls, and what they know of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from habitus.data.traces import Traces
from habitus.representations.model import Model
from habitus.runs import RUNS, Run
from habitus.runs.model_rows import ModelRows
from habitus.runs.steps import Json, Steps


def run_of(values: Mapping[str, Any]) -> Run | None:
    """Return the run that a model directory tells of; None where it is of other making."""
    name = values.get("name")
    if name not in RUNS:
        return None
    return type(RUNS[str(name)]("ci")).from_dict(values)


def saved_rows(traces: Traces, models: Sequence[Model], folder: Path) -> ModelRows:
    """Return the rows of models that were loaded; vectors are kept below ``folder``.

    The untrained and the warm encoder are built anew, which only the traces of the pre-training
    allow: of others they would be other encoders.
    """
    runs = [run_of(model.about.get("run") or {}) for model in models]
    same = all(model.about.get("data", {}).get("digest") == traces.digest for model in models)
    known = [run for run in runs if run is not None] if same else []
    return ModelRows(
        traces=traces,
        steps=Steps(folder / "steps"),
        models=models,
        runs=known if len(known) == len(models) else [],
        work=folder / "work",
    )


def saved_entries(rows: ModelRows) -> Json:
    """Return what results say of models beside their scores: training, encoding, config."""
    about = rows.models[0].about
    run, training = about.get("run") or {}, about.get("training") or {}
    found: Json = {"encoding": rows.encoding_entry()}
    if "curves" in training:
        found["pretraining"] = training
    if run:
        seeds = [(model.about.get("run") or {}).get("seed", 0) for model in rows.models]
        found |= {"config": run, "preset": str(run.get("preset", "")), "pretrain_seeds": seeds}
    return found
