"""Tables, plot and findings of the next-item analysis.

Shapes: none of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.next_item import Outcome
from habitus.evaluation.next_item_table import Kind, NextItemTable
from habitus.runs.analyses.next_item_hybrid import FACTORS, HYBRID
from habitus.runs.analyses.next_item_rows import POPULAR
from habitus.runs.analyses.wording import VERDICTS, figure
from habitus.runs.steps import Json

MAIN: Final = "NDCG@10"
FULL: Final = ("NDCG@10", "HR@1", "HR@5", "HR@10", "HR@20", "MRR")
SAMPLED: Final = ("HR@1", "HR@10", "NDCG@10", "MRR")
UPLIFT: Final = ("HR@10", "NDCG@10")
BOTH, OWN, SCRATCH, BLEND = "ours", "ours_own", "ours_scratch", "item_blend"
BESIDE: Final = ("item_text_vectors", "untrained", SCRATCH)
"""What shows whether pre-training, and on whom, adds anything: all are read by the same towers."""
Labels = Mapping[str, str]


def score_tables(table: NextItemTable, labels: Labels, num_negatives: Sequence[int]) -> list[Json]:
    """Return both rankings, and the main score of each service."""
    sizes = " and ".join(f"{number}" for number in sorted(set(num_negatives)))
    note = "Ties by expectation; 95 % intervals over people, resampled whole."
    tables = [
        _scores(table, labels, "full", FULL, "Among all items of the service", note),
        _scores(
            table,
            labels,
            "sampled",
            SAMPLED,
            f"Among {sizes} stored uniform negatives",
            "For comparison with papers only: such metrics do not order methods as the full ones.",
        ),
    ]
    if len(table.services) > 1:
        rows = [
            [
                labels[method],
                *(
                    table.entry(table.score(method, MAIN, chosen_B=table.of_service(service)))
                    for service in table.services
                ),
            ]
            for method in table.methods
        ]
        title = f"{MAIN} of each service, among all its items"
        tables.append({"title": title, "columns": ["method", *table.services], "rows": rows})
    return tables


def strata_table(table: NextItemTable, labels: Labels) -> Json:
    """Return the uplift over most popular in each stratum (Table 4, A-C27)."""
    names = list(table.strata)
    rows = [
        [
            labels[method],
            *(
                table.entry(table.difference(method, POPULAR, metric, chosen_B=chosen_B))
                for metric in UPLIFT
                for chosen_B in table.strata.values()
            ),
        ]
        for method in table.methods
        if method != POPULAR
    ]
    sizes = ", ".join(f"{name} {int(chosen.sum()):,}" for name, chosen in table.strata.items())
    return {
        "title": "Uplift over most popular, by stratum",
        "note": f"Difference among all items, not a ratio. Questions: {sizes}. Cold and heavy: the "
        "shortest and the longest tenth of histories; new: no event in the last 30 days.",
        "columns": ["method", *(f"{metric}, {name}" for metric in UPLIFT for name in names)],
        "rows": rows,
    }


def services_table(table: NextItemTable) -> Json:
    """Return all services against the own alone, by stratum: the paper's cold-start claim."""
    rows = [
        [
            name,
            int(chosen_B.sum()),
            *(
                table.entry(table.difference(BOTH, OWN, metric, chosen_B=chosen_B))
                for metric in UPLIFT
            ),
        ]
        for name, chosen_B in table.strata.items()
    ]
    return {
        "title": "What the user's other service adds",
        "note": "The same encoder, all slots of a user less the slot of the service asked about.",
        "columns": ["stratum", "questions", *UPLIFT],
        "rows": rows,
    }


def cost_table(outcomes: Sequence[Outcome], rates: Mapping[str, float]) -> Json:
    """Return what each method costs, mean over services (Table 1).

    Args:
        outcomes: all of them.
        rates: users that are encoded in a second, by method.
    """
    rows = []
    for name in dict.fromkeys(o.method.name for o in outcomes):
        costs = [o.costs for o in outcomes if o.method.name == name]
        label = next(o.method.label for o in outcomes if o.method.name == name)
        number = len(costs)
        rows.append(
            [
                label,
                costs[0].weights,
                _shown(sum(c.seconds_per_epoch for c in costs) / number),
                round(sum(c.epochs for c in costs) / number),
                _shown(sum(c.seconds for c in costs) / number),
                _shown(sum(c.users_per_second for c in costs) / number),
                _shown(rates.get(name, math.nan)),
            ]
        )
    return {
        "title": "Costs of a task",
        "note": "Weights trained for a task (the paper's Table 1: 0.5 M). Scored: from stored "
        "vectors, or histories, to scores of the whole catalogue. Encoded: from cached item "
        "vectors to users. One process; other programs on the machine slow all of them.",
        "columns": [
            "method",
            "weights",
            "seconds an epoch",
            "epochs",
            "seconds in all",
            "users scored a second",
            "users encoded a second",
        ],
        "rows": rows,
    }


