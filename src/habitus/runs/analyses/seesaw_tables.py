"""Tables, plots and findings of the seesaw analysis.

Shapes: none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import numpy as np

from habitus.evaluation.bootstrap import Difference, Estimate
from habitus.evaluation.seesaw import Seesaw, SeesawTable
from habitus.runs.analyses.seesaw_rows import CONTROL, Row
from habitus.runs.analyses.tables import percent
from habitus.runs.analyses.wording import figure
from habitus.runs.steps import Json

RECALLS: Final = {"recall_at_85": "R@P85", "recall_at_50": "R@P50"}
IN_WORDS: Final = "AUROC of yes or no, Spearman's ρ of numbers (ρ)"


class Judged:
    """One representation: the seesaw of every row on it.

    Args:
        label: of the representation.
        rows: what was trained on it, the controls among them.
        tables: by head.
        facts: of each probe seed, by label of the row.
    """

    def __init__(
        self,
        label: str,
        rows: Sequence[Row],
        tables: Mapping[str, SeesawTable],
        facts: Sequence[Json],
    ) -> None:
        self.label, self.rows, self.tables, self.facts = label, rows, tables, facts

    @property
    def joint(self) -> list[Row]:
        """The rows that are no control."""
        return [row for row in self.rows if row.weights is not None]

    @cached_property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return [task.name for task in next(iter(self.tables.values())).tasks]

    @cached_property
    def numbers(self) -> list[str]:
        """Names of the tasks that ask for numbers."""
        found = next(iter(self.tables.values())).tasks
        return [task.name for task in found if task.is_number]

    @property
    def yes_or_no(self) -> list[str]:
        """Names of the other tasks."""
        return [name for name in self.tasks if name not in self.numbers]

    @property
    def columns(self) -> list[str]:
        """What the tasks' columns are called."""
        return [f"{name} (ρ)" if name in self.numbers else name for name in self.tasks]

    def metric(self, task: str) -> str:
        """Return what the task is judged by, in words."""
        return "Spearman's ρ" if task in self.numbers else "AUROC"

    @cached_property
    def _found(self) -> dict[Row, Seesaw]:
        return {}

    def seesaw(self, row: Row) -> Seesaw:
        """Return a row against the controls of its head."""
        if row not in self._found:
            self._found[row] = self.tables[row.head].seesaw(row.name)
        return self._found[row]

    def mean_fact(self, row: Row, name: str) -> float:
        """Return a number that trainings of a row told, mean over seeds."""
        return float(np.mean([found[row.label][name] for found in self.facts]))


def tables(judged: Sequence[Judged]) -> list[Json]:
    """Return all tables of the page."""
    made = []
    for one in judged:
        made += [seesaw_table(one), difference_table(one), score_table(one)]
    made.append(recall_table(judged))
    if judged[0].numbers:
        made.append(variance_table(judged))
    return [*made, cost_table(judged[0]), cosine_table(judged[0])]


def seesaw_table(judged: Judged) -> Json:
    """Return, for each row, how many tasks are below their control, Δm, and the worst task."""
    made = []
    for row in judged.joint:
        found = judged.seesaw(row)
        worst = found.differences[found.worst]
        made.append(
            [
                row.label,
                found.share_below,
                ", ".join(found.below) or "none",
                len(found.above),
                entry(found.delta_m),
                found.worst,
                entry(worst),
            ]
        )
    return {
        "title": f"Seesaw on {judged.label}",
        "note": f"Of {len(judged.tasks)} tasks, against the same head trained on each task alone. "
        f"Below and above: the whole 95 % interval of the paired difference; {IN_WORDS}. Δm: the "
        "mean over tasks of the relative change, which is larger of a ρ, whose chance is 0, than "
        "of an AUROC, whose chance is a half.",
        "columns": ["row", "share below", "below", "above", "Δm", "worst task", "its Δ"],
        "rows": made,
    }


def difference_table(judged: Judged) -> Json:
    """Return the difference of every task to its control."""
    return {
        "title": f"Difference to one task each, on {judged.label}",
        "note": f"{IN_WORDS}. Paired over users, 95 % intervals.",
        "columns": ["row", *judged.columns],
        "rows": [
            [row.label, *(entry(d) for d in judged.seesaw(row).differences.values())]
            for row in judged.joint
        ],
    }


def score_table(judged: Judged) -> Json:
    """Return the score of every row and task, controls among them."""
    made = []
    for row in judged.rows:
        found = {task: judged.tables[row.head].score(task, row.name) for task in judged.tasks}
        mean = mean_of([found[task].value for task in judged.yes_or_no])
        made.append([row.label, mean, *map(entry, found.values())])
    return {
        "title": f"Scores on {judged.label}",
        "note": f"{IN_WORDS}. Mean over probe seeds, 95 % intervals over users.",
        "columns": ["row", "mean AUROC", *judged.columns],
        "rows": made,
    }


def recall_table(judged: Sequence[Judged]) -> Json:
    """Return R@P85 and R@P50 of the last head, the paper's two numbers beside AUC (A-S21, B-29)."""
    made = [
        [
            f"{one.label}: {row.label}",
            *(
                entry(one.tables[row.head].score(task, row.name, metric))
                for task in one.yes_or_no
                for metric in RECALLS
            ),
        ]
        for one, row in _shown(judged)
    ]
    return {
        "title": "Recall at a precision of .85 and of .50",
        "note": "The largest recall at that precision; 0 where no threshold has it.",
        "columns": [
            "row",
            *(f"{t}, {label}" for t in judged[0].yes_or_no for label in RECALLS.values()),
        ],
        "rows": made,
    }


