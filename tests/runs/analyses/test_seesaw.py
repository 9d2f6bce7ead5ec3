"""The whole analysis in seconds, on made-up people with tastes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.errors import GuardError, UsageError
from habitus.runs.analyses import ANALYSES, DATA, AnalysisPlan
from habitus.runs.analyses import seesaw as module
from habitus.runs.analyses.seesaw import seesaw
from habitus.runs.analyses.seesaw_sets import tasks_of
from habitus.runs.steps import Json
from habitus.tasks.dated import dated_task
from tests.runs.analyses.seesaw_world import seesaw_plan

Checked = Callable[[Json], Json]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> AnalysisPlan:
    return seesaw_plan(tmp_path_factory.mktemp("seesaw"))


def test_every_row_is_held_against_one_task_each(plan: AnalysisPlan, checked: Checked) -> None:
    results = checked(seesaw(plan))
    found = {table["title"]: table for table in results["tables"]}
    for label in ("habitus", "aggregates"):
        rows = [row[0] for row in found[f"Seesaw on {label}"]["rows"]]
        assert rows == [
            "linear towers, equal weights",
            "MMoE, equal weights",
            "MMoE, Nash-MTL",
            "MMoE, bi-level AUC",
        ]
        with_controls = [row[0] for row in found[f"Scores on {label}"]["rows"]]
        assert [r for r in with_controls if "one task each" in r] == [
            "linear towers, one task each",
            "MMoE, one task each",
        ]
    assert [row[0] for row in found["Seesaw on habitus + aggregates"]["rows"]] == [
        "MMoE, equal weights"
    ]
    tasks = [task["name"] for task in results["config"]["tasks"]]
    # Both kinds are learned at once, and the mean is of one kind.
    assert found["Scores on habitus"]["columns"][1:] == ["mean AUROC", *tasks[:-1], "events (ρ)"]
    assert tasks[-1] == "events"
    assert len(tasks) >= 3
    assert results["config"]["probe"]["regression"] == ["events"]
    assert found["Explained variance of numbers, R²"]["columns"] == ["row", "events"]
    assert not any(
        "events" in c for c in found["Recall at a precision of .85 and of .50"]["columns"]
    )
    assert any("training rows, a user at a cutoff" in note for note in results["notes"])
    # Kept trainings are used again, and nothing here depends on when it ran.
    again = seesaw(plan)
    assert again["tables"][0] == results["tables"][0]
    assert again["findings"] == results["findings"]


def test_a_funnel_is_shown_up_to_the_step_that_can_be_asked(
    plan: AnalysisPlan, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    taste, other = tasks_of("synthetic", plan.traces)[:2]
    never = dated_task({**taste.to_dict(), "name": "never", "values": ["taste-99"]}, plan.traces)
    monkeypatch.setattr(module, "FUNNELS", {"synthetic": lambda: [taste, other, never]})
    results = checked(seesaw(plan))
    table = next(t for t in results["tables"] if t["title"] == "A funnel on habitus")
    assert [row[0] for row in table["rows"]] == [taste.name, other.name]
    assert "The funnel ends at taste_2." in results["notes"]
    monkeypatch.setattr(module, "FUNNELS", {"synthetic": lambda: [never]})
    assert "No step of the funnel can be asked." in seesaw(plan)["notes"]


def test_a_set_without_tasks_is_refused(plan: AnalysisPlan, tmp_path: Path) -> None:
    other = AnalysisPlan(
        data="amazon_beauty", root=tmp_path, show=plan.show, card=plan.card, quick=True
    )
    other.__dict__["source"] = plan.source
    with pytest.raises(UsageError, match="no tasks at cutoffs are known of 'amazon_beauty'"):
        seesaw(other)
    assert ANALYSES["seesaw"] is seesaw
    assert DATA["seesaw"] == "complete_journey"


def test_too_few_people_are_told(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="no task is left to ask: task 'taste_1' is left out"):
        seesaw(seesaw_plan(tmp_path, 20))
