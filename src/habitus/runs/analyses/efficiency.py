"""Efficiency: what methods cost, beside what they are worth (PASUM P24, A-P27, Table 5).

Differs from the paper: it gives one time a model without saying of which task; here one task is
measured, each method in one process after the other, on the machine that the page names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import torch

from habitus.comparisons import COMPARISONS
from habitus.comparisons.text_comparison import TextComparison
from habitus.evaluation.class_asked import AskedClasses
from habitus.runs.analyses.asking import first_asked
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.costs import Cost, comparison_cost, frozen_cost, tuned_cost
from habitus.runs.analyses.models import trained_rows
from habitus.runs.analyses.paper_costs import paper_table
from habitus.runs.class_experiment import pretrained_facts, text_comparisons
from habitus.runs.pasum_wiring import parts_of
from habitus.runs.steps import Json

QUESTION = "What do methods cost, and what is it paid for?"
RUNGS: Final = ("tfidf_linear", "bow_vectors", "wide_mlp", "bow_mlp")
TUNED_RUNGS: Final = ("deep_sets", "gin", "text_gcn", "bert_seq")
"""Encoders that are trained on each task; of these, those that there are."""


def efficiency(plan: AnalysisPlan) -> Json:
    """Return the analysis: weights, seconds, users a second and bytes of every method."""
    asked = first_asked(plan)
    load = os.getloadavg()[0]
    costs = measured(plan, asked)
    answer = Answer(
        tables=[_table(asked, costs), paper_table()],
        plots=[_plot(asked, costs)],
        findings=_findings(costs),
        notes=[
            f"Seconds are wall time in one process with {torch.get_num_threads()} threads; "
            f"{load:.1f} programs on average wanted the {os.cpu_count()} cores when it began, and "
            "other programs only slow. Kept pre-trainings have the seconds of when they ran.",
        ],
    )
    if not plan.fine_tune:
        answer.notes.append("Encoders trained on each task are left out: add --fine-tune.")
    config = {"ours": plan.run.to_dict(), "paper": plan.paper.to_dict(), "task": asked.name}
    return analysis_results(plan, "efficiency", "What methods cost", QUESTION, config, answer)


def measured(plan: AnalysisPlan, asked: AskedClasses) -> list[Cost]:
    """Return the cost of every method on one task."""
    experiment, costs = plan.experiment(plan.run), []
    ours = trained_rows(experiment, plan.run).models[0]
    names = [*RUNGS[:1], *(() if plan.quick else RUNGS[1:])]
    names += [n for n in TUNED_RUNGS if plan.fine_tune and n in COMPARISONS]
    text = parts_of(ours)[1].text
    train = experiment.dated(plan.run, 0).snapshot(plan.traces, "train")
    for comparison in text_comparisons(names, text, plan.tuning):
        assert isinstance(comparison, TextComparison)
        plan.show(f"measure {comparison.label}", 0, 1, "")
        costs.append(comparison_cost(comparison, train, asked))
    for label, run in (("PASUM (paper), frozen", plan.paper), ("ours, frozen", plan.run)):
        model = trained_rows(experiment, run, label=label).models[0]
        seconds = pretrained_facts(experiment, run)["seconds"]
        costs.append(frozen_cost(label, model, seconds, asked))
    if plan.tuning is not None:
        seconds, tuning = costs[-1].before, plan.tuning
        costs.append(tuned_cost("ours, fine-tuned", ours, seconds, asked, tuning))
    return costs


def _table(asked: AskedClasses, costs: Sequence[Cost]) -> Json:
    return {
        "title": f"Measured here: {asked.name}",
        "note": f"Labelled: {len(asked.train.users_B):,} training users; tested: "
        f"{len(asked.test.users_B):,}. Before: fit or pre-training, once. Users a second: from "
        "stored words. Bytes: of a stored vector.",
        "columns": [
            "method",
            "weights",
            "before, s",
            "training for a task, s",
            "settings tried",
            "users a second",
            "bytes a user",
            "macro-F1",
        ],
        "rows": [_row(cost) for cost in costs],
    }


def _row(cost: Cost) -> list[object]:
    rate = None if cost.users_per_second is None else round(cost.users_per_second)
    seconds = map(_seconds, (cost.before, cost.training))
    return [
        cost.label, cost.weights, *seconds, cost.settings, rate, cost.bytes_per_user, cost.macro_f1
    ]  # fmt: skip


def _seconds(value: float) -> str:
    """Return seconds with two digits or more.

    >>> _seconds(0.0432), _seconds(1234.5)
    ('0.043', '1,234')
    """
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _plot(asked: AskedClasses, costs: Sequence[Cost]) -> Json:
    return {
        "kind": "lines",
        "title": f"{asked.name}: macro-F1 by seconds",
        "note": "Seconds before any task and for this one. One fit each: small gaps say nothing.",
        "x": "seconds in all",
        "y": "macro-F1",
        "log_x": True,
        "series": [
            {"label": c.label, "points": [{"x": c.before + c.training, "y": c.macro_f1}]}
            for c in costs
        ],
    }


def _findings(costs: Sequence[Cost]) -> list[str]:
    by_label = {cost.label: cost for cost in costs}
    ours = by_label["ours, frozen"]
    rate = ours.users_per_second or 0.0
    found = [
        f"Ours, frozen: {_seconds(ours.before)} s of pre-training once, then "
        f"{_seconds(ours.training)} s for a task; it encodes {rate:,.0f} users a second and keeps "
        f"{ours.bytes_per_user} bytes of each."
    ]
    quickest = min(costs, key=lambda cost: cost.before + cost.training)
    total = quickest.before + quickest.training
    found.append(
        f"From nothing to one task, {quickest.label} is the quickest: {_seconds(total)} s."
    )
    return found
