"""Ablation: what each part of a pre-training is worth, at equal steps (PASUM P22).

The paper's "w/o intra" and "w/o inter" beside the whole, and ours without each of its parts. What
is compared is frozen: one linear probe, chosen on validation users, for every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from habitus.errors import UsageError
from habitus.registry import did_you_mean
from habitus.runs.analyses.base import (
    AnalysisPlan,
    Answer,
    analysis_results,
    estimate_of,
    named,
)
from habitus.runs.class_experiment import pretrained_facts, run_class_experiment
from habitus.runs.pasum import PasumRun
from habitus.runs.steps import Json

QUESTION = "What is each part of the pre-training worth, at equal optimiser steps?"


def ablation(plan: AnalysisPlan) -> Json:
    """Return the analysis: validation and test macro-F1 of each variant, and its compute."""
    rows = variants(plan)
    results = run_class_experiment(plan.experiment(plan.run, others=rows))
    answer = Answer(notes=list(results["notes"]))
    answer.tables = [_table(results), _pretraining(plan, rows)]
    answer.findings = [_finding(results)]
    return analysis_results(
        plan, "ablation", "What each part is worth", QUESTION, results["config"], answer
    )


def variants(plan: AnalysisPlan) -> dict[str, tuple[PasumRun, str, str]]:
    """Return every variant but the whole of ours: name → run, label, nothing to add.

    Raises:
        UsageError: the plan names a variant that there is not.
    """
    ours, paper = plan.run, plan.paper
    assert paper.triplet is not None
    found = {
        "paper": named(paper, "paper"),
        "paper_no_intra": named(
            paper,
            "paper without communities (w/o intra)",
            triplet=replace(paper.triplet, alpha=1.0),
        ),
        "paper_no_inter": named(
            paper, "paper without follows (w/o inter)", triplet=replace(paper.triplet, alpha=0.0)
        ),
    }
    contrast, encoder = ours.contrast, ours.encoder
    if contrast is not None and contrast.inter_weight and contrast.half_weight:
        found["no_inter"] = named(
            ours, "ours without follows", contrast=replace(contrast, inter_weight=0.0)
        )
        found["no_halves"] = named(
            ours, "ours without halves of posts", contrast=replace(contrast, half_weight=0.0)
        )
    found["no_edges"] = named(
        ours, "ours without edges (DeepSets)", encoder=replace(encoder, aggregation="none")
    )
    found["plain_readout"] = named(
        ours, "ours, plain mean", encoder=replace(encoder, readout="mean")
    )
    found["degree_nodes"] = named(
        ours, "ours, words by degree", graph=replace(ours.graph, node_score="degree")
    )
    found["ppmi_words"] = named(
        ours, "ours, PPMI word vectors", word_vectors=replace(ours.word_vectors, kind="ppmi_svd")
    )
    found["random_words"] = named(
        ours, "ours, random word vectors", word_vectors=replace(ours.word_vectors, kind="random")
    )
    found = {name: row for name, row in found.items() if row[0] != ours}
    for name in plan.variants:
        if name not in found:
            raise UsageError(f"no variant is called {name!r}; {did_you_mean(name, found)}")
    return {name: row for name, row in found.items() if name in (plan.variants or found)}


def _table(results: Mapping[str, Any]) -> Json:
    """Return macro-F1 on validation users and, with its interval, on test users."""
    tasks = [task["name"] for task in results["tasks"]]
    cells = {(cell["task"], cell["method"]): cell for cell in results["cells"]}
    summary = {entry["method"]: entry for entry in results["summary"]}
    rows: list[list[Any]] = []
    for method in results["methods"]:
        mine = [cells[task, method["name"]] for task in tasks if (task, method["name"]) in cells]
        chosen = [value for cell in mine for value in cell["validation"].values()]
        mean = summary[method["name"]]
        rows.append(
            [
                method["label"],
                float(np.mean(chosen)) if chosen else None,
                {name: mean[name] for name in ("value", "low", "high")},
                *(estimate_of(cell, "macro_f1") for cell in mine),
            ]
        )
    return {
        "title": "Macro-F1",
        "note": "Valid: mean over tasks on the users that choose. The rest: test users, 95 %.",
        "columns": ["variant", "valid, mean", "test, mean", *(f"test, {task}" for task in tasks)],
        "rows": [row for row in rows if len(row) == 3 + len(tasks)],
    }


def _pretraining(plan: AnalysisPlan, rows: Mapping[str, tuple[PasumRun, str, str]]) -> Json:
    """Return what the pre-training of each variant cost."""
    experiment = plan.experiment(plan.run, others=rows)
    runs = {"ours": (plan.run, "habitus", ""), **rows}
    found = []
    for run, label, _ in runs.values():
        facts = pretrained_facts(experiment, run)
        found.append(
            [label, facts["steps"], facts["best_step"], facts["flops_true"], facts["seconds"]]
        )
    return {
        "title": "Pre-training",
        "columns": ["variant", "steps", "kept step", "operations", "seconds"],
        "rows": found,
    }


def _finding(results: Mapping[str, Any]) -> str:
    """Return which of ours and the paper's is ahead, by the interval of their difference."""
    if "paper" not in {method["name"] for method in results["methods"]}:
        return "The paper's choices were not among the variants."
    verdicts = [
        entry["verdict"]
        for entry in results["differences"]
        if entry["method"] == "ours" and entry["against"] == "paper"
    ]
    counts = {word: verdicts.count(word) for word in ("better", "worse", "tie")}
    return (
        f"Ours against the paper's choices, test users: better in {counts['better']}, worse in "
        f"{counts['worse']}, a tie in {counts['tie']} of {len(verdicts)} tasks."
    )