def strata_plot(table: NextItemTable, labels: Labels) -> Json:
    """Return the main score by stratum, a line for each method."""
    names = [name for name in ("cold", "mid", "heavy") if name in table.strata]
    series = []
    for method in table.methods:
        points = []
        for place, name in enumerate(names):
            found = table.score(method, MAIN, chosen_B=table.strata[name])
            if found is not None:
                points.append({"x": place, "y": found.value, "low": found.low, "high": found.high})
        if points:
            series.append({"label": labels[method], "points": points})
    return {
        "kind": "lines",
        "title": f"{MAIN} by length of history",
        "note": f"From left to right: {', '.join(names)}.",
        "x": "stratum",
        "y": MAIN,
        "series": series,
    }


def findings(table: NextItemTable, labels: Labels) -> list[str]:
    """Return who is ahead, whether ours beats CF + text, and what the other service adds."""
    scores = {name: table.score(name, MAIN) for name in table.methods}
    means = {name: found.value for name, found in scores.items() if found is not None}
    best = max(means, key=lambda name: means[name])
    found = [
        f"{labels[best]} has the highest {MAIN} among all items: {figure(means[best], digits=4)}."
    ]
    found += [
        f"{labels[name]} against {labels[BLEND]}: {verdict(table.difference(name, BLEND, MAIN))}."
        for name in (BOTH, OWN)
        if BLEND in means and name in means
    ]
    beside = [name for name in BESIDE if name in means and BOTH in means]
    if beside:
        said = "; ".join(
            f"{labels[name]}, {verdict(table.difference(BOTH, name, MAIN))}" for name in beside
        )
        found.append(f"{labels[BOTH]} against others with the same towers: {said}.")
    if FACTORS in means and HYBRID in means:
        said = "; ".join(
            f"{labels[name]}, {verdict(table.difference(HYBRID, name, MAIN))}"
            for name in (FACTORS, BLEND, BOTH)
            if name in means
        )
        found.append(f"{labels[HYBRID]} against its parts and the best rung: {said}.")
    if BOTH in means and OWN in means:
        said = "; ".join(
            f"{name}, {verdict(table.difference(BOTH, OWN, MAIN, chosen_B=chosen_B))}"
            for name, chosen_B in table.strata.items()
            if name in ("all", "cold", "heavy")
        )
        found.append(f"All slots of a user against the own service alone: {said}.")
    impossible = table.impossible()
    rows = "; ".join(f"{name}: {why}" for name, why in impossible.items())
    checked = f"Impossible rows in our own table: {rows}." if rows else ""
    return [*found, checked or "HR@1, NDCG@10 and MRR of every row can belong together (D2)."]


def verdict(found: Difference | None) -> str:
    """Return a verdict with the difference that it rests on.

    >>> verdict(Difference(0.0124, -0.001, 0.02, 0.1, "tie"))
    'a tie (+.0124 [−.0010, +.0200])'
    """
    if found is None:
        return "too few to say"
    value, low, high = (
        figure(end, sign=True, digits=4) for end in (found.value, found.low, found.high)
    )
    return f"{VERDICTS[found.verdict]} ({value} [{low}, {high}])"


def _scores(
    table: NextItemTable,
    labels: Labels,
    kind: Kind,
    metrics: Sequence[str],
    title: str,
    note: str,
) -> Json:
    rows: list[list[Any]] = [
        [
            labels[method],
            *(table.entry(table.score(method, metric, kind)) for metric in metrics),
        ]
        for method in table.methods
    ]
    return {"title": title, "note": note, "columns": ["method", *metrics], "rows": rows}


def _shown(value: float) -> float | None:
    """Return a figure with three digits; None for none.

    >>> _shown(1234.5), _shown(0.01234), _shown(float("nan"))
    (1230.0, 0.0123, None)
    """
    return None if math.isnan(value) else float(f"{value:.3g}")
