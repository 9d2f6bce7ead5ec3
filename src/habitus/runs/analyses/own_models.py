"""Models of the reader's own as rows of an analysis: loaded, and kept from what they have seen.

Shapes: U users who are tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.traces import Rows
from habitus.errors import GuardError, UsageError
from habitus.representations.model import Model, load
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.clue import ClueRun
from habitus.runs.clue_slots import item_parts
from habitus.runs.saved import run_of


@dataclass(frozen=True)
class OwnModel:
    """One model directory."""

    name: str
    label: str
    model: Model
    remark: str
    """What is known of whom it was trained on."""


def own_models(plan: AnalysisPlan, tested_U: Rows, cutoff: str | int | None) -> list[OwnModel]:
    """Return the models that the plan names, as rows.

    Args:
        plan: of the analysis.
        tested_U: rows of the traces of the plan: users who are asked about.
        cutoff: where their histories end; None for the end of the data.

    Raises:
        GuardError: a model was trained on somebody who is tested, or on events after the cutoff.
        UsageError: a directory is named twice, or a model reads no item texts.
    """
    paths = [path.resolve() for path in plan.models]
    if len(set(paths)) < len(paths):
        raise UsageError(f"a model is given twice: {', '.join(map(str, plan.models))}")
    found = []
    for place, path in enumerate(plan.models):
        model = load(path)
        item_parts(model)
        remark = _checked(plan, path.name, model.about, tested_U, cutoff)
        found.append(OwnModel(f"own_{place}", f"your model {path.name}", model, remark))
    return found


def _checked(
    plan: AnalysisPlan,
    name: str,
    about: Mapping[str, Any],
    tested_U: Rows,
    cutoff: str | int | None,
) -> str:
    """Return a remark about a model, or refuse it."""
    unknown = (
        f"Your model {name} was pre-trained on other traces, or does not say on which: whether "
        f"somebody who is tested was among its users is not known."
    )
    if about.get("data", {}).get("digest") != plan.traces.digest:
        return unknown
    run = run_of(about.get("run") or {})
    if not isinstance(run, ClueRun):
        return unknown
    train_U = run.snapshot(plan.traces, "train").users_U
    both = len(np.intersect1d(train_U, tested_U))
    if both:
        raise GuardError(
            f"the model {name} was pre-trained on {both:,} of the {len(tested_U):,} users who are "
            f"tested on {plan.data}: pre-train on others; where the profiles have an attribute "
            f"'split', set split_attribute to it"
        )
    _check_cutoff(name, run, plan, cutoff)
    return f"Your model {name} was pre-trained on {len(train_U):,} users, none of whom is tested."


def _check_cutoff(name: str, run: ClueRun, plan: AnalysisPlan, cutoff: str | int | None) -> None:
    if cutoff is None or plan.traces.manifest.time_unit == "order":
        return
    ends = Snapshot(plan.traces, run.as_of).as_of
    if ends > parse_time(str(cutoff)):
        raise GuardError(
            f"the model {name} was pre-trained on events up to {run.as_of or 'the end'}, after "
            f"{cutoff}, from when people are tested: pre-train with --as-of {cutoff}"
        )
