"""What results say: which method is ours, what it is compared with, who is best, and what ties."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from habitus.reports.measures import MAIN, Measure, measure
from habitus.reports.words import CLASSES, YES_OR_NO, Words

Verdict = Literal["better", "worse", "tie"]
Mark = Literal["best", "tie", "behind", "untested"]
"""How a method stands to the best of its task; untested: no paired comparison was made."""

VERDICT_WORDS: Final[dict[Verdict, str]] = {"better": "ahead", "worse": "behind", "tie": "tie"}
RANDOM_SPLIT: Final = "random split"
"""How notes on random splits begin, as :mod:`habitus.evaluation.class_plan` writes them."""
_OPPOSITE: Final[dict[Verdict, Verdict]] = {"better": "worse", "worse": "better", "tie": "tie"}
SIGNIFICANT: Final = 0.05
BEFORE_TRAINING: Final = ("untrained", "warm_start")
"""What pre-training is held against, as :mod:`habitus.evaluation.comparing` names it."""
DENSE: Final = "dense"
"""The same encoder with one expert, as :mod:`habitus.runs.demo_supermoe` names it."""
_DETECTABLE: Final = (1.960 + 0.842) / (2 * 1.960)
"""Smallest difference seen in 80 % of repeats, as a share of the width of its 95 % interval."""


@dataclass(frozen=True)
class Difference:
    """Method minus another, over the same users drawn again and again."""

    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    p_holm: float | None = None
    undone: bool = False
    """Whether it is a tie by Holm's correction alone: its own interval leaves zero out."""

    @property
    def word(self) -> str:
        """Who is ahead, in a word; a tie by correction alone says so."""
        return (
            f"{VERDICT_WORDS[self.verdict]} (Holm)" if self.undone else VERDICT_WORDS[self.verdict]
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Difference:
        """Return the difference that a row of the results holds.

        A row's verdict may speak of its own interval only; a claim among several questions must
        survive Holm's correction too, so without that it is a tie (D4).
        """
        p_holm = row.get("p_holm")
        survives = p_holm is None or p_holm < SIGNIFICANT
        verdict: Verdict = row["verdict"] if survives else "tie"
        undone = verdict != row["verdict"]
        return cls(row["value"], row["low"], row["high"], verdict, p_holm, undone)

    def reversed(self) -> Difference:
        """Return the same with the two methods swapped."""
        return dataclasses.replace(
            self,
            value=_negative(self.value),
            low=_negative(self.high),
            high=_negative(self.low),
            verdict=_OPPOSITE[self.verdict],
        )


def _negative(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


@dataclass(frozen=True)
class Findings:
    """Checked results of format 1, indexed for reading."""

    results: Mapping[str, Any]

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        """The questions, in their order."""
        return list(self.results["tasks"])

    @cached_property
    def main(self) -> str:
        """The name of the score that methods are compared by, one for all questions."""
        return next((str(t["main_score"]) for t in self.tasks if t.get("main_score")), MAIN)

    @property
    def main_measure(self) -> Measure:
        """How the main score is read."""
        return measure(self.main)

    @property
    def of_classes(self) -> bool:
        """Whether the answers are classes, not yes or no."""
        return any(task.get("classes") for task in self.tasks)

    @property
    def words(self) -> Words:
        """The words for this sort of questions."""
        return CLASSES if self.of_classes else YES_OR_NO

    @cached_property
    def methods(self) -> list[dict[str, Any]]:
        """The methods, in their order."""
        return list(self.results["methods"])

    @cached_property
    def _cells(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(c["task"], c["method"]): c for c in self.results["cells"]}

    @cached_property
    def _differences(self) -> dict[tuple[str, str, str, str], Difference]:
        found = {}
        for row in self.results["differences"]:
            key = (row.get("metric", self.main), row["task"], row["method"], row["against"])
            found[key] = Difference.from_row(row)
        return found

    @cached_property
    def means(self) -> dict[str, dict[str, Any]]:
        """The mean over tasks of the main score, by method."""
        return {s["method"]: s for s in self.results["summary"] if s["metric"] == self.main}

    def cell(self, task: str, method: str) -> dict[str, Any] | None:
        """Return the results of a method on a task, None where it was not run."""
        return self._cells.get((task, method))

    def estimate(self, task: str, method: str, metric: str | None = None) -> dict[str, Any] | None:
        """Return value, low and high of a metric, None where there is no value."""
        metric = metric or self.main
        found = (self.cell(task, method) or {"metrics": {}})["metrics"].get(metric)
        if found is None or found["value"] is None:
            return None
        # Results of earlier versions hold intervals that lie above the value.
        told: dict[str, Any] = {} if measure(metric).has_interval else {"low": None, "high": None}
        return {**found, **told}

    def difference(
        self, task: str, method: str, against: str, metric: str | None = None
    ) -> Difference | None:
        """Return method minus another on a task, whichever way round it was computed."""
        metric = metric or self.main
        found = self._differences.get((metric, task, method, against))
        if found is not None:
            return found
        found = self._differences.get((metric, task, against, method))
        return found.reversed() if found is not None else None

    def label(self, method: str | None) -> str:
        """Return what the page calls a method."""
        return next((m["label"] for m in self.methods if m["name"] == method), str(method))

    @cached_property
    def all_ours(self) -> list[str]:
        """Names of our methods; the first is the one that the page speaks of."""
        return [m["name"] for m in self.methods if m["group"] == "ours"]

    @cached_property
    def ours(self) -> str | None:
        """Our method, None in an evaluation of others only."""
        return self.all_ours[0] if self.all_ours else None

    @cached_property
    def reference(self) -> str | None:
        """What our method is measured against: the summary's choice, else the best comparison."""
        against = self.means.get(self.ours or "", {}).get("against")
        if against is not None:
            return str(against["method"])
        others = [m["name"] for m in self.methods if m["group"] == "comparison"]
        return max(others, key=lambda name: self.mean_value(name) or 0.0, default=None)

    @cached_property
    def shown(self) -> list[str]:
        """The few methods that fit into small plots: ours, the reference, ours joined with more."""
        names = [self.ours, self.reference, *self.all_ours[1:2]]
        return [name for name in names if name is not None]

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """The methods with those of :attr:`shown` first: a phone shows few columns."""
        first = [m for name in self.shown for m in self.methods if m["name"] == name]
        return first + [m for m in self.methods if m["name"] not in self.shown]

    def is_held(self, methods: Sequence[str]) -> bool:
        """Return whether ours is among some methods and is held against a reference."""
        return self.ours in methods and self.reference is not None

    def mean_value(self, method: str) -> float | None:
        """Return the mean over tasks of the main score."""
        value = self.means.get(method, {}).get("value")
        return None if value is None else float(value)

    def mean_difference(self, method: str) -> tuple[str, Difference] | None:
        """Return what the mean of a method is compared with, and the difference."""
        row = self.means.get(method, {}).get("against")
        return None if row is None else (str(row["method"]), Difference.from_row(row))

    @cached_property
    def best_mean(self) -> str | None:
        """The method with the highest mean; the first of equals, None where there is no mean."""
        known = {
            m["name"]: v for m in self.methods if (v := self.mean_value(m["name"])) is not None
        }
        return max(known, key=lambda name: known[name], default=None)

    def mean_mark(self, method: str) -> Mark:
        """Return how the mean of a method stands to the highest, where the two were compared."""
        best = self.best_mean
        if best is None or self.mean_value(method) is None:
            return "untested"
        if method == best:
            return "best"
        found = self._between_means(method, best)
        if found is None:
            return "untested"
        return "tie" if found == "tie" else "behind"

    def _between_means(self, one: str, other: str) -> Verdict | None:
        """Return the verdict on two means, of the first or of the second, whichever was held."""
        for method, against in ((one, other), (other, one)):
            entry = self.means.get(method, {})
            for row in (entry.get("against"), *(entry.get("beside") or [])):
                if row is not None and row["method"] == against:
                    return Difference.from_row(row).verdict
        return None

    @cached_property
    def best_beside(self) -> tuple[str, Difference | None] | None:
        """The best comparison on average and ours minus it; None where that is the reference.

        The difference is None in results that hold none.
        """
        others = [m["name"] for m in self.methods if m["group"] == "comparison"]
        known = {name: v for name in others if (v := self.mean_value(name)) is not None}
        best = max(known, key=lambda name: known[name], default=None)
        if self.ours is None or best is None or best == self.reference:
            return None
        rows = self.means.get(self.ours, {}).get("beside") or []
        row = next((row for row in rows if row["method"] == best), None)
        return best, None if row is None else Difference.from_row(row)

    @cached_property
    def gains(self) -> list[tuple[str, Difference]]:
        """Ours minus the same encoder untrained, its warm start and its dense control, if known."""
        held = (*BEFORE_TRAINING, DENSE)
        rows = self.means.get(self.ours or "", {}).get("beside") or []
        found = {row["method"]: Difference.from_row(row) for row in rows}
        if self.of_one_task:
            task = self.tasks[0]["name"]
            alone = {n: self.difference(task, self.ours or "", n) for n in held}
            found = {name: d for name, d in alone.items() if d is not None} | found
        return [(n, found[n]) for n in held if n in found and found[n].low is not None]

    @property
    def of_one_task(self) -> bool:
        """Whether there is one question, so that a mean over questions says nothing more."""
        return len(self.tasks) == 1

    @cached_property
    def left_out(self) -> list[str]:
        """The notes that say which question or method was not run, and why."""
        told = (n for n in self.results.get("notes") or [] if " is left out" in n)
        return [note for note in told if note not in self.left_out_splits]

    @cached_property
    def left_out_splits(self) -> list[str]:
        """The notes that say under which random splits a question was not asked, and why."""
        notes: list[str] = self.results.get("notes") or []
        return [note for note in notes if note.startswith(RANDOM_SPLIT)]

    def best(self, task: str, metric: str | None = None) -> str | None:
        """Return the method with the best value on a task; the first of equals."""
        sign = 1 if measure(metric or self.main).higher_is_better else -1
        found = {m["name"]: self.estimate(task, m["name"], metric) for m in self.methods}
        values = {name: sign * e["value"] for name, e in found.items() if e is not None}
        return max(values, key=lambda name: values[name], default=None)

    def mark(self, task: str, method: str, metric: str | None = None) -> Mark:
        """Return how a method stands to the best of the task, by their paired difference (D4)."""
        best = self.best(task, metric)
        if best is None or self.estimate(task, method, metric) is None:
            return "untested"
        if method == best:
            return "best"
        found = self.difference(task, method, best, metric)
        if found is None:
            return "untested"
        return "tie" if found.verdict == "tie" else "behind"

    def tally(self, method: str, against: str) -> dict[Verdict, int]:
        """Return on how many tasks a method is better, tied and worse."""
        found = [self.difference(t["name"], method, against) for t in self.tasks]
        verdicts = [d.verdict for d in found if d is not None]
        return {v: verdicts.count(v) for v in ("better", "tie", "worse")}

    def compared_with(self, method: str) -> list[str]:
        """Return the methods that a method has a paired difference with, in their order."""
        names = [m["name"] for m in self.methods if m["name"] != method]
        return [n for n in names if sum(self.tally(method, n).values())]

    def detectable(self, method: str, against: str) -> float | None:
        """Return the difference that a typical task would show with 80 % power (D4's MDE)."""
        found = [self.difference(t["name"], method, against) for t in self.tasks]
        widths = [d.high - d.low for d in found if d and d.low is not None and d.high is not None]
        return statistics.median(widths) * _DETECTABLE if widths else None

    @cached_property
    def failed_canaries(self) -> list[dict[str, Any]]:
        """The leak checks that did not pass."""
        return [c for c in self.results.get("canaries") or [] if not c["passed"]]
