"""Which tasks are asked of which set."""

from __future__ import annotations

from pathlib import Path

import pytest

from habitus.errors import UsageError
from habitus.runs.analyses.seesaw_sets import SETS, tasks_of
from tests.runs.analyses.seesaw_world import seesaw_plan


def test_tasks_of_the_synthetic_world_follow_its_dates(tmp_path: Path) -> None:
    traces = seesaw_plan(tmp_path, 30).traces
    tasks = tasks_of("synthetic", traces)
    assert [task.name for task in tasks] == [
        "taste_1",
        "taste_2",
        "taste_3",
        "taste_4",
        "inactive",
        "events",
    ]
    assert tasks[0].cutoffs.test == tasks[-1].cutoffs.test > tasks[-2].cutoffs.test


@pytest.mark.parametrize("name", SETS)
def test_every_set_asks_both_kinds_under_names_of_their_own(name: str, tmp_path: Path) -> None:
    tasks = tasks_of(name, seesaw_plan(tmp_path, 30).traces)
    assert {task.is_number for task in tasks} == {True, False}
    assert len({task.name for task in tasks}) == len(tasks)


def test_no_task_profiles_people(tmp_path: Path) -> None:
    traces = seesaw_plan(tmp_path, 30).traces
    for name in SETS:
        assert not any(task.task.config.sensitive for task in tasks_of(name, traces))


def test_another_set_is_told(tmp_path: Path) -> None:
    traces = seesaw_plan(tmp_path, 30).traces
    with pytest.raises(UsageError, match="no tasks at cutoffs are known of 'legislature'"):
        tasks_of("legislature", traces)
