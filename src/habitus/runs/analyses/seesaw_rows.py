"""The rows of the seesaw analysis: heads, ways to weigh tasks, and controls of one task each.

Shapes: B rows, S seeds, D width.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from habitus.evaluation.asked import AskedTask
from habitus.evaluation.asked_together import AskedTogether, PartRows
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import ProbeTrials, chosen_rows
from habitus.evaluation.vectors import FeatureStore
from habitus.metrics.arrays import Floats
from habitus.nn.multi_task import HeadName
from habitus.probes.base import Matrix
from habitus.probes.components import Components
from habitus.probes.multi_task import MultiTask, MultiTaskConfig, WeightsName
from habitus.probes.task_answers import ManyLabelled
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.steps import Json, Steps

CONTROL: Final = "single"
"""Name of the row that holds, for each task, the same head trained on it alone."""
HEAD_LABELS: Final[Mapping[HeadName, str]] = {
    "linear": "linear towers",
    "shared": "shared bottom",
    "mmoe": "MMoE",
    "ple": "PLE",
}
WEIGHT_LABELS: Final[Mapping[WeightsName, str]] = {
    "fixed": "equal weights",
    "normalised": "one over base loss",
    "uncertainty": "uncertainty",
    "famo": "FAMO",
    "gradnorm": "GradNorm",
    "pcgrad": "PCGrad",
    "nash_mtl": "Nash-MTL",
    "bilevel": "bi-level AUC",
}
WEIGHTS: Final[Mapping[HeadName, tuple[WeightsName, ...]]] = {
    "linear": ("fixed",),
    "mmoe": tuple(WEIGHT_LABELS),
    "ple": ("fixed", "uncertainty", "nash_mtl", "bilevel"),
}
"""What the analysis compares. Linear towers share nothing that weights could mix; PLE, the slowest
head, has those alone that stand for each family."""
RATES: Final[Mapping[HeadName, float]] = {"linear": 3e-3}
"""Learning rates other than the probe's own, chosen by the validation users."""
FROM_TORCHJD: Final = ("famo", "pcgrad")


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much of the analysis."""

    weights: Mapping[HeadName, tuple[WeightsName, ...]] = field(default_factory=lambda: WEIGHTS)
    """How tasks are weighed, by head."""
    both: tuple[WeightsName, ...] = ("fixed",)
    """How they are weighed by the last head on both representations side by side."""
    num_components: int = 128
    """Principal components of each representation, so that all have one width (D5)."""
    probe: MultiTaskConfig = field(default_factory=lambda: MultiTaskConfig(scaling="whole"))
    trials: ProbeTrials = field(default_factory=ProbeTrials)


def with_numbers(amounts: Amounts, tasks: Sequence[AskedTask]) -> Amounts:
    """Return the amounts whose probes know which of the tasks ask for numbers."""
    numbers = tuple(task.name for task in tasks if task.dated.is_number)
    return replace(amounts, probe=replace(amounts.probe, regression=numbers))


def amounts_of(plan: AnalysisPlan) -> tuple[Amounts, list[str]]:
    """Return how much is done, and a note on what is left out because torchjd is missing."""
    amounts = Amounts()
    if plan.quick:
        few: dict[HeadName, tuple[WeightsName, ...]] = {
            "linear": ("fixed",),
            "mmoe": ("fixed", "nash_mtl", "bilevel"),
        }
        probe, trials = replace(amounts.probe, max_epochs=2), ProbeTrials(seeds=(0,))
        amounts = Amounts(weights=few, num_components=16, probe=probe, trials=trials)
    if importlib.util.find_spec("torchjd") is not None:
        return amounts, []
    kept = {
        head: tuple(name for name in names if name not in FROM_TORCHJD)
        for head, names in amounts.weights.items()
    }
    missing = ", ".join(WEIGHT_LABELS[name] for name in FROM_TORCHJD)
    words = "Left out, since torchjd is not installed (pip install 'habitus[multi_task]'): "
    return replace(amounts, weights=kept), [f"{words}{missing}."]


class Row(NamedTuple):
    """A network for all tasks, or for each alone."""

    head: HeadName
    weights: WeightsName | None
    """None for the control."""

    @property
    def name(self) -> str:
        """The name among the scores of its head."""
        return CONTROL if self.weights is None else self.weights

    @property
    def label(self) -> str:
        """What tables call it."""
        how = "one task each" if self.weights is None else WEIGHT_LABELS[self.weights]
        return f"{HEAD_LABELS[self.head]}, {how}"

    def config(self, amounts: Amounts) -> MultiTaskConfig:
        """Return what is trained."""
        return replace(
            amounts.probe,
            head=replace(amounts.probe.head, head=self.head),
            weights=self.weights or "fixed",
            learning_rate=RATES.get(self.head, amounts.probe.learning_rate),
        )


def rows_of(amounts: Amounts) -> list[Row]:
    """Return all rows, by head: its control first."""
    return [
        Row(head, weights) for head, names in amounts.weights.items() for weights in (None, *names)
    ]


def rows_of_both(amounts: Amounts) -> list[Row]:
    """Return the rows that both representations side by side have: those of the last head."""
    last = list(amounts.weights)[-1]
    return [Row(last, weights) for weights in (None, *amounts.both)]


class Answered(NamedTuple):
    """What the rows of one representation say of the test users, over seeds."""

    scores: Mapping[tuple[HeadName, str], Mapping[str, Floats]]
    """Head and row → task → scores ``(S, B)`` of the test users of the task."""
    facts: Sequence[Json]
    """Of each seed: what trainings cost and found, by label of the row."""


def answer(
    plan: AnalysisPlan,
    method: Method,
    together: AskedTogether,
    store: FeatureStore,
    amounts: Amounts,
    rows: Sequence[Row],
) -> Answered:
    """Return the scores of some rows on one representation, made now or before."""
    scores: dict[tuple[HeadName, str], dict[str, list[Floats]]] = {}
    facts = []
    for place, seed in enumerate(amounts.trials.seeds):
        variant = method.at(place)
        inputs = {
            "traces": plan.traces.digest,
            "method": variant.fingerprint,
            "rows": [[*row, row.config(amounts).to_dict()] for row in rows],
            "tasks": [task.dated.to_dict() for task in together.tasks.values()],
            "components": amounts.num_components,
            "share": amounts.trials.train_share,
            "seed": seed,
        }
        seeded = _Seed(plan, variant, together, store, amounts, rows, seed)
        folder, found = Steps(plan.root / "steps").run("seesaw", inputs, seeded.make)
        facts.append(found["rows"])
        with np.load(folder / "scores.npz", allow_pickle=False) as kept:
            for row in rows:
                of_tasks = scores.setdefault((row.head, row.name), {})
                for task in together.tasks:
                    of_tasks.setdefault(task, []).append(kept[f"{row.head}/{row.name}/{task}"])
    stacked = {
        key: {task: np.stack(found_S) for task, found_S in of_tasks.items()}
        for key, of_tasks in scores.items()
    }
    return Answered(stacked, facts)


@dataclass(frozen=True)
class _Seed:
    """All trainings of one seed on one representation."""

    plan: AnalysisPlan
    method: Method
    together: AskedTogether
    store: FeatureStore
    amounts: Amounts
    rows: Sequence[Row]
    seed: int

    def make(self, folder: Path) -> Json:
        """Write the scores of the test users, and return the facts."""
        parts = {name: getattr(self.together, name) for name in ("train", "valid", "test")}
        x = {name: rows.vectors(self.method, self.store) for name, rows in parts.items()}
        chosen_B = chosen_rows(parts["train"].user_B, self.amounts.trials, self.seed)
        components = Components.fit(x["train"][chosen_B], self.amounts.num_components)
        train = _labelled(parts["train"], components(x["train"]), chosen_B)
        valid = _labelled(parts["valid"], components(x["valid"]), slice(None))
        test_BD, rows = components(x["test"]), self.rows
        scores: dict[str, Floats] = {}
        facts: Json = {}
        for done, row in enumerate(rows):
            self.plan.show(f"{self.method.label}, seed {self.seed}", done, len(rows), row.label)
            found, facts[row.label] = _train(
                row.config(self.amounts), row, train, valid, test_BD, self.seed
            )
            for task, score_B in found.items():
                asked_B = ~np.isnan(parts["test"].y[task])
                scores[f"{row.head}/{row.name}/{task}"] = score_B[asked_B]
        np.savez(folder / "scores.npz", **scores)  # type: ignore[arg-type]
        return {"rows": facts}


def _train(
    config: MultiTaskConfig,
    row: Row,
    train: ManyLabelled,
    valid: ManyLabelled,
    test_BD: Matrix,
    seed: int,
) -> tuple[dict[str, Floats], Json]:
    began = time.perf_counter()
    groups = [tuple(train.y)] if row.weights is not None else [(task,) for task in train.y]
    found: dict[str, Floats] = {}
    probes = []
    for tasks in groups:
        probe = MultiTask(config).fit(train.of(*tasks), valid.of(*tasks), seed)
        found |= probe.predict(test_BD)
        probes.append(probe)
    facts: Json = {
        "weights": sum(probe.num_weights for probe in probes),
        "epochs": sum(len(probe.weight_path) for probe in probes) / len(probes),
        "seconds": time.perf_counter() - began,
        "valid": {task: loss for probe in probes for task, loss in probe.valid.items()},
    }
    if row.weights is not None:
        facts["path"] = probes[0].weight_path
        facts["cosines"] = _cosines(probes[0], valid)
    return found, facts


def _cosines(probe: MultiTask, rows: ManyLabelled) -> list[list[float | None]]:
    """Return the cosines of all tasks; None for one that was not trained, or not asked here."""
    cosine = dict.fromkeys(((a, b) for a in rows.y for b in rows.y), np.nan)
    found_KK = probe.gradient_cosines(rows)
    for k, task in enumerate(probe.tasks):
        cosine |= {(task, other): found_KK[k, j] for j, other in enumerate(probe.tasks)}
    return [[None if np.isnan(v := cosine[a, b]) else float(v) for b in rows.y] for a in rows.y]


def _labelled(part: PartRows, x_BD: Matrix, chosen: Any) -> ManyLabelled:  # noqa: ANN401
    y = {task: y_B[chosen] for task, y_B in part.y.items()}
    return ManyLabelled(x_BD[chosen], y, part.user_B[chosen])
