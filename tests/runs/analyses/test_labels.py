"""Scores by the share of training users who have a label."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.errors import DataError
from habitus.evaluation.class_harness import evaluate_classes
from habitus.runs.analyses import AnalysisPlan, labels
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def test_the_curve_has_each_method_at_each_share(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(labels.labels(plan_of()))
    [plot] = results["plots"]
    assert [series["label"] for series in plot["series"]] == [
        "habitus", "TF-IDF + linear", "majority"
    ]  # fmt: skip
    for series in plot["series"]:
        assert [point["x"] for point in series["points"]] == [10, 100]
        assert all(p["low"] <= p["y"] <= p["high"] for p in series["points"])
    means = results["tables"][0]
    assert means["columns"][1:] == ["10\N{NO-BREAK SPACE}%", "100\N{NO-BREAK SPACE}%"]
    # The plot and the table are the same figures.
    for series, row in zip(plot["series"], means["rows"], strict=True):
        assert [point["y"] for point in series["points"]] == [cell["value"] for cell in row[1:]]
    assert results["findings"][0].startswith("Habitus against TF-IDF + linear")
    assert any("--fine-tune" in note for note in results["notes"])


def test_fewer_labels_are_fewer_training_users(
    plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = []

    def spying(plan: object) -> object:
        handed.append(plan.trials)  # type: ignore[attr-defined]
        return evaluate_classes(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(labels, "evaluate_classes", spying)
    results = labels.labels(plan_of())
    assert [trials.train_share for trials in handed] == [0.1, 1.0]
    assert all(trials.split_seeds == () for trials in handed)
    few, every = results["tables"][1]["note"], results["tables"][2]["note"]
    number = int(every.split()[2])
    assert few.split()[2] == str(round(0.1 * number))


def test_a_share_that_leaves_too_few_is_left_out_with_a_note(
    plan_of: PlanOf, checked: Callable[[Json], Json], monkeypatch: pytest.MonkeyPatch
) -> None:

    def failing(plan: object) -> object:
        if plan.trials.train_share < 1:  # type: ignore[attr-defined]
            raise DataError("a probe needs two classes")
        return evaluate_classes(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(labels, "evaluate_classes", failing)
    results = checked(labels.labels(plan_of()))
    assert len(results["plots"][0]["series"][0]["points"]) == 1
    assert any("left out: a probe needs two classes" in note for note in results["notes"])
