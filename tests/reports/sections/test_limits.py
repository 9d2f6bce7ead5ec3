from __future__ import annotations

import copy
from typing import Any

import pytest

from habitus.reports.findings import Findings
from habitus.reports.sections.limits import limits, limits_section
from tests.reports.page import Page
from tests.reports.sample import sample


def told(**changes: Any) -> str:
    return " ".join(limits(Findings(copy.deepcopy(sample(num_tasks=2)) | changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, True),
        ({"pretrain_seeds": [0, 1, 2]}, False),
        ({"pretraining": None}, False),
    ],
)
def test_a_single_seed_of_pretraining_is_admitted(changes: dict[str, Any], said: bool) -> None:
    assert ("Pre-training ran once" in told(**changes)) == said


def test_the_preset_is_named() -> None:
    assert "“ci”" in told()
    assert "preset" not in told(preset=None)


def test_sensitive_questions_are_named() -> None:
    tasks = copy.deepcopy(sample(num_tasks=2)["tasks"])
    assert "sensitive" not in told()
    tasks[1]["sensitive"] = True
    assert "profiles a sensitive trait: inactive." in told(tasks=tasks)


def test_the_size_and_source_of_the_data_and_the_notes_of_the_run_are_told() -> None:
    text = told()
    assert "complete-journey) and 617 test users" in text
    assert text.endswith("Vectors read the latest 256 events of a household.")


def test_each_limit_is_an_item_of_the_list() -> None:
    found = Findings(sample(num_tasks=2))
    assert [e.text for e in Page(limits_section(found)).all("li")] == limits(found)
