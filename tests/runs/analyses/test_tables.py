"""Tables and sentences made from the results of an evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from habitus.runs.analyses.tables import by_verdict, estimate, percent, score_table, verdicts


def value(number: float) -> dict[str, Any]:
    return {"value": number, "low": number - 0.1, "high": number + 0.1}


def results(num_tasks: int = 2) -> dict[str, Any]:
    """Return two methods; ``b`` is left out of task 1."""
    tasks = [{"name": f"t{i}"} for i in range(num_tasks)]
    cells = [
        {"task": f"t{i}", "method": m, "metrics": {"macro_f1": value(0.5), "accuracy": value(0.7)}}
        for i in range(num_tasks)
        for m in "ab"
        if (i, m) != (1, "b")
    ]
    return {
        "tasks": tasks,
        "methods": [{"name": m, "label": m.upper()} for m in "ab"],
        "cells": cells,
        "summary": [{"method": "a", "metric": "macro_f1", **value(0.5), "against": None}],
        "differences": [
            {"method": "a", "against": "b", "verdict": verdict}
            for verdict in ("better", "tie", "tie")
        ],
    }


def test_a_method_without_a_figure_has_none() -> None:
    found = score_table(results(), "macro_f1", "F1", "note")
    assert found["columns"] == ["method", "mean", "t0", "t1"]
    assert found["rows"] == [
        ["A", value(0.5), value(0.5), value(0.5)],
        ["B", None, value(0.5), None],
    ]


def test_a_mean_stands_only_where_it_is_one() -> None:
    # Of accuracy there is no summary, and one task is its own mean.
    assert score_table(results(), "accuracy", "A", "")["columns"] == ["method", "t0", "t1"]
    assert score_table(results(1), "macro_f1", "F", "")["columns"] == ["method", "t0"]


def test_verdicts_are_counted() -> None:
    assert verdicts(results(), "a", "b") == "better in 1, a tie in 2 of 3 tasks"
    assert verdicts(results(), "a", "c") == "not compared in any of 0 tasks"


def test_means_are_told_by_verdict() -> None:
    means: dict[str, dict[str, Any] | None] = {
        "5 %": {"against": {"verdict": "worse"}},
        "50 %": {"against": {"verdict": "tie"}},
        "75 %": {"against": {"verdict": "tie"}},
        "90 %": {"against": None},
        "100 %": None,
    }
    assert by_verdict(means, "at") == "worse at 5 %; a tie at 50 %, 75 %"
    assert by_verdict({}, "at") == "not compared"


def test_an_estimate_is_what_a_table_shows() -> None:
    assert estimate({**value(0.5), "seeds": [1]}) == value(0.5)
    assert estimate(None) is None


@pytest.mark.parametrize(("share", "text"), [(1, "100"), (0.1, "10"), (0.05, "5"), (0.012, "1.2")])
def test_shares_in_percent(share: float, text: str) -> None:
    assert percent(share) == f"{text}\N{NO-BREAK SPACE}%"
