"""The rows of zero-shot: what each may know."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from habitus.evaluation.features import Method
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.keywords import task_keywords
from habitus.runs.analyses.models import trained_rows
from habitus.runs.analyses.zero_shot_rows import answers_of, zero_shot_rows
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def rows_of(plan: AnalysisPlan, keywords: Json) -> dict[str, Method]:
    experiment = plan.experiment(plan.run)
    ours = trained_rows(experiment, plan.run)
    rows = zero_shot_rows(keywords, ours, ours, answers_of(plan))
    return {row.name: row for row in rows}


@pytest.fixture(scope="module")
def keywords(plan_of: PlanOf) -> Json:
    found = task_keywords("synthetic_posts", plan_of().tasks[0])
    return {"age": dict(found or {})}


def test_only_the_prototypes_of_ours_are_ours(plan_of: PlanOf, keywords: Json) -> None:
    rows = rows_of(plan_of(), keywords)
    assert [name for name, row in rows.items() if row.group == "ours"] == ["ours"]
    assert list(rows) == ["keyword_counts", "keyword_rates", "oracle", "paper", "no_csls", "ours"]
    assert "ORACLE" in rows["oracle"].label


def test_other_keywords_are_another_fingerprint(plan_of: PlanOf, keywords: Json) -> None:
    turned = {"age": dict(zip(keywords["age"], reversed(keywords["age"].values()), strict=True))}
    one, other = rows_of(plan_of(), keywords), rows_of(plan_of(), turned)
    assert all(one[name].fingerprint != other[name].fingerprint for name in one)


def test_each_pre_training_has_its_own_prototypes(plan_of: PlanOf, keywords: Json) -> None:
    ours = rows_of(plan_of(seeds=2), keywords)["ours"]
    first, second = ours.at(0), ours.at(1)
    assert first.fingerprint != second.fingerprint
    assert first.classifies is not second.classifies is not None


def test_answers_are_those_of_the_task(plan_of: PlanOf) -> None:
    plan = plan_of()
    users_B, class_B = plan.tasks[0].answers(plan.traces)
    found = answers_of(plan)["age"]
    np.testing.assert_array_equal(found[users_B], class_B)
    assert len(found) == plan.traces.num_users
