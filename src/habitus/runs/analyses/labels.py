"""Labels: how well methods do with few labelled users (PASUM P22, Fig. 3a).

Words, idf and pre-training read the posts of all training users in any case; what shrinks is how
many of them have a label.

Differs from the paper: frozen vectors with a linear probe beside fine-tuning, and simpler systems
beside BERT, which is shown once it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from habitus.comparisons import COMPARISONS
from habitus.errors import DataError
from habitus.evaluation.class_harness import evaluate_classes
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.tables import by_verdict, estimate, percent, score_table
from habitus.runs.class_experiment import TUNED_NAME, plan_class_experiment, text_comparisons
from habitus.runs.pasum_wiring import text_source
from habitus.runs.steps import Json

QUESTION = "How much do methods need labels?"
SHARES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
AGAINST: Final = "tfidf_linear"
RUNGS: Final = (AGAINST, "wide_mlp")
TUNED_RUNGS: Final = ("deep_sets", "bert_seq_contra")
"""Encoders that are trained on each task; of these, those that there are."""
SHOWN: Final = ("ours", TUNED_NAME, *RUNGS, *TUNED_RUNGS, "majority")


def labels(plan: AnalysisPlan) -> Json:
    """Return the analysis: macro-F1 by the share of training users who have a label."""
    work = plan.steps.folder("work", {"traces": plan.traces.digest})
    rungs = [*(RUNGS[:1] if plan.quick else RUNGS), *(TUNED_RUNGS if plan.fine_tune else ())]
    names = [name for name in rungs if name in COMPARISONS]
    known = text_comparisons(names, text_source(plan.traces, plan.run, work), plan.tuning)
    experiment = plan.experiment(plan.run, comparisons=known, tuning=plan.tuning)
    evaluation, _, _ = plan_class_experiment(experiment)
    methods = [m for m in evaluation.methods if m.name in SHOWN]
    by_share: dict[float, Mapping[str, Any]] = {}
    answer = Answer(notes=_notes(plan))
    for share in SHARES[1::3] if plan.quick else SHARES:
        trials = replace(evaluation.trials, split_seeds=(), train_share=share)
        try:
            by_share[share] = evaluate_classes(
                replace(evaluation, methods=methods, trials=trials, reference=AGAINST)
            )
        except DataError as error:
            answer.notes.append(f"{percent(share)} of the labels is left out: {error}")
    answer.tables = [_means(by_share), *_tasks(by_share)]
    answer.plots = [_curves(by_share)]
    answer.findings = [_finding(by_share, method) for method in _ours(by_share)]
    answer.notes += dict.fromkeys(note for found in by_share.values() for note in found["notes"])
    config = {"ours": plan.run.to_dict(), "shares": list(by_share)}
    return analysis_results(plan, "labels", "Few labels", QUESTION, config, answer)


def _ours(by_share: Mapping[float, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    methods = [m for found in by_share.values() for m in found["methods"] if m["group"] == "ours"]
    return list({method["name"]: method for method in methods}.values())


def _summary(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {entry["method"]: entry for entry in found["summary"]}


def _shown(by_share: Mapping[float, Mapping[str, Any]]) -> dict[str, str]:
    """Return the labels of the methods that have a mean over tasks, by name."""
    found = {m["name"]: m["label"] for one in by_share.values() for m in one["methods"]}
    return {name: found[name] for name in SHOWN if name in found}


def _curves(by_share: Mapping[float, Mapping[str, Any]]) -> Json:
    series = []
    for name, label in _shown(by_share).items():
        known = {share: _summary(one).get(name) for share, one in by_share.items()}
        points = [
            {"x": 100 * share, "y": mean["value"], "low": mean["low"], "high": mean["high"]}
            for share, mean in known.items()
            if mean is not None
        ]
        series.append({"label": label, "points": points})
    return {
        "kind": "lines",
        "title": "Macro-F1 by share of training labels",
        "note": "Mean over tasks; upright lines are 95 % intervals over test users.",
        "x": "labelled training users, %",
        "y": "macro-F1",
        "log_x": True,
        "series": series,
    }


def _means(by_share: Mapping[float, Mapping[str, Any]]) -> Json:
    rows = [
        [label, *(estimate(_summary(found).get(name)) for found in by_share.values())]
        for name, label in _shown(by_share).items()
    ]
    return {
        "title": "Macro-F1, mean over tasks",
        "note": "Test users; each seed draws its own training users. 95 % intervals.",
        "columns": ["method", *map(percent, by_share)],
        "rows": rows,
    }


def _tasks(by_share: Mapping[float, Mapping[str, Any]]) -> list[Json]:
    return [
        score_table(
            found,
            "macro_f1",
            f"Macro-F1 with {percent(share)} of the labels",
            "Labelled users: "
            + ", ".join(f"{round(share * t['num_train']):,} ({t['name']})" for t in found["tasks"]),
        )
        for share, found in by_share.items()
    ]


def _finding(by_share: Mapping[float, Mapping[str, Any]], method: Mapping[str, Any]) -> str:
    """Return where one of ours is ahead of TF-IDF in the mean over tasks."""
    means = {percent(s): _summary(found).get(method["name"]) for s, found in by_share.items()}
    said = by_verdict(means, "at")
    label = str(method["label"])
    return (
        f"{label[0].upper()}{label[1:]} against TF-IDF + linear, mean over tasks: {said} of the "
        f"labels."
    )


def _notes(plan: AnalysisPlan) -> list[str]:
    notes = [
        "All methods read the posts of every training user without labels: words, idf, and for "
        "ours the pre-training. Only labels shrink. Validation users keep theirs."
    ]
    if not plan.fine_tune:
        notes.append("Encoders trained on each task are left out: add --fine-tune.")
    if "bert_seq_contra" not in COMPARISONS:
        notes.append("BERT-seq-contra, which the paper compares with, is not there.")
    return notes
