"""The page of transfer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.errors import GuardError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.transfer import transfer
from habitus.runs.steps import Json
from habitus.tasks import class_task_from_config

PlanOf = Callable[..., AnalysisPlan]


def test_the_page_says_how_much_is_known_and_who_is_ahead(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(transfer(plan_of()))
    scores, accuracy, known = results["tables"]
    labels = [row[0] for row in scores["rows"]]
    assert labels[:2] == ["majority", "random guess"]
    assert labels[-2:] == [
        "service 0 to service 1, TF-IDF + linear",
        "service 0 to service 1, ours",
    ]
    assert [row[0] for row in accuracy["rows"]] == labels
    assert not any("of words" in label for label in labels)
    # Of the same words most are known, and less where words are hidden.
    whole, part = ([float(c.split("\N{NO-BREAK SPACE}")[0]) for c in row] for row in known["rows"])
    assert whole[0] == 100
    assert part[0] == 25
    assert whole[1] > 80 > 40 > part[1]
    curve = results["plots"][0]["series"][0]["points"]
    assert curve[0]["x"] == pytest.approx(whole[1], abs=0.5)
    assert curve[1]["x"] == pytest.approx(part[1], abs=0.5)
    assert "of 1 tasks" in results["findings"][1]
    assert any("users have an event on both" in note for note in results["notes"])
    assert any("52.57" in note for note in results["notes"])


def test_a_task_of_halves_does_not_move(plan_of: PlanOf) -> None:
    plan = plan_of()
    half = class_task_from_config(
        {"kind": "main_value", "name": "half", "question": "Which?", "part": "first",
         "classes": ["taste-0", "taste-1"], "channel": "category"}
    )  # fmt: skip
    plan.__dict__["tasks"] = [half]
    with pytest.raises(GuardError, match="reads one half of the posts"):
        transfer(plan)
