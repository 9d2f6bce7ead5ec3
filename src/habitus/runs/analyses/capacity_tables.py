"""Tables and plots of the study of capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from habitus.evaluation.bootstrap import Difference
from habitus.runs.analyses.capacity_held_out import (
    ALONE_LOSS,
    ALONE_RIGHT,
    LOSS,
    HeldOutTable,
)
from habitus.runs.analyses.capacity_rows import Trained, Variant
from habitus.runs.analyses.capacity_sets import CapacitySet
from habitus.runs.analyses.ple_rows import ALONE, PleRow
from habitus.runs.analyses.ple_table import AUC, LABELS, PleTable
from habitus.runs.analyses.wording import figure
from habitus.runs.steps import Json

DENSE: Final = 1


@dataclass(frozen=True)
class Studied:
    """All that was found on a set."""

    what: CapacitySet
    variants: Sequence[Variant]
    trained: Mapping[str, Sequence[Trained]]
    """Variant → one entry a pre-training seed."""
    held_out: HeldOutTable
    rows: Sequence[PleRow]
    """Controls, and bounds without a vector, in the order of the table; variants follow."""
    labels: PleTable

    def dense_of(self, variant: Variant) -> Variant:
        """Return the encoder with one expert of the same data."""
        same = [v for v in self.variants if v.size == variant.size]
        return next(v for v in same if v.experts == DENSE)

    @property
    def main_loss(self) -> str:
        """The loss that says how much was stored: of the channel hidden alone, where there is."""
        return LOSS if self.what.hidden is None else ALONE_LOSS


def tables(found: Studied) -> list[Json]:
    """Return parameters and losses, labels, and the health of the routers."""
    return [_capacity(found), _labels(found), _routing(found)]


def plots(found: Studied) -> list[Json]:
    """Return the loss and the AUC over experts, a curve for each amount of data."""
    alone = found.what.hidden is not None
    loss_words = f"loss of {found.what.hidden}, hidden alone" if alone else "held-out loss"
    curves: list[tuple[str, str, str, float | None]] = [
        ("Held-out loss, by number of experts", f"{loss_words}, nats", found.main_loss, None)
    ]
    if alone:
        title = f"Share of the hidden {found.what.hidden} that is found, by number of experts"
        curves.append((title, "share that is found", ALONE_RIGHT, found.what.best_right))
    made = [_curve(found, *curve) for curve in curves]
    return [*made, _auc_curve(found)]


def entry(difference: Difference) -> Json:
    """Return a difference for a table, to be written with its sign."""
    found = {"value": difference.value, "low": difference.low, "high": difference.high}
    return found | {"signed": True}


def _capacity(found: Studied) -> Json:
    alone = found.what.hidden is not None
    rows = []
    for variant in found.variants:
        first = found.trained[variant.name][0]
        counts, dense = first.facts["counts"], found.dense_of(variant)
        less = None
        if variant is not dense:
            less = found.held_out.difference(variant.name, dense.name, found.main_loss)
        cells: list[Any] = [
            variant.label,
            *(counts[name] for name in ("total", "active", "embedding")),
            float(f"{first.facts['flops_executed'] / 1e9:.4g}"),
            float(f"{_mean(found, variant, 'seconds'):.3g}"),
            found.held_out.estimate(variant.name),
        ]
        if alone:
            cells += [found.held_out.estimate(variant.name, n) for n in (ALONE_LOSS, ALONE_RIGHT)]
        rows.append([*cells, *((None, None) if less is None else (entry(less), less.verdict))])
    hidden = f"{found.what.hidden} alone" if alone else "all channels"
    best = ""
    loss, right = found.what.best_loss, found.what.best_right
    if loss is not None and right is not None:
        best = f" Best possible with {hidden} hidden: loss {figure(loss)}, found {figure(right)}."
    return {
        "title": "Weights, operations, and what is predicted of people never seen",
        "note": "Active: weights outside of lookup tables that one event meets. Operations: "
        "billions, executed in the whole training. Loss: mean over channels, nats. The difference "
        f"is of the loss with {hidden} hidden; below 0 is better.{best}",
        "columns": [
            "encoder",
            "all weights",
            "active",
            "lookup tables",
            "operations",
            "seconds",
            "loss",
            *([f"loss, {hidden}", f"found, {hidden}"] if alone else []),
            "less one expert",
            "it is",
        ],
        "rows": rows,
    }


def _labels(found: Studied) -> Json:
    rows = []
    for name, label in _named(found):
        beside = name not in (ALONE, *found.what.bounds)
        less = found.labels.difference(name, ALONE) if beside else None
        rows.append([label, *_scores(found, name), *_less(less), None, None])
    for variant in found.variants:
        dense = found.dense_of(variant)
        less = found.labels.difference(variant.name, ALONE)
        to_dense = None
        if variant is not dense:
            to_dense = found.labels.difference(variant.name, dense.name)
        label = f"PLE + vector of {variant.label}"
        rows.append([label, *_scores(found, variant.name), *_less(less), *_less(to_dense)])
    return {
        "title": "Labels: PLE alone, and with a frozen vector beside its counts",
        "note": f"Mean over {len(found.labels.together.tasks)} tasks on test users, 95 % intervals "
        "over users, differences of AUC paired. R@P85: the largest recall at a precision of .85.",
        "columns": [
            "row",
            *LABELS.values(),
            "AUC less PLE alone",
            "it is",
            "AUC less one expert",
            "that is",
        ],
        "rows": rows,
    }


def _routing(found: Studied) -> Json:
    rows = []
    for variant in found.variants:
        for seed, one in enumerate(found.trained[variant.name]):
            rows += [
                [
                    variant.label,
                    seed,
                    router["router"],
                    router["max_load"],
                    router["entropy"] / router["most_entropy"],
                    f"{router['num_dead']} of {len(router['share'])}",
                ]
                for router in one.facts["routing"]
            ]
    return {
        "title": "Health of the routers",
        "note": "On people never seen. Busiest: load of the busiest expert over the mean one. "
        "Undecided: entropy of an event's probabilities over its largest value. Dead: experts with "
        "less than .1 % of the events.",
        "columns": ["encoder", "seed", "router", "busiest", "undecided", "dead"],
        "rows": rows,
    }


def _curve(found: Studied, title: str, y: str, name: str, best: float | None) -> Json:
    if name == ALONE_LOSS:
        best = found.what.best_loss
    series = []
    for size in found.what.sizes:
        points = []
        for variant in (v for v in found.variants if v.size == size):
            estimate = found.held_out.estimate(variant.name, name)
            points.append(_point(variant.experts, estimate))
        series.append({"label": size, "points": points})
    return _plot(found, title, y, series, best, "best possible")


def _auc_curve(found: Studied) -> Json:
    series = []
    for size in found.what.sizes:
        points = []
        for variant in (v for v in found.variants if v.size == size):
            estimate = found.labels.estimate(variant.name)
            points.append(_point(variant.experts, estimate._asdict()))
        series.append({"label": f"PLE + vector, {size}", "points": points})
    alone = found.labels.estimate(ALONE).value
    return _plot(found, "AUC of labels, by number of experts", "AUC", series, alone, "PLE alone")


def _plot(
    found: Studied, title: str, y: str, series: list[Json], level: float | None, words: str
) -> Json:
    ends = min(found.what.experts), max(found.what.experts)
    if level is not None:
        points = [{"x": float(x), "y": level, "low": None, "high": None} for x in ends]
        series = [*series, {"label": words, "points": points}]
    return {
        "kind": "lines",
        "title": title,
        "note": "At equal active operations. Upright lines are 95 % intervals.",
        "x": "number of experts",
        "y": y,
        "log_x": True,
        "series": series,
    }


def _named(found: Studied) -> list[tuple[str, str]]:
    bounds = [(words, words) for words in found.what.bounds]
    return [*((row.name, row.label) for row in found.rows), *bounds]


def _scores(found: Studied, name: str) -> list[Json]:
    made = [found.labels.estimate(name, metric) for metric in LABELS]
    return [{"value": e.value, "low": e.low, "high": e.high} for e in made]


def _less(difference: Difference | None) -> tuple[Json | None, str | None]:
    return (None, None) if difference is None else (entry(difference), difference.verdict)


def _point(experts: int, estimate: Mapping[str, Any]) -> Json:
    found = {"x": float(experts), "y": estimate["value"]}
    return {**found, "low": estimate["low"], "high": estimate["high"]}


def _mean(found: Studied, variant: Variant, fact: str) -> float:
    return float(np.mean([one.facts[fact] for one in found.trained[variant.name]]))


__all__ = ["AUC", "Studied", "entry", "plots", "tables"]
