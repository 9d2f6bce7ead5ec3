"""Ablation of SUPERMOE: what each choice is worth, at equal steps and active operations (I3).

The paper's choices beside ours, and ours with one thing changed at a time: one expert (B-27), fine
and shared experts balanced by a bias (DeepSeekMoE; I3 2 and 3), Switch layers in attention (A-S10),
the pooling of the paper (A-S17), and no warm start. What is compared is frozen: one probe, chosen
on validation users, for every row. Differences are paired, over the same users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from habitus.errors import GuardError
from habitus.evaluation.predictions import ProbeTrials
from habitus.nn.experts import parameter_counts
from habitus.nn.experts_config import ExpertsConfig
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.seesaw_sets import tasks_of
from habitus.runs.analyses.wording import figure
from habitus.runs.demo_supermoe import CONTROL, PAPER
from habitus.runs.experiment import Experiment, pretrained, run_experiment
from habitus.runs.steps import Json
from habitus.runs.supermoe import SupermoeRun, dense_control, papers_choices, supermoe

QUESTION: Final = "What is each choice worth, at equal steps and active operations?"
OURS: Final = "ours"
MEASURE: Final = "auroc"


def supermoe_ablation(plan: AnalysisPlan) -> Json:
    """Return the analysis: AUROC of each variant on validation and test users, and its cost.

    Raises:
        DataError: the set is not at hand.
        GuardError: no task can tell methods apart.
        UsageError: no tasks at cutoffs are known of the set, or no such preset.
    """
    experiment = experiment_of(plan)
    results = run_experiment(experiment)
    answer = Answer(
        findings=findings(results),
        tables=[scores(results), costs(experiment)],
        notes=[
            *results["notes"],
            f"Intervals: 95 %, paired, over users; pre-training seeds {list(range(plan.seeds))}. "
            "With one seed they say nothing of how another seed would have turned out.",
        ],
    )
    title = "What each choice of SUPERMOE is worth"
    return analysis_results(
        plan, "supermoe_ablation", title, QUESTION, results["config"], answer, [results["data"]]
    )


def experiment_of(plan: AnalysisPlan) -> Experiment:
    """Return the experiment whose rows are the variants."""
    tasks = [task for task in tasks_of(plan.data, plan.traces) if not task.is_number]
    if not tasks:
        raise GuardError(f"{plan.data} has no yes-or-no task to compare variants by")
    run = supermoe("quick" if plan.quick else plan.preset)
    rows = {name: (row, label, label) for name, (row, label) in variants(run).items()}
    trials = ProbeTrials(seeds=(0, 1)) if plan.quick else ProbeTrials()
    return plan.dated_experiment(run, tasks, trials, others=rows)


def variants(run: SupermoeRun) -> dict[str, tuple[SupermoeRun, str]]:
    """Return every variant but ours: name → run and label; each changes one thing but the paper."""
    encoder, experts = run.encoder, run.encoder.experts
    # Of as many experts' worth of weights, cut in quarters: one shared, three of the others chosen.
    fine = ExpertsConfig(num_experts=experts.num_experts, split=4, shared=1, balance="bias")
    found = {
        PAPER: (papers_choices(run), "the paper's choices"),
        CONTROL: (dense_control(run), "one expert"),
        "fine": (
            replace(run, encoder=replace(encoder, experts=fine)),
            "fine and shared experts, balanced by a bias",
        ),
        "attention": (
            replace(
                run,
                encoder=replace(
                    encoder,
                    experts=replace(experts, attention="moe_qkv", attention_experts=4),
                ),
            ),
            "experts in attention, too",
        ),
        "max": (
            replace(run, encoder=replace(encoder, pooling="max", pool_channels=False)),
            "the maximum alone as pooling",
        ),
        "cold": (replace(run, warm_start=False), "random first embeddings"),
    }
    return {name: row for name, row in found.items() if row[0] != run}


def scores(results: Mapping[str, Any]) -> Json:
    """Return the mean AUROC on validation and test users, ours less each, and every task's."""
    tasks = [task["name"] for task in results["tasks"]]
    cells = {(cell["task"], cell["method"]): cell for cell in results["cells"]}
    labels = {method["name"]: method["label"] for method in results["methods"]}
    labels[OURS] = "ours"
    rows: list[list[Any]] = []
    for name in _in_order(results):
        mine = [cells[task, name] for task in tasks]
        valid = [max(cell["validation"].values()) for cell in mine if cell["validation"]]
        beside = _beside(results, name)
        rows.append(
            [
                labels[name],
                float(np.mean(valid)) if valid else None,
                _estimate(_summary(results)[name]),
                _estimate(beside) if beside else None,
                beside["verdict"] if beside else None,
                *(_estimate(cell["metrics"][MEASURE]) for cell in mine),
            ]
        )
    return {
        "title": "AUROC",
        "note": "Valid: the probe's best, mean over tasks, on the users that choose it. The rest: "
        "test users, 95 %.",
        "columns": [
            "variant",
            "valid, mean",
            "test, mean",
            "ours less it",
            "ours is",
            *(f"test, {task}" for task in tasks),
        ],
        "rows": rows,
    }


