"""Tables, plots and findings of the replayed targeting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from habitus.evaluation.bootstrap import Difference
from habitus.runs.analyses.ple_rows import AGGREGATES, ALONE, RANDOM
from habitus.runs.analyses.tables import percent
from habitus.runs.analyses.targeting_sets import TargetingSet
from habitus.runs.analyses.targeting_table import MEASURES, TargetingTable
from habitus.runs.steps import Json

EXPERTS, DENSE = "experts", "dense"
LABELS: Final = {
    EXPERTS: "PLE + SUPERMOE vector",
    DENSE: "PLE + BERT vector",
    ALONE: "PLE alone",
    AGGREGATES: "PLE + aggregates",
    RANDOM: "random",
}
"""Row → what tables call it; the first is held against all others."""
BUDGETS: Final = (0.05, 0.1, 0.2)
CURVE: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Budgets of the plot."""


@dataclass(frozen=True)
class Replayed:
    """What was replayed, and the table of it."""

    what: TargetingSet
    table: TargetingTable

    @property
    def groups(self) -> list[tuple[str, Sequence[str]]]:
        """Words and names of the main campaign, and of all campaigns together."""
        names = [campaign.name for campaign in self.table.campaigns]
        main = self.what.offers[0]
        found: list[tuple[str, Sequence[str]]] = [(f"who {main.words}", names[:1])]
        if len(names) > 1:
            found.append((f"mean over {len(names)} campaigns", names))
        return found


def tables(found: Replayed) -> list[Json]:
    """Return for each group of campaigns the levels, and what the first row is ahead by."""
    made = []
    for words, names in found.groups:
        made += [_levels(found, words, names), _uplift(found, words, names)]
    return made


def plots(found: Replayed) -> list[Json]:
    """Return the reach by budget, for each group of campaigns."""
    return [_reach(found, words, names) for words, names in found.groups]


def findings(found: Replayed) -> list[str]:
    """Return what a budget of a tenth reaches, and against whom that is more or less."""
    said = []
    budget = BUDGETS[1]
    for words, names in found.groups:
        levels = ", ".join(
            f"{label} {percent(found.table.estimate(row, 'reach', budget, names).value)}"
            for row, label in LABELS.items()
        )
        said.append(f"A budget of {percent(budget)}, {words}: reached of all responders: {levels}.")
        for other in (DENSE, ALONE):
            parts = "; ".join(
                f"{measure} {_told(found.table.difference(EXPERTS, other, measure, budget, names))}"
                for measure in MEASURES
            )
            said.append(f"{LABELS[EXPERTS]} less {LABELS[other]}, same budget, {words}: {parts}.")
    said.append(_count(found))
    return said


def _levels(found: Replayed, words: str, names: Sequence[str]) -> Json:
    rows = []
    for row, label in LABELS.items():
        estimates = [
            found.table.estimate(row, measure, budget, names)
            for measure in MEASURES
            for budget in BUDGETS
        ]
        cells = [{"value": e.value, "low": e.low, "high": e.high} for e in estimates]
        rows.append([label, *cells])
    heads = [f"{measure}, {percent(budget)}" for measure in MEASURES for budget in BUDGETS]
    return {
        "title": f"Reach, conversion and value: {words}",
        "note": f"Reach: share of all responders who are targeted. Conversion: share of the "
        f"targeted who respond. Value: {found.what.money} that a targeted one spends.",
        "columns": ["who is targeted first", *heads],
        "rows": rows,
    }


def _uplift(found: Replayed, words: str, names: Sequence[str]) -> Json:
    rows: list[list[Any]] = []
    for other, label in LABELS.items():
        if other == EXPERTS:
            continue
        for budget in BUDGETS:
            cells: list[Any] = []
            for measure in MEASURES:
                d = found.table.difference(EXPERTS, other, measure, budget, names)
                cells += [{"value": d.value, "low": d.low, "high": d.high}, d.verdict]
            rows.append([f"less {label}, {percent(budget)}", *cells])
    heads = [part for measure in MEASURES for part in (measure, f"{measure}: it is")]
    return {
        "title": f"Uplift of {LABELS[EXPERTS]}: {words}",
        "note": "Paired differences on the same resamples, 95 %.",
        "columns": ["against, budget", *heads],
        "rows": rows,
    }


def _reach(found: Replayed, words: str, names: Sequence[str]) -> Json:
    series = []
    for row, label in LABELS.items():
        points = []
        for budget in CURVE:
            e = found.table.estimate(row, "reach", budget, names)
            points.append({"x": 100 * budget, "y": e.value, "low": e.low, "high": e.high})
        series.append({"label": label, "points": points})
    return {
        "kind": "lines",
        "title": f"Reach by budget: {words}",
        "note": "Upright lines are 95 % intervals over people.",
        "x": f"budget, % of {found.what.people}",
        "y": "share of all responders",
        "series": series,
    }


def _count(found: Replayed) -> str:
    """Return in how many of the comparisons with the dense vector the first row is ahead."""
    verdicts = [
        found.table.difference(EXPERTS, DENSE, measure, budget, names).verdict
        for _, names in found.groups
        for measure in MEASURES
        for budget in BUDGETS
    ]
    counts = {word: verdicts.count(word) for word in ("better", "worse", "tie")}
    return (
        f"Over {LABELS[DENSE]}, at all budgets and measures: better in {counts['better']}, worse "
        f"in {counts['worse']}, a tie in {counts['tie']} of {len(verdicts)}."
    )


def _told(difference: Difference) -> str:
    word = "a tie" if difference.verdict == "tie" else difference.verdict
    return f"{difference.value:+.3g} [{difference.low:+.3g}, {difference.high:+.3g}], {word}"
