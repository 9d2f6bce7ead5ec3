"""Domain gain: is an encoder worth more on a service that is like the one it learned on (C28)?

Each service of the sets with people on two services is a source: an encoder learns on it alone, by
halves of histories. Each set of one service is a target: next items by the encoder's frozen
vectors, beside most popular. Nobody and no service is both. Pairs share sources and targets, so
orders of the *sources* are permuted, and correlations are taken within each target: a target that
is easier for all says nothing (D7). Of so few pairs nothing is said about causes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import DataError
from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.domains import (
    Domain,
    GainCorrelation,
    Similarity,
    domains_of,
    gain_correlation,
    similarities,
)
from habitus.evaluation.next_item import ItemMethod, evaluate_next_items
from habitus.evaluation.next_item_table import NextItemTable
from habitus.evaluation.results import data_entry
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.domains import MEASURES
from habitus.runs.analyses.next_item import Trained
from habitus.runs.analyses.next_item_rows import (
    POPULAR,
    ModelVectors,
    model_row,
    quick_towers,
    rungs,
)
from habitus.runs.analyses.next_item_sets import (
    FEW,
    FEW_EXAMPLES,
    SETS,
    questions_of,
    run_for,
)
from habitus.runs.analyses.next_item_tables import MAIN
from habitus.runs.analyses.one_service import by_halves, service_traces
from habitus.runs.analyses.wording import figure
from habitus.runs.demo_pasum import traces_step
from habitus.runs.steps import Json

QUESTION: Final = "Is an encoder worth more on a service that is like the one it learned on?"
SOURCES: Final = ("art_office", "food_kitchen", "complete_journey_services")
TARGETS: Final = ("amazon_scientific", "online_retail")
LEVEL: Final = 0.05
Pair = tuple[int, int]
"""Places of a source and of a target."""


@dataclass(frozen=True)
class Place:
    """One service of one set."""

    data: str
    service: str
    traces: Traces

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.data}, {self.service}"


def domain_gain(plan: AnalysisPlan) -> Json:
    """Return the analysis: likeness and gain of each source and target at hand.

    Raises:
        DataError: fewer than two sources or no target is at hand.
        GuardError: fewer than four sources, so that no order of them would be rare.
    """
    sources, targets = places_of(plan, SOURCES), places_of(plan, TARGETS)
    if not targets or len(sources) < 2:
        raise DataError(
            f"two services to learn on and one to ask about are needed: {len(sources)} and "
            f"{len(targets)} are at hand; set HABITUS_DATA"
        )
    alike = similarities_of(sources, targets, num_resamples=2 if plan.quick else 20)
    gains = gains_of(plan, sources, targets)
    found = {name: correlation(alike, gains, name) for name in MEASURES}
    answer = Answer(
        findings=findings(found, len(sources), len(targets)),
        tables=[
            correlation_table(found, targets),
            pair_table(sources, targets, alike, gains),
        ],
        plots=[plot(targets, alike, gains)],
        notes=_notes(plan, sources),
    )
    read = {place.data: place.traces for place in (*sources, *targets)}
    entries = [data_entry(traces, name, DATASETS[name].notices) for name, traces in read.items()]
    config = {"sources": [p.name for p in sources], "targets": [p.name for p in targets]}
    title = "Likeness of services, and what a transfer gains"
    return analysis_results(plan, "domain_gain", title, QUESTION, config, answer, entries)


def places_of(plan: AnalysisPlan, names: Sequence[str]) -> list[Place]:
    """Return the services of the sets that are at hand."""
    found = []
    for name in names:
        if DATASETS[name]().missing() is None:
            traces, _ = traces_step(name, plan.steps, plan.show)
            found += [Place(name, service, traces) for service in SETS[name].services]
    return found


def similarities_of(
    sources: Sequence[Place], targets: Sequence[Place], num_resamples: int
) -> dict[Pair, Similarity]:
    """Return how alike each source and target are in the words of what people met."""
    places = [*sources, *targets]
    read: dict[str, list[Domain]] = {}
    for place in places:
        if place.data not in read:
            read[place.data] = domains_of(place.data, Snapshot(place.traces))
    domains = [next(d for d in read[p.data] if d.service == p.service) for p in places]
    found = similarities(domains, num_resamples=num_resamples)
    pairs = [(s, t) for s in range(len(sources)) for t in range(len(targets))]
    return {(s, t): found[s, len(sources) + t] for s, t in pairs}


def gains_of(
    plan: AnalysisPlan, sources: Sequence[Place], targets: Sequence[Place]
) -> dict[Pair, Difference]:
    """Return what each source's encoder finds on each target, less most popular."""
    towers = quick_towers(FEW) if plan.quick else FEW
    rows: list[ItemMethod] = [rungs(towers)[0]]
    for s, source in enumerate(sources):
        run = run_for(SETS[source.data], "quick" if plan.quick else plan.preset)
        alone = by_halves(run, SETS[source.data].split)
        traces = service_traces(plan, source.traces, source.service)
        models = Trained(plan, traces, alone).models(f"pretrain on {source.name}")
        vectors = ModelVectors(models)
        rows.append(model_row(f"source_{s}", source.name, vectors, towers, own=True))
    found = {}
    for t, target in enumerate(targets):
        what = replace(SETS[target.data], services=(target.service,))
        asked = questions_of(
            target.traces, what, quick=plan.quick, examples=FEW_EXAMPLES, max_train=FEW_EXAMPLES
        )

        def show(words: str, done: int, total: int, name: str = target.name) -> None:
            plan.show(f"next items of {name}", done, total, words)

        outcomes = list(evaluate_next_items(asked, rows, range(plan.seeds), show))
        table = NextItemTable(outcomes, plan.resampling.num_resamples_beside)
        for s in range(len(sources)):
            gain = table.difference(f"source_{s}", POPULAR, MAIN)
            assert gain is not None
            found[s, t] = gain
    return found


