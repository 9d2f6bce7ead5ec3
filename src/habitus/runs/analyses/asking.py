"""The first question of a set that can be asked, for analyses of one task."""

from __future__ import annotations

from collections.abc import Container

from habitus.errors import GuardError
from habitus.evaluation.class_asked import CLASS_SPLIT, AskedClasses, ask_classes
from habitus.evaluation.halved import Halves
from habitus.runs.analyses.base import AnalysisPlan


def first_asked(plan: AnalysisPlan, names: Container[str] | None = None) -> AskedClasses:
    """Return the first task of the plan that has enough users of each class, with its answers.

    Args:
        plan: whose tasks.
        names: of the tasks that will do; None for all.

    Raises:
        GuardError: no task has.
    """
    folder = plan.steps.folder("evaluation", {"traces": plan.traces.digest}) / "halves"
    halves, problems = Halves(plan.traces, folder), []
    for task in plan.tasks:
        if names is not None and task.name not in names:
            continue
        try:
            return ask_classes(task, plan.traces, halves.of(task.config), CLASS_SPLIT)
        except GuardError as error:
            problems.append(str(error))
    raise GuardError("no task is left to ask: " + "; ".join(problems))
