"""Tables, plots and findings of the ablation of CLUE.

Shapes: none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from habitus.evaluation.matching import MAIN, MatchingTable, estimate_entry
from habitus.evaluation.next_item_table import NextItemTable
from habitus.runs.analyses.clue_ablation_rows import STACKED, Costs, Variant
from habitus.runs.analyses.matching import verdict
from habitus.runs.analyses.next_item_rows import POPULAR
from habitus.runs.analyses.next_item_tables import verdict as item_verdict
from habitus.runs.steps import Json

VALID: Final = "valid users"
POOL: Final = "test users"
SCORE: Final = "NDCG@10"
BOTH, OWN, UNTRAINED, ONE = "both", "both_own", "warm", "one"
LABELS: Final = {
    UNTRAINED: "warm start, all slots",
    ONE: "trained on this service alone, its slot",
    OWN: "trained on both, the slot of this service",
    BOTH: "trained on both, all slots",
}
"""Row of next items → what tables call it."""
STRATA: Final = ("new", "cold", "mid", "heavy")
Tables = Mapping[str, MatchingTable]


def shape_table(tables: Tables, shapes: Sequence[Variant], costs: Mapping[str, Costs]) -> Json:
    """Return Table 5's question: one Transformer over all tokens, or two, and a wider one."""
    rows: list[list[Any]] = []
    for variant in shapes:
        cost = costs[variant.name]
        beside = variant.name != STACKED
        rows.append(
            [
                variant.label,
                cost.block_weights,
                float(f"{cost.mflops:.3g}"),
                *_found(tables, variant.name),
                estimate_entry(tables[POOL].difference(variant.name, STACKED)) if beside else None,
                tables[POOL].difference(variant.name, STACKED).verdict if beside else None,
            ]
        )
    return {
        "title": "Two Transformers, a single one, and twice the width",
        "note": "Equal steps on equal users. Weights: without the table of tokens. Operations: "
        "millions of a forward pass, a user. The difference is to the stacked one, on test users.",
        "columns": [
            "encoder",
            "weights",
            "operations",
            *_columns(),
            f"{MAIN} less stacked",
            "it is",
        ],
        "rows": rows,
    }


def dim_table(tables: Tables, dims: Sequence[int]) -> Json:
    """Return Table 6's question: narrower slots, trained so or cut off (A-C7)."""
    widest = f"dim_{dims[-1]}"
    rows: list[list[Any]] = []
    for kind, label in (("dim", "trained as wide as this"), ("matryoshka", "first numbers of one")):
        for dim in dims:
            name = f"{kind}_{dim}"
            found = None if name == widest else tables[POOL].difference(name, widest)
            entry = None if found is None else estimate_entry(found)
            said = None if found is None else found.verdict
            rows.append([f"{dim}, {label}", *_found(tables, name), entry, said])
    return {
        "title": "Numbers of a slot",
        "note": f"The difference is to {dims[-1]} numbers trained alone, on test users. The lower "
        f"rows are one encoder, trained on prefixes of its slots (Matryoshka).",
        "columns": ["numbers", *_columns(), f"{MAIN} less {dims[-1]}", "it is"],
        "rows": rows,
    }


def service_table(tables: Tables, labels: Mapping[str, str]) -> Json:
    """Return who is found by encoders that were trained on one service, or on both."""
    return {
        "title": "Services at pre-training, and people found across services",
        "note": "One service alone: the pair is the earlier and the later half of a history; the "
        "other service is read as one never seen.",
        "columns": ["trained on", *_columns()],
        "rows": [
            ["chance", *_found(tables, "chance")],
            *([label, *_found(tables, name)] for name, label in labels.items()),
        ],
    }


def uplift_table(table: NextItemTable) -> Json:
    """Return the uplift over most popular by stratum, and two services less one (Table 4)."""
    rows = []
    for name, chosen_B in table.strata.items():
        uplifts = [table.difference(row, POPULAR, SCORE, chosen_B=chosen_B) for row in LABELS]
        added = [table.difference(BOTH, row, SCORE, chosen_B=chosen_B) for row in (ONE, OWN)]
        cells = [table.entry(found) for found in (*uplifts, *added)]
        rows.append([name, int(chosen_B.sum()), *cells])
    return {
        "title": f"Next items: {SCORE} over most popular, by stratum",
        "note": "Among all items of a service. Cold and heavy: the shortest and longest tenth of "
        "histories; new: no event in the last 30 days, where there are dates.",
        "columns": [
            "stratum",
            "questions",
            *LABELS.values(),
            "both, all slots, less one alone",
            "all slots less one slot",
        ],
        "rows": rows,
    }


