"""Zero-shot: class tasks answered without any label (PASUM P25, A-P23, Table 3).

Keywords of each class are written down before any user is read, become a graph and a prototype, and
each user goes to the nearest. Beside it: plain counts of the keywords, which a claim has to beat,
and clusters named by an oracle, which knows the answers and is no zero-shot.

Differs from the paper: how it answers without labels is not in it; the language models of its
table are not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from habitus.evaluation.class_asked import CLASS_SPLIT, protocol_of
from habitus.evaluation.class_harness import evaluate_classes
from habitus.evaluation.class_plan import ClassPlan
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.prototypes import Prototypes
from habitus.runs.analyses.asking import first_asked
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.keywords import Lists, task_keywords
from habitus.runs.analyses.models import trained_rows
from habitus.runs.analyses.pictures import directions
from habitus.runs.analyses.tables import score_table, verdicts
from habitus.runs.analyses.zero_shot_rows import answers_of, zero_shot_rows
from habitus.runs.steps import Json

QUESTION = "Can the encoder answer without a single label?"
PAPER_TABLE: Final = (
    "The paper's Table 3, on its own data: PASUM has 48.79 accuracy and 38.89 macro-F1 on average "
    "over six tasks; always saying the commonest class (its Table 2) has 45.06 and 22.21."
)
AGAINST: Final = {
    "majority": "the commonest class",
    "keyword_counts": "counting the keywords",
    "keyword_rates": "counting them in units of the usual count",
}
SHOWN: Final = 12
"""Keywords of a class in the table."""


def zero_shot(plan: AnalysisPlan) -> Json:
    """Return the analysis: prototypes beside plain counts, the oracle, majority and a guess."""
    keywords = {t.name: k for t in plan.tasks if (k := task_keywords(plan.data, t)) is not None}
    without = [task.name for task in plan.tasks if task.name not in keywords]
    answer = Answer(notes=[PAPER_TABLE])
    if without:
        answer.notes.append(f"No keywords, so not asked: {', '.join(without)}.")
    config = {"ours": plan.run.to_dict(), "paper": plan.paper.to_dict(), "keywords": keywords}
    if keywords:
        _evaluate(plan, keywords, answer)
    else:
        answer.findings = [f"No task of {plan.data} has keywords, so none can be asked."]
    return analysis_results(plan, "zero_shot", "Without labels", QUESTION, config, answer)


def _evaluate(plan: AnalysisPlan, keywords: Mapping[str, Lists], answer: Answer) -> None:
    experiment = plan.experiment(plan.run)
    ours = trained_rows(experiment, plan.run)
    paper = trained_rows(experiment, plan.paper, "paper", "PASUM (paper)")
    evaluation = ClassPlan(
        traces=plan.traces,
        tasks=[task for task in plan.tasks if task.name in keywords],
        methods=zero_shot_rows(keywords, ours, paper, answers_of(plan)),
        protocol=protocol_of(
            [run.to_dict() for rows in (ours, paper) for run in rows.runs], plan.traces, CLASS_SPLIT
        ),
        # Nothing is fitted to labels: all training users, and one fit for each pre-training.
        trials=ClassTrials(seeds=tuple(range(plan.seeds)), split_seeds=(), train_share=1.0),
        resampling=experiment.resampling,
        reference="majority",
        allow_sensitive=experiment.allow_sensitive,
        progress=partial(plan.show, "evaluate"),
    )
    results = evaluate_classes(evaluation)
    note = "Test users, 95 % intervals."
    answer.tables = [
        score_table(results, "macro_f1", "Macro-F1", note),
        score_table(results, "accuracy", "Accuracy", note),
        _lists(keywords),
    ]
    asked = first_asked(plan, keywords)
    answer.plots = [directions(Prototypes(ours.models[0], keywords), asked)]
    answer.findings = [
        f"Prototypes against {words}: {verdicts(results, 'ours', name)} (macro-F1)."
        for name, words in AGAINST.items()
    ]
    answer.notes += [
        "ORACLE names clusters of users after the test labels: an upper reference of what lies in "
        "the vectors, and no answer without labels.",
        *results["notes"],
    ]


def _lists(keywords: Mapping[str, Lists]) -> Json:
    rows: list[list[Any]] = []
    for task, lists in keywords.items():
        for name, words in lists.items():
            more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
            rows.append([f"{task}: {name}", len(words), ", ".join(words[:SHOWN]) + more])
    return {
        "title": "Keywords",
        "note": "Written down before any user was read.",
        "columns": ["class", "keywords", "which"],
        "rows": rows,
    }
