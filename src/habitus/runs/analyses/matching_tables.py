"""Tables and curve of how people are matched across services, and who is ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from habitus.evaluation.matching import MAIN, METRICS, MatchingTable, estimate_entry
from habitus.runs.analyses.matching_rows import OURS, RUNG
from habitus.runs.steps import Json

CHANCE: Final = "chance"


@dataclass(frozen=True)
class Point:
    """What a share of the training pairs gives: ours, and the rung."""

    num_pairs: int
    table: MatchingTable


def scores(table: MatchingTable, labels: Mapping[str, str]) -> Json:
    """Return every metric of every method, with intervals."""
    size = len(table.counts_NR)
    return {
        "title": f"Found among {size:,}",
        "note": "From each service to each other; ties by expectation; 95 % intervals over users.",
        "columns": ["method", *METRICS],
        "rows": [
            [label, *(estimate_entry(table.estimate(name, metric)) for metric in METRICS)]
            for name, label in labels.items()
        ],
    }


def differences(table: MatchingTable, labels: Mapping[str, str]) -> Json:
    """Return ours less each other method, and what that says."""
    rows = []
    for name, label in labels.items():
        if name != OURS:
            found = {metric: table.difference(OURS, name, metric) for metric in METRICS}
            entries = [estimate_entry(found[metric]) for metric in METRICS]
            rows.append([label, *entries, found[MAIN].verdict])
    return {
        "title": "The trained encoder less others",
        "note": f"The same resamples of users for both; the verdict is on {MAIN}.",
        "columns": ["less", *METRICS, "the encoder is"],
        "rows": rows,
    }


def directions(table: MatchingTable, labels: Mapping[str, str]) -> Json:
    """Return the main score from each service to each other, the mean over seeds."""
    names = list(table.found[CHANCE][0].by_direction())
    rows = []
    for name, label in labels.items():
        seeds = [one.by_direction() for one in table.found[name]]
        means = [sum(seed[d][MAIN] for seed in seeds) / len(seeds) for d in names]
        rows.append([label, *means])
    return {"title": f"{MAIN} by direction", "columns": ["method", *names], "rows": rows}


def curve_table(points: Sequence[Point]) -> Json:
    """Return ours and the rung at each number of training pairs."""
    rows = []
    for point in points:
        found = point.table.difference(OURS, RUNG)
        estimates = [estimate_entry(point.table.estimate(name, MAIN)) for name in (OURS, RUNG)]
        rows.append([f"{point.num_pairs:,}", *estimates, estimate_entry(found), found.verdict])
    return {
        "title": f"{MAIN} by training pairs",
        "note": "Each share holds the smaller ones; the pool and who stops a training stay.",
        "columns": ["training pairs", "encoder", "linear CCA", "difference", "the encoder is"],
        "rows": rows,
    }


def curve_plot(points: Sequence[Point]) -> Json:
    """Return the same as curves."""
    series = [
        {
            "label": label,
            "points": [
                {
                    "x": point.num_pairs,
                    "y": (found := point.table.estimate(name, MAIN)).value,
                    "low": found.low,
                    "high": found.high,
                }
                for point in points
            ],
        }
        for name, label in ((OURS, "encoder"), (RUNG, "linear CCA"))
    ]
    return {
        "kind": "lines",
        "title": f"{MAIN} by training pairs",
        "note": "Upright lines are 95 % intervals over users.",
        "x": "training users on several services",
        "y": MAIN,
        "log_x": True,
        "series": series,
    }
