"""The first question that can be asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.errors import GuardError
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.asking import first_asked

PlanOf = Callable[..., AnalysisPlan]


def test_the_first_task_with_enough_users_is_asked(plan_of: PlanOf) -> None:
    # Occupation has five classes: too few test users of one of them.
    plan = plan_of(task=None)
    plan.__dict__["tasks"] = sorted(plan.tasks, key=lambda task: task.name != "occupation")
    asked = first_asked(plan)
    assert plan.tasks[0].name == "occupation"
    assert asked.name == plan.tasks[1].name == "gender"
    assert first_asked(plan, {"depression", "age"}).name == "age"


def test_no_task_is_said_with_its_reason(plan_of: PlanOf) -> None:
    with pytest.raises(GuardError, match=r"'occupation' is left out: of its .* test users"):
        first_asked(plan_of(task="occupation"))
