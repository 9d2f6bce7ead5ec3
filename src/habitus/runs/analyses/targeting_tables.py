"""Tables, plots and findings of the replayed targeting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from habitus.runs.analyses.ple_rows import AGGREGATES, ALONE, RANDOM
from habitus.runs.analyses.tables import percent
from habitus.runs.analyses.targeting_sets import TargetingSet
from habitus.runs.analyses.targeting_table import MEASURES, TargetingTable
from habitus.runs.analyses.wording import VERDICTS, listed, told
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
    for words, names in found.groups:
        said.append(_reached(found, words, names))
        said += [_against(found, other, words, names) for other in (DENSE, ALONE)]
    said.append(_count(found))
    return said


def _reached(found: Replayed, words: str, names: Sequence[str]) -> str:
    """Return the share of responders that each row reaches with the middle budget."""
    shares = {
        _short(row): percent(found.table.estimate(row, "reach", BUDGETS[1], names).value)
        for row in LABELS
    }
    levels = ", ".join(f"{row} {share}" for row, share in shares.items())
    return f"Targeting {percent(BUDGETS[1])} reaches of all responders, {words}: {levels}."


def _against(found: Replayed, other: str, words: str, names: Sequence[str]) -> str:
    """Return in which measures the first row is ahead of another, behind it, or level."""
    by_verdict: dict[str, list[str]] = {}
    for measure in MEASURES:
        less = found.table.difference(EXPERTS, other, measure, BUDGETS[1], names)
        by_verdict.setdefault(VERDICTS[less.verdict], []).append(f"{measure} {told(less)}")
    parts = "; ".join(f"{word} in {listed(of)}" for word, of in by_verdict.items())
    return f"{_short(EXPERTS)} against {_short(other)}, {words}: {parts}."


def _short(row: str) -> str:
    return LABELS[row].removeprefix("PLE + ")


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
                cells += [{"value": d.value, "low": d.low, "high": d.high, "signed": True}]
                cells += [d.verdict]
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
    better, worse, ties = (sum(v == word for v in verdicts) for word in VERDICTS)
    return (
        f"{_short(EXPERTS)} against {_short(DENSE)}, at all budgets and measures: better in "
        f"{better}, worse in {worse}, a tie in {ties} of {len(verdicts)}."
    )
