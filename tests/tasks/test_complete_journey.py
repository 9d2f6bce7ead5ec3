"""The questions of the demo."""

from pathlib import Path

import pytest

from habitus.data.snapshot import parse_time
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.dated import default_cutoffs
from habitus.testing.hand_made import write_traces


def test_the_demo_asks_eight_questions_and_none_is_sensitive() -> None:
    tasks = complete_journey_tasks()
    assert len({task.name for task in tasks}) == 8
    assert not any(task.task.config.sensitive for task in tasks)


def test_demographic_questions_come_only_when_asked_for() -> None:
    tasks = complete_journey_tasks(sensitive=True)
    assert len(tasks) == 5
    assert all(task.task.config.sensitive for task in tasks)


def test_the_cutoffs_are_those_of_a_year_of_data(tmp_path: Path) -> None:
    events = {"ann": [{"time": parse_time("2017-01-01")}, {"time": parse_time("2018-01-01")}]}
    year = write_traces(tmp_path / "traces", events, {})
    for task in complete_journey_tasks():
        assert task.cutoffs == default_cutoffs(year, task.cutoffs.horizon_days)


@pytest.mark.parametrize("days", [30, 90])
def test_both_windows_are_asked_about(days: int) -> None:
    assert days in {task.cutoffs.horizon_days for task in complete_journey_tasks()}
