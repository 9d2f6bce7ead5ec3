"""Transfer: an encoder and its head, trained on one platform, asked about another (P26, A-P24).

Two platforms are two kinds of events of one set, read apart. Nobody is on both sides: heads are
trained on training users at home and asked of test users away. Away only known words are read.

Differs from the paper: Weibo and PAN-18 could not be had, and between them languages differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from habitus.data.shared_words import Coverage, coverage
from habitus.data.snapshot import Snapshot
from habitus.errors import GuardError
from habitus.evaluation.class_asked import CLASS_SPLIT, protocol_of
from habitus.evaluation.class_harness import evaluate_classes
from habitus.evaluation.class_plan import ClassPlan
from habitus.runs.analyses.base import AnalysisPlan, Answer, analysis_results
from habitus.runs.analyses.platforms import Platforms, platforms_of
from habitus.runs.analyses.tables import percent, score_table, verdicts
from habitus.runs.analyses.transfer_rows import (
    ROWS,
    Sides,
    both_sides,
    curve_names,
    rows_of,
    shared_rows,
)
from habitus.runs.pasum_wiring import parts_of
from habitus.runs.steps import Json

QUESTION = "Is what was learned on one platform worth anything on another?"
SHARES: Final = (1.0, 0.5, 0.25, 0.1, 0.05)
"""Of the words away that stay known; below 1 they are hidden by chance, to see what sharing is
worth."""
QUICK: Final = (1.0, 0.25)
PAPER_TABLE: Final = (
    "The paper's Table 6, Weibo to PAN-18: 52.57 accuracy and 39.97 macro-F1 on two balanced "
    "classes, which is what chance gives."
)


def transfer(plan: AnalysisPlan) -> Json:
    """Return the analysis: home to away beside away to away, and by the words that are shared.

    Raises:
        GuardError: every task reads one half of the posts.
        UsageError: the set has no two platforms.
    """
    platforms, home, away = platforms_of(plan)
    sides = both_sides(plan, platforms, home, away)
    shares = QUICK if plan.quick else SHARES
    methods = [*rows_of(sides), *(row for s in shares[1:] for row in shared_rows(sides, s))]
    tasks = [task for task in plan.tasks if task.config.part == "all"]
    if not tasks:
        raise GuardError(f"every task of {plan.data} reads one half of the posts: none moves")
    evaluation = ClassPlan(
        traces=away,
        tasks=tasks,
        methods=methods,
        protocol=protocol_of(
            [run.to_dict() for rows in (sides.home, sides.away) for run in rows.runs],
            plan.traces,
            CLASS_SPLIT,
        ),
        trials=replace(plan.trials, split_seeds=()),
        resampling=plan.experiment(plan.run).resampling,
        reference="majority",
        allow_sensitive=True,
        progress=partial(plan.show, "evaluate"),
    )
    results = evaluate_classes(evaluation)
    known = {share: _coverage(sides, share) for share in shares}
    people = f"{home.num_users:,} of {plan.traces.num_users:,} users have an event on both."
    answer = Answer(notes=[platforms.words, people, PAPER_TABLE, *results["notes"]])
    answer.tables = _tables(results, known)
    answer.plots = [_plot(results, known, platforms)]
    answer.findings = _findings(results, known[1.0], platforms)
    config = {"ours": plan.run.to_dict(), "platforms": platforms._asdict()}
    return analysis_results(plan, "transfer", "To another platform", QUESTION, config, answer)


def _coverage(sides: Sides, share: float) -> Coverage:
    """Return how much of the test users' posts away is known."""
    encoding, away = parts_of(sides.home.models[0])[1], sides.away_traces
    test = Snapshot(away, sides.as_of, CLASS_SPLIT.rows(away, "test"))
    return coverage(encoding.text, test, encoding.vocabulary, share)


def _tables(results: Mapping[str, Any], known: Mapping[float, Coverage]) -> list[Json]:
    curve = {name for share in known for name in curve_names(share)}
    shown = [m for m in results["methods"] if m["name"] not in curve]
    note = "Test users on the platform away, 95 % intervals."
    return [
        score_table({**results, "methods": shown}, "macro_f1", "Macro-F1", note),
        score_table({**results, "methods": shown}, "accuracy", "Accuracy", note),
        {
            "title": "What is known away",
            "note": "Shares of the test users' posts away. Below 100 % words are hidden by chance.",
            "columns": ["words that stay", "of all tokens", "of distinct words", "of users, any"],
            "rows": [[percent(share), *map(percent, found)] for share, found in known.items()],
        },
    ]


def _plot(
    results: Mapping[str, Any], known: Mapping[float, Coverage], platforms: Platforms
) -> Json:
    means = {entry["method"]: entry for entry in results["summary"]}

    def points(place: int) -> list[Json]:
        names = {share: ROWS[place] if share == 1 else curve_names(share)[place] for share in known}
        found = [(known[share].tokens, means.get(name)) for share, name in names.items()]
        return [
            {"x": 100 * tokens, "y": mean["value"], "low": mean["low"], "high": mean["high"]}
            for tokens, mean in found
            if mean is not None
        ]

    flat = [
        {
            "label": label,
            "points": [{"x": 100 * c.tokens, "y": mean["value"]} for c in known.values()],
        }
        for label, mean in (
            ("ours, trained away", means.get("ours_away")),
            ("commonest class", means.get("majority")),
        )
        if mean is not None
    ]
    return {
        "kind": "lines",
        "title": f"From {platforms.home_name} to {platforms.away_name}, by known words",
        "note": "Mean over tasks and 95 % interval; words are hidden only from who comes from "
        "home.",
        "x": "tokens known, %",
        "y": "macro-F1",
        "series": [
            {"label": "ours, from home", "points": points(0)},
            {"label": "TF-IDF + linear, from home", "points": points(1)},
            *flat,
        ],
    }


def _findings(results: Mapping[str, Any], known: Coverage, platforms: Platforms) -> list[str]:
    home, away = platforms.home_name, platforms.away_name
    tokens, words, users = map(percent, known)
    return [
        f"Of the posts of test users in {away}, {tokens} of tokens and {words} of distinct words "
        f"are known from {home}; {users} of users have one or more.",
        f"From {home} to {away}, ours against the commonest class: "
        f"{verdicts(results, 'ours', 'majority')}; against TF-IDF + linear that goes the same "
        f"way: {verdicts(results, 'ours', 'tfidf')}.",
        f"Against what the posts and labels of {away} itself give: "
        f"{verdicts(results, 'ours', 'ours_away')}.",
    ]