def costs(experiment: Experiment) -> Json:
    """Return weights and operations of the pre-training of each variant, of the first seed."""
    rows: list[list[Any]] = []
    labels = {None: "ours"} | {name: label for name, (_, label, _) in experiment.others.items()}
    for name, label in labels.items():
        model, facts = pretrained(experiment, experiment.pretrain_seeds[0], name)
        counts = parameter_counts(model.encoder)
        rows.append(
            [
                label,
                counts.total,
                counts.active,
                facts["steps"],
                facts["flops_true"],
                facts["seconds"],
                facts["best_valid"],
            ]
        )
    return {
        "title": "Pre-training",
        "note": "Active: weights that one event meets, tables left out. Held-out loss: of hidden "
        "channels of validation users; losses of variants with the same channels compare.",
        "columns": [
            "variant",
            "weights",
            "active",
            "steps",
            "operations",
            "seconds",
            "held-out loss",
        ],
        "rows": rows,
    }


def findings(results: Mapping[str, Any]) -> list[str]:
    """Return who is ahead of whom, by the interval of the difference of means over tasks."""
    summary = _summary(results)
    ours = summary[OURS]
    labels = {method["name"]: method["label"] for method in results["methods"]}
    words = {"better": "better than", "worse": "worse than", "tie": "a tie with"}
    told = [
        f"{words[beside['verdict']]} {labels[name]} ({_signed(beside)})"
        for name in _in_order(results)
        if (beside := _beside(results, name))
    ]
    number = len(results["tasks"])
    return [
        f"Mean AUROC of {number} tasks, test users: ours {figure(ours['value'])} "
        f"[{figure(ours['low'])}, {figure(ours['high'])}]. Ours is {'; '.join(told)}."
    ]


def _in_order(results: Mapping[str, Any]) -> list[str]:
    """Return our row, its controls, the counts and the variants, as far as they are there."""
    left_out = {"majority", "random_vectors", "ours+aggregates", OURS}
    return [OURS, *(m["name"] for m in results["methods"] if m["name"] not in left_out)]


def _summary(results: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["method"]: entry for entry in results["summary"]}


def _beside(results: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return ours less a row, the mean over tasks; None for ours itself."""
    ours = _summary(results)[OURS]
    known: Sequence[Mapping[str, Any]] = [*ours.get("beside", ()), ours.get("against") or {}]
    return next((entry for entry in known if entry.get("method") == name), None)


def _estimate(found: Mapping[str, Any]) -> Json:
    return {name: found[name] for name in ("value", "low", "high")}


def _signed(found: Mapping[str, Any]) -> str:
    value, low, high = (figure(found[name], sign=True) for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