def shape_plot(tables: Tables, shapes: Sequence[Variant], costs: Mapping[str, Costs]) -> Json:
    """Return what each encoder finds by what a user costs."""
    series = [
        {"label": v.label, "points": [_point(tables[POOL], v.name, costs[v.name].mflops)]}
        for v in shapes
    ]
    return {
        "kind": "lines",
        "title": f"{MAIN} of test users by operations",
        "note": "Upright lines are 95 % intervals over users.",
        "x": "millions of operations of a user",
        "y": MAIN,
        "log_x": True,
        "series": series,
    }


def dim_plot(tables: Tables, dims: Sequence[int]) -> Json:
    """Return what narrower slots find."""
    kinds = (("dim", "trained as wide as this"), ("matryoshka", "first numbers of one encoder"))
    series = [
        {"label": label, "points": [_point(tables[POOL], f"{kind}_{d}", d) for d in dims]}
        for kind, label in kinds
    ]
    return {
        "kind": "lines",
        "title": f"{MAIN} of test users by numbers of a slot",
        "note": "Upright lines are 95 % intervals over users.",
        "x": "numbers of a slot",
        "y": MAIN,
        "log_x": True,
        "series": series,
    }


def uplift_plot(table: NextItemTable) -> Json:
    """Return the uplift over most popular by stratum."""
    names = [name for name in STRATA if name in table.strata]
    series = []
    for row, label in LABELS.items():
        points = []
        for place, name in enumerate(names):
            found = table.difference(row, POPULAR, SCORE, chosen_B=table.strata[name])
            if found is not None:
                points.append({"x": place, "y": found.value, "low": found.low, "high": found.high})
        if points:
            series.append({"label": label, "points": points})
    return {
        "kind": "lines",
        "title": f"{SCORE} over most popular, by stratum",
        "note": f"From left to right: {', '.join(names)}.",
        "x": "stratum",
        "y": f"{SCORE} less most popular",
        "series": series,
    }


def findings(
    tables: Tables, shapes: Sequence[Variant], dims: Sequence[int], uplift: NextItemTable
) -> list[str]:
    """Return what each of the three questions found, each with its interval."""
    pool, labels = tables[POOL], {v.name: v.label for v in shapes}
    said = "; ".join(
        f"{labels[name]}, {verdict(pool.difference(name, STACKED))}"
        for name in labels
        if name != STACKED
    )
    narrow, wide = f"dim_{dims[0]}", f"dim_{dims[-1]}"
    services = "; ".join(
        f"{name}, {item_verdict(uplift.difference(BOTH, ONE, SCORE, chosen_B=chosen_B))}"
        for name, chosen_B in uplift.strata.items()
        if name != "mid"
    )
    return [
        f"Beside {labels[STACKED]}, by {MAIN} of test users: {said}.",
        f"Slots of {dims[0]} numbers beside {dims[-1]}: {verdict(pool.difference(narrow, wide))}; "
        f"the first {dims[0]} of slots trained on prefixes: "
        f"{verdict(pool.difference(f'matryoshka_{dims[0]}', wide))}.",
        *_across(pool, wide),
        f"Next items ({SCORE}), two services at pre-training and in the vector less one: "
        f"{services}.",
    ]


def _across(pool: MatchingTable, both: str) -> list[str]:
    """Return what a second service at pre-training gives those who look across services."""
    prefix = f"{ONE}_"
    alone = [name for name in pool.found if name.startswith(prefix)]
    said = "; ".join(
        f"{name.removeprefix(prefix)} alone, {verdict(pool.difference(both, name))}"
        for name in alone
    )
    return [f"Across services ({MAIN}), trained on both less on one: {said}."] if said else []


def _columns() -> list[str]:
    return [f"{MAIN}, {VALID}", f"{MAIN}, {POOL}", f"MRR, {POOL}"]


def _found(tables: Tables, name: str) -> list[Json]:
    asked = ((VALID, MAIN), (POOL, MAIN), (POOL, "MRR"))
    return [estimate_entry(tables[task].estimate(name, metric)) for task, metric in asked]


def _point(table: MatchingTable, name: str, x: float) -> Json:
    found = table.estimate(name, MAIN)
    return {"x": x, "y": found.value, "low": found.low, "high": found.high}
