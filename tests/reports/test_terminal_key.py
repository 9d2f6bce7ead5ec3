"""A reader of the terminal alone learns who is ahead, of whom, and under which correction."""

from __future__ import annotations

import copy
from typing import Any

from habitus.reports.findings import Findings
from habitus.reports.terminal_key import key, who_is_ahead
from tests.reports.sample import sample

EDGES = {"coupon": -0.05, "inactive": 0.05, "diapers": 0.0}
ALL = [m["name"] for m in sample()["methods"]]


def findings(**changes: Any) -> Findings:
    results = sample(num_tasks=3, edges=EDGES)
    return Findings(copy.deepcopy(results) | changes)


def test_the_highest_mean_and_the_count_of_questions_are_told() -> None:
    first, second = who_is_ahead(findings())
    # Ours + aggregates lies .008 above the better of the two on every question.
    assert first.startswith("Highest on average: habitus + aggregates, .")
    # .05 behind on coupon, .05 ahead on inactive, equal on diapers; the half width is .02.
    assert second == (
        "Question by question, habitus is ahead of aggregates + GBDT in 1, tied in 1, behind in 1 "
        "of 3."
    )


def test_one_question_has_no_average_to_be_highest_on() -> None:
    assert who_is_ahead(Findings(sample(num_tasks=1))) == []
    assert "Holm" not in " ".join(key(Findings(sample(num_tasks=1)), ALL, has_difference=True))


def test_without_ours_the_highest_is_still_told() -> None:
    others = [m for m in sample()["methods"] if m["group"] != "ours"]
    [only] = who_is_ahead(findings(methods=others))
    assert only.startswith("Highest on average: aggregates + GBDT, .")
    assert who_is_ahead(findings(summary=[])) == []


def test_the_key_says_whom_the_last_column_holds_against_each_other() -> None:
    text = " ".join(key(findings(), ALL, has_difference=True))
    assert "habitus − aggregates + GBDT: these two alone" in text
    assert "ahead: habitus is better, behind: aggregates + GBDT is" in text
    assert "with 3 questions asked" in text
    assert "The mean is one comparison, not corrected" in text
    assert "these two alone" not in " ".join(key(findings(), ALL, has_difference=False))


def test_methods_without_a_column_are_named() -> None:
    assert key(findings(), ["ours", "aggregates"], has_difference=True)[-1] == (
        "Not shown for want of width: habitus + aggregates, majority, random vectors, "
        "untrained encoder."
    )
    assert "want of width" not in " ".join(key(findings(), ALL, has_difference=True))
