"""Graph size: how many words of a user are worth keeping (PASUM P7, Fig. 3b).

Differs from the paper: it fine-tunes one pre-trained model on graphs of each size; here each size
is pre-trained anew, at equal optimiser steps, and read frozen by the same linear probe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from habitus.evaluation.class_harness import evaluate_classes
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results, named
from habitus.runs.analyses.graph_shapes import ROUNDS, Measured, measure, most_words
from habitus.runs.analyses.tables import by_verdict, score_table
from habitus.runs.class_experiment import plan_class_experiment
from habitus.runs.pasum import PasumRun
from habitus.runs.steps import Json

QUESTION = "How many words of a user should the graph keep?"
SIZES: Final = (100, 300, 500, 1000)
QUICK: Final = (16, 64)


def graph_size(plan: AnalysisPlan) -> Json:
    """Return the analysis: macro-F1, shape of the graphs and speed by words that are kept."""
    most = most_words(plan)
    runs = sizes(plan, most)
    (label, usual), *rest = runs.items()
    others = {f"size_{i}": named(run, words) for i, (words, run) in enumerate(rest)}
    experiment = plan.experiment(usual, others=others)
    evaluation, _, _ = plan_class_experiment(experiment)
    names = ["ours", *others]
    kept = [m for m in evaluation.methods if m.name in names]
    results = evaluate_classes(replace(evaluation, methods=kept, reference="ours"))
    means = {entry["method"]: entry for entry in results["summary"]}
    for method in results["methods"]:
        method["label"] = label if method["name"] == "ours" else method["label"]
    measured = measure(plan, experiment, runs)
    by_size = sorted(zip(names, runs, measured, strict=True), key=lambda row: row[2].nodes)
    shown = {method["name"]: method for method in results["methods"]}
    results["methods"] = [shown[name] for name, _, _ in by_size]
    note = "Each size is pre-trained anew at equal steps, then a linear probe; test users."
    answer = Answer(notes=[*_notes(plan, most), *results["notes"]])
    answer.tables = [
        _shapes([(words, m) for _, words, m in by_size]),
        score_table(results, "macro_f1", "Macro-F1", note),
        score_table(results, "accuracy", "Accuracy", note),
    ]
    answer.plots = [_curve([(means[name], m) for name, _, m in by_size if name in means])]
    against = {words: means.get(name) for name, words, _ in by_size if name != "ours"}
    said = by_verdict(against, "with")
    answer.findings = [f"Against {label}, the mean macro-F1 over tasks is {said}."]
    config = {name: run.to_dict() for name, run in runs.items()}
    return analysis_results(plan, "graph_size", "The size of graphs", QUESTION, config, answer)


def sizes(plan: AnalysisPlan, most: int) -> dict[str, PasumRun]:
    """Return a run for each size below the most words of a user, and for all: first the usual one.

    The usual one is the preset's, and all others are held against it.
    """
    usual = plan.run.graph.max_nodes
    wanted = sorted({*(QUICK if plan.quick else SIZES), *([usual] if usual else [])})
    found: list[int | None] = [*(size for size in wanted if size < most), None]
    first = usual if usual in found else None
    in_order = [first, *(size for size in found if size != first)]
    graphs = {size: replace(plan.run.graph, max_nodes=size) for size in in_order}
    return {
        f"{size:,} words" if size else f"all words, up to {most:,}": replace(plan.run, graph=graph)
        for size, graph in graphs.items()
    }


def _shapes(measured: Sequence[tuple[str, Measured]]) -> Json:
    return {
        "title": "Graphs of the test users",
        "note": "Users a second: from stored words to vectors, sizes in turn, the fastest of "
        f"{ROUNDS}; compare them with each other, not with other machines.",
        "columns": ["kept", "mean words", "mean degree", "density", "users a second"],
        "rows": [[label, *m] for label, m in measured],
    }


def _curve(means: Sequence[tuple[Mapping[str, Any], Measured]]) -> Json:
    points = [
        {"x": m.nodes, "y": mean["value"], "low": mean["low"], "high": mean["high"]}
        for mean, m in means
    ]
    return {
        "kind": "lines",
        "title": "Macro-F1 by words of a user",
        "note": "Mean over tasks and 95 % interval; from left to right the sizes of the table.",
        "x": "mean words of a user's graph",
        "y": "macro-F1",
        "series": [{"label": "ours, frozen", "points": points}],
    }


def _notes(plan: AnalysisPlan, most: int) -> list[str]:
    beyond = [f"{size:,}" for size in (QUICK if plan.quick else SIZES) if size >= most]
    if not beyond:
        return []
    return [f"No user has more than {most:,} known words: {', '.join(beyond)} would be all."]
