"""Domains: how alike services are in what their items say, within sets and between them (C28).

Whether a representation that was learned on one service is worth more on a service that is alike is
asked by ``habitus analyze domain_gain``, and from Python by :func:`with_gain` of any gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets import DATASETS
from habitus.errors import DataError
from habitus.evaluation.domains import TOP, Between, Domain, Similarity, domains_of, similarities
from habitus.evaluation.results import data_entry
from habitus.metrics.permutation import Correlation, rank_correlation
from habitus.runs.analyses.base import ALL, AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.wording import figure
from habitus.runs.demo_pasum import traces_step
from habitus.runs.steps import Json

QUESTION: Final = "How alike are services in what their items say?"
SETS: Final = (
    "art_office",
    "food_kitchen",
    "amazon_scientific",
    "online_retail",
    "complete_journey_services",
)
"""Sets with item texts; those that are at hand are read."""
MEASURES: Final = {
    "kendall": "Kendall's τ-b, all words",
    "kendall_top": f"Kendall's τ-b, the {TOP:,} words with the largest shares",
    "jensen_shannon": "Jensen–Shannon divergence, bits",
}
Found = Mapping[tuple[int, int], Similarity]


def domains(plan: AnalysisPlan) -> Json:
    """Return the analysis: each two services of all sets at hand, or of the set of the plan.

    Raises:
        DataError: no set is at hand.
        GuardError: one service only.
    """
    sources = sources_of(plan)
    read = [domains_of(name, Snapshot(traces)) for name, (traces, _) in sources.items()]
    services = [domain for of_one in read for domain in of_one]
    plan.show("compare", 0, 1, f"{len(services)} services")
    found = similarities(services, num_resamples=10 if plan.quick else 100)
    plan.show("compare", 1, 1, f"{len(found)} pairs")
    left_out = [name for name in SETS if plan.data == ALL and name not in sources]
    answer = Answer(
        findings=findings(services, found),
        tables=[*(matrix(services, found, name) for name in MEASURES), pair_table(services, found)],
        notes=[
            "Words are counted over what users met, each text once a user and service.",
            "Words of one service only pull τ-b below zero: the negative is no opposition.",
            "Intervals: users drawn anew, 1.96 standard errors. Likeness is no cause of anything.",
            *([f"Not at hand: {', '.join(left_out)}."] if left_out else []),
        ],
    )
    entries = [data_entry(traces, name, notices) for name, (traces, notices) in sources.items()]
    config = {"sets": list(sources), "top": TOP}
    return analysis_results(
        plan, "domains", "How alike services are", QUESTION, config, answer, entries
    )


def sources_of(plan: AnalysisPlan) -> dict[str, tuple[Traces, Sequence[str]]]:
    """Return the traces of the sets that are read, and their notices.

    Raises:
        DataError: no set is at hand.
    """
    if plan.data != ALL:
        return {plan.data: plan.source}
    at_hand = [name for name in SETS if DATASETS[name]().missing() is None]
    if not at_hand:
        raise DataError(f"none of {', '.join(SETS)} is at hand: {DATASETS[SETS[0]]().missing()}")
    return {name: traces_step(name, plan.steps, plan.show) for name in at_hand}


def with_gain(similarity_P: Sequence[float], gain_P: Sequence[float], seed: int = 0) -> Correlation:
    """Return whether tasks on services that are more alike gain more, with a permutation p-value.

    Args:
        similarity_P: for each task, of the services that were learned on and asked about.
        gain_P: what pre-training gained on the task, in the same order.
        seed: of the permutations.

    Raises:
        DataError: not as many of one as of the other.
        GuardError: fewer than four tasks, or no difference between them.
    """
    return rank_correlation(similarity_P, gain_P, seed)


def gain_sentence(found: Correlation) -> str:
    """Return what a correlation over tasks says.

    >>> gain_sentence(Correlation(0.9, 0.083, 5))
    'Over 5 tasks, likeness and gain have a rank correlation of +.900 (permutation p = .083).'
    """
    return (
        f"Over {found.num_cases} tasks, likeness and gain have a rank correlation of "
        f"{figure(found.value, sign=True)} (permutation p = {figure(found.p)})."
    )


def findings(services: Sequence[Domain], found: Found) -> list[str]:
    """Return which two services are most and least alike, by the top words."""
    order = sorted(found, key=lambda pair: found[pair].kendall_top.value)
    far, near = order[0], order[-1]

    def said(pair: tuple[int, int]) -> str:
        names = " and ".join(services[place].name for place in pair)
        ours = found[pair]
        return (
            f"{names} (τ-b {_with_interval(ours.kendall_top)} over the top words, "
            f"{_with_interval(ours.kendall)} over all; {figure(ours.jensen_shannon.value)} bits "
            f"apart)"
        )

    if far == near:
        return [f"How alike: {said(near)}."]
    return [f"Most alike: {said(near)}.", f"Least alike: {said(far)}."]


def matrix(services: Sequence[Domain], found: Found, measure: str) -> Json:
    """Return one measure of each two services."""
    rows = []
    for i, service in enumerate(services):
        values = [
            None if i == j else getattr(found[min(i, j), max(i, j)], measure).value
            for j in range(len(services))
        ]
        rows.append([service.name, *values])
    columns = ["service", *(service.name for service in services)]
    return {"title": MEASURES[measure], "columns": columns, "rows": rows}


def pair_table(services: Sequence[Domain], found: Found) -> Json:
    """Return all measures of each two services with their intervals, the most alike first."""
    rows = [
        [
            f"{services[i].name} – {services[j].name}",
            *(getattr(found[i, j], measure)._asdict() for measure in MEASURES),
        ]
        for i, j in sorted(found, key=lambda pair: -found[pair].kendall_top.value)
    ]
    return {
        "title": "Each two services",
        "note": "95 % intervals over users.",
        "columns": ["services", "τ-b, all words", "τ-b, top words", "Jensen–Shannon"],
        "rows": rows,
    }


def _with_interval(found: Between) -> str:
    return f"{figure(found.value)} [{figure(found.low)}, {figure(found.high)}]"