def correlation(
    alike: dict[Pair, Similarity], gains: dict[Pair, Difference], measure: str
) -> GainCorrelation:
    """Return whether likeness, by one measure, and gain go together; distance counts negatively."""
    shape = (1 + max(s for s, _ in alike), 1 + max(t for _, t in alike))
    like_ST, gain_ST = np.zeros(shape), np.zeros(shape)
    sign = -1 if measure == "jensen_shannon" else 1
    for pair, found in alike.items():
        like_ST[pair] = sign * getattr(found, measure).value
        gain_ST[pair] = gains[pair].value
    return gain_correlation(like_ST, gain_ST)


def correlation_table(found: dict[str, GainCorrelation], targets: Sequence[Place]) -> Json:
    """Return each measure's correlation with the gain."""
    rows = [
        [MEASURES[name], each.value, *each.each_T, each.p, each.num_orders]
        for name, each in found.items()
    ]
    return {
        "title": "Likeness and gain",
        "note": "Spearman's rank correlation over sources, the mean over targets; two-sided p over "
        "orders of the sources. Divergence counts negatively: more alike is more.",
        "columns": [
            "likeness",
            "mean",
            *(f"on {target.name}" for target in targets),
            "p",
            "orders",
        ],
        "rows": rows,
    }


def pair_table(
    sources: Sequence[Place],
    targets: Sequence[Place],
    alike: dict[Pair, Similarity],
    gains: dict[Pair, Difference],
) -> Json:
    """Return each pair, by target and then the most alike first."""
    rows = []
    for s, t in sorted(alike, key=lambda pair: (pair[1], -alike[pair].kendall_top.value)):
        gain = gains[s, t]
        cells = [getattr(alike[s, t], name)._asdict() for name in MEASURES]
        entry = {"value": gain.value, "low": gain.low, "high": gain.high}
        rows.append([targets[t].name, sources[s].name, *cells, entry])
    return {
        "title": "Each source and target",
        "note": f"Gain: {MAIN} among all items, less most popular; 95 % intervals over users.",
        "columns": ["asked on", "learned on", *MEASURES.values(), "gain"],
        "rows": rows,
    }


def plot(
    targets: Sequence[Place], alike: dict[Pair, Similarity], gains: dict[Pair, Difference]
) -> Json:
    """Return gain by likeness, a colour for each target."""
    points = [
        {"x": found.kendall_top.value, "y": gains[s, t].value, "class": t}
        for (s, t), found in alike.items()
    ]
    return {
        "kind": "scatter",
        "title": "Gain by likeness",
        "note": "A point is an encoder of one service, asked about another company's.",
        "x": MEASURES["kendall_top"],
        "y": f"{MAIN} less most popular",
        "classes": [target.name for target in targets],
        "points": points,
    }


def findings(found: dict[str, GainCorrelation], num_sources: int, num_targets: int) -> list[str]:
    """Return what each measure says, and how few cases there are."""
    said = "; ".join(
        f"{MEASURES[name]}: {figure(each.value, sign=True)}, p = {figure(each.p)}"
        for name, each in found.items()
    )
    least = min(each.p for each in found.values())
    return [
        f"Likeness and gain over {num_sources} sources on {num_targets} targets: {said}.",
        f"The smallest p of the {len(found)} measures is {figure(least)}, before any account of "
        f"their number: "
        + ("likeness and gain go together here." if least < LEVEL else "nothing is shown."),
    ]


def _notes(plan: AnalysisPlan, sources: Sequence[Place]) -> list[str]:
    left_out = [name for name in (*SOURCES, *TARGETS) if DATASETS[name]().missing() is not None]
    return [
        f"The {len(sources)} sources are of {len({s.data for s in sources})} sets, and services of "
        f"one set share their people and much else: they are fewer than they look.",
        "708 people of amazon_scientific are also in art_office, unlinked.",
        f"Towers learn from about {FEW_EXAMPLES:,} examples; seeds: {plan.seeds}.",
        *([f"Not at hand: {', '.join(left_out)}."] if left_out else []),
    ]
