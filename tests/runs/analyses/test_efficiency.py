"""The page of costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.runs.analyses import AnalysisPlan, efficiency
from habitus.runs.analyses.costs import Cost
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def test_every_method_has_a_row_and_a_point(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(efficiency.efficiency(plan_of()))
    measured, printed = results["tables"]
    names = [row[0] for row in measured["rows"]]
    assert names == ["TF-IDF + linear", "PASUM (paper), frozen", "ours, frozen"]
    assert measured["title"] == "Measured here: age"
    assert "not measured here" in printed["title"]
    assert [series["label"] for series in results["plots"][0]["series"]] == names
    assert any("threads" in note for note in results["notes"])
    assert any("--fine-tune" in note for note in results["notes"])


def cost(label: str, before: float, training: float) -> Cost:
    return Cost(label, 10, before, training, 1, 100.4, 64, 0.5)


@pytest.mark.parametrize(
    ("other", "quickest"), [(cost("b", 1, 1.5), "b"), (cost("b", 0, 99.0), "ours, frozen")]
)
def test_the_quickest_is_told_by_all_its_seconds(
    other: Cost, quickest: str, plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [cost("ours, frozen", 2.0, 0.75), other]
    monkeypatch.setattr(efficiency, "measured", lambda _plan, _asked: both)
    results = efficiency.efficiency(plan_of(fine_tune=True))
    assert f"{quickest} is the quickest" in results["findings"][1]
    assert "2 s of pre-training once, then 0.75 s for a task" in results["findings"][0]
    assert "100 users a second and keeps 64 bytes" in results["findings"][0]
    row = results["tables"][0]["rows"][0]
    assert row == ["ours, frozen", 10, "2", "0.75", 1, 100, 64, 0.5]
    assert results["plots"][0]["series"][0]["points"] == [{"x": 2.75, "y": 0.5}]
    assert not any("--fine-tune" in note for note in results["notes"])
