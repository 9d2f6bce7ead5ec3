"""Saved models as rows of a table: with their controls, and what they know of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.representations.model import Model
from habitus.runs import RUNS, Run
from habitus.runs.model_rows import ENCODERS, ModelRows
from habitus.runs.steps import Json, Steps

_MAY_DIFFER: Final = {
    *("run.seed", "run.training.seed", "run.training.num_threads"),
    *("run.training.checkpoint_every_s", "run.training.log_every"),
}
"""The seed, and how a training was run rather than what it trained."""
_SHOWN: Final = 3
"""Differences in a message: two methods differ in dozens."""


def run_of(values: Mapping[str, Any]) -> Run | None:
    """Return the run that a model directory tells of; None where it is of other making."""
    name = values.get("name")
    if name not in RUNS:
        return None
    return type(RUNS[str(name)]("ci")).from_dict(values)


def saved_rows(traces: Traces, models: Sequence[Model], folder: Path) -> ModelRows:
    """Return the rows of models that were loaded; vectors are kept below ``folder``.

    The untrained and the warm encoder are built anew, which only the traces of the pre-training
    allow: of others they would be other encoders. Where they cannot be built, the row of the
    models says why.

    Raises:
        UsageError: the models are not seeds of one pre-training, so that their mean is of nothing.
    """
    _refuse_other_kinds(models)
    runs = [run_of(model.about.get("run") or {}) for model in models]
    known = [run for run in runs if run is not None]
    why_not = _why_not_built(traces, models, known)
    return ModelRows(
        traces=traces,
        steps=Steps(folder / "steps"),
        models=models,
        runs=known if why_not is None else [],
        work=folder / "work",
        why_no_runs=why_not,
    )


def _why_not_built(traces: Traces, models: Sequence[Model], runs: Sequence[Run]) -> str | None:
    """Return why encoders before training cannot be built; None where they can."""
    if len(runs) < len(models):
        return "the model does not say how it was pre-trained, so it cannot be built untrained"
    digests = [(model.about.get("data") or {}).get("digest") for model in models]
    other = next((digest for digest in digests if digest != traces.digest), traces.digest)
    if other == traces.digest:
        return None
    names = ["untrained", *(["warm_start"] if runs[0].begins_warm else [])]
    rows = " and ".join(f"“{ENCODERS[name][0]}”" for name in names)
    return (
        f"{rows} can be built only from the traces of the pre-training (digest {other}), and these "
        f"are others ({traces.digest}); evaluate on those traces to see it"
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


def _refuse_other_kinds(models: Sequence[Model]) -> None:
    """Raise :class:`UsageError` where models differ in more than the seed."""
    if len(models) == 1:
        return
    kinds = [_kind(model) for model in models]
    for place, kind in enumerate(kinds[1:], 1):
        names = [*kinds[0], *(name for name in kind if name not in kinds[0])]
        different = [name for name in names if kinds[0].get(name) != kind.get(name)]
        if different:
            told = [f"{n} ({kinds[0].get(n)!r}, {kind.get(n)!r})" for n in different[:_SHOWN]]
            more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
            raise UsageError(
                f"{models[0].path} and {models[place].path} differ in {', '.join(told)}{more}: "
                f"several --model are seeds of one pre-training, whose scores are averaged; to "
                f"compare two models, evaluate each on its own, with the same --tasks and --seeds "
                f"and an --out of its own"
            )


def _kind(model: Model) -> dict[str, Any]:
    """Return name → value of all that seeds of one pre-training have in common."""
    about = model.about
    found = {"run.name": None} | _flat(about.get("run") or {}, "run")
    found["traces"] = (about.get("data") or {}).get("digest")
    found["encoder"] = model.encoder.name
    found |= _flat(model.encoder.config.to_dict(), "encoder")
    return {name: value for name, value in found.items() if name not in _MAY_DIFFER}


def _flat(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the settings of a config and of those within it, by their paths."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{path}.{key}"
        found |= _flat(value, name) if isinstance(value, Mapping) else {name: value}
    return found