def variance_table(judged: Sequence[Judged]) -> Json:
    """Return R² of the tasks that ask for numbers, of the last head."""
    names = judged[0].numbers
    return {
        "title": "Explained variance of numbers, R²",
        "note": "Of the logarithm of amounts; below 0 the mean would have been nearer. 95 % "
        "intervals over users.",
        "columns": ["row", *names],
        "rows": [
            [
                f"{one.label}: {row.label}",
                *(entry(one.tables[row.head].score(t, row.name, "r_squared")) for t in names),
            ]
            for one, row in _shown(judged)
        ],
    }


def _shown(judged: Sequence[Judged]) -> list[tuple[Judged, Row]]:
    """Return the rows of the last head that further metrics are told of."""
    head, shown = judged[-1].rows[-1].head, (CONTROL, "fixed", "bilevel")
    return [
        (one, row) for one in judged for row in one.rows if row.head == head and row.name in shown
    ]


def cost_table(judged: Judged) -> Json:
    """Return what each row costs, mean over seeds."""
    return {
        "title": f"Costs on {judged.label}",
        "note": "Of all tasks together; a control is a network for each.",
        "columns": ["row", "weights", "epochs", "seconds"],
        "rows": [
            [
                row.label,
                round(judged.mean_fact(row, "weights")),
                round(judged.mean_fact(row, "epochs"), 1),
                float(f"{judged.mean_fact(row, 'seconds'):.3g}"),
            ]
            for row in judged.rows
        ],
    }


def cosine_table(judged: Judged) -> Json:
    """Return the cosines of the tasks' gradients on the shared experts (D9), mean over seeds."""
    label = Row("mmoe", "fixed").label
    found = [np.array(f[label]["cosines"], np.float64) for f in judged.facts if label in f]
    cosine_KK = np.mean(found, axis=0) if found else np.zeros((0, 0))
    return {
        "title": f"Cosines of gradients on shared experts, {judged.label}",
        "note": f"{label}, validation users, at the best epoch; below 0 two tasks pull apart.",
        "columns": ["task", *judged.tasks],
        "rows": [
            [task, *(None if np.isnan(v) else round(float(v), 3) for v in row_K)]
            for task, row_K in zip(judged.tasks, cosine_KK, strict=False)
        ],
    }


def plots(judged: Judged) -> list[Json]:
    """Return the weights of each task over the epochs of the bi-level search, of the first seed."""
    row = judged.rows[-1]
    path: list[dict[str, float]] = judged.facts[0][row.label]["path"]
    series = [
        {
            "label": task,
            "points": [{"x": epoch, "y": found[task]} for epoch, found in enumerate(path, 1)],
        }
        for task in judged.tasks
    ]
    return [
        {
            "kind": "lines",
            "title": f"Weights of the tasks, {row.label}",
            "note": f"On {judged.label}, first probe seed; equal weights are 1.",
            "x": "epoch",
            "y": "λ",
            "series": series,
        }
    ]


def findings(judged: Sequence[Judged]) -> list[str]:
    """Return what was found, a sentence or two for each representation: never the mean alone."""
    found = []
    for one in judged:
        equal = [row for row in one.joint if row.weights == "fixed"]
        parts = "; ".join(f"{row.label}: {_told(one, row)}" for row in equal)
        found.append(f"On {one.label}, against one task each. {parts}.")
        searched = [row for row in one.joint if row.head != "linear"]
        if len(searched) < 2:
            continue
        fewest = min(searched, key=lambda row: (len(one.seesaw(row).below), -_worst(one, row)))
        found.append(
            f"On {one.label}, of the {len(searched)} rows whose tasks share weights, "
            f"{sum(bool(one.seesaw(row).below) for row in searched)} serve a task worse than "
            f"alone; the fewest, then the mildest worst task: {fewest.label} "
            f"({_told(one, fewest)}). It was picked among them by these "
            f"same users, which flatters it."
        )
    return found


def entry(found: Estimate | Difference) -> dict[str, Any]:
    """Return what a table shows of a figure."""
    return {"value": found.value, "low": found.low, "high": found.high}


def _worst(judged: Judged, row: Row) -> float:
    found = judged.seesaw(row)
    return found.differences[found.worst].value


def mean_of(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return float(np.mean(values)) if values else None


def _told(judged: Judged, row: Row) -> str:
    found = judged.seesaw(row)
    worst = found.differences[found.worst]
    return (
        f"{len(found.below)} of {len(judged.tasks)} tasks below, {len(found.above)} above, Δm "
        f"{_signed(found.delta_m.value)} [{_signed(found.delta_m.low)}, "
        f"{_signed(found.delta_m.high)}], worst {found.worst} by {figure(worst.value, sign=True)} "
        f"{judged.metric(found.worst)}"
    )


def _signed(share: float) -> str:
    return ("−" if share < 0 else "+") + percent(abs(share)) if np.isfinite(share) else "–"
