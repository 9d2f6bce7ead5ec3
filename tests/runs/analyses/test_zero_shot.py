"""The page of answers without labels."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from habitus.runs.analyses import AnalysisPlan, zero_shot
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


def test_prototypes_stand_beside_what_they_have_to_beat(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(zero_shot.zero_shot(plan_of()))
    scores, accuracy, lists = results["tables"]
    labels = [row[0] for row in scores["rows"]]
    assert labels == [
        "majority", "random guess", "keyword counts", "keyword counts over mean",
        "ORACLE clusters", "prototypes, PASUM (paper)", "prototypes, no CSLS", "prototypes, ours",
    ]  # fmt: skip
    assert [row[0] for row in accuracy["rows"]] == labels
    assert [row[1] for row in lists["rows"]] == [50, 50, 50]
    assert len(results["findings"]) == 3
    assert all("of 1 tasks" in finding for finding in results["findings"])
    assert "zero" not in " ".join(label.lower() for label in labels if "ORACLE" in label)
    assert any("no answer without labels" in note for note in results["notes"])
    assert len(results["plots"][0]["centroids"]) == 3


def test_planted_words_tell_the_class_without_a_label(plan_of: PlanOf) -> None:
    results = zero_shot.zero_shot(plan_of())
    score = {row[0]: row[1]["value"] for row in results["tables"][0]["rows"]}
    # Three classes of equal size: a guess is right in one of three.
    assert score["keyword counts"] > 0.5 > score["random guess"] + 0.1
    assert score["prototypes, ours"] > score["majority"]


def test_a_set_without_keywords_says_so(
    plan_of: PlanOf, checked: Callable[[Json], Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_shot, "task_keywords", lambda _data, _task: None)
    results = checked(zero_shot.zero_shot(plan_of()))
    assert results["findings"] == ["No task of synthetic_posts has keywords, so none can be asked."]
    assert results["tables"] == []
    assert any("not asked: age" in note for note in results["notes"])
