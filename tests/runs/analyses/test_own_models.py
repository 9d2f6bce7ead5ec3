"""Models of the reader's own: loaded, and refused where they saw who is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.representations.model import Model
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.matching import matching, split_of
from habitus.runs.analyses.next_item import next_item, who_is_tested
from habitus.runs.analyses.next_item_sets import SETS, questions_of
from habitus.runs.analyses.own_models import own_models
from habitus.runs.channel import channel
from habitus.runs.clue import ClueRun, clue
from habitus.runs.steps import Json
from tests.runs.analyses.shop import shop_plan
from tests.runs.analyses.synthetic_shops import synthetic_shops

CUTOFF = "2023-10-01"


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


@pytest.fixture
def plan_of(traces: Traces, tmp_path: Path) -> Callable[..., AnalysisPlan]:
    def make(*models: Path, **changes: Any) -> AnalysisPlan:
        plan = AnalysisPlan(
            data="synthetic",
            root=tmp_path / "analysis",
            show=lambda *_: None,
            card=lambda _: "card",
            quick=True,
            models=models,
            **changes,
        )
        plan.__dict__["source"] = (traces, ("Made up.",))
        return plan

    return make


def saved(traces: Traces, path: Path, run: ClueRun) -> Path:
    model: Model = run.build(traces)[0]
    model.save(path, card="# A card\n")
    return path


def test_a_model_of_other_users_is_a_row(
    plan_of: Callable[..., AnalysisPlan], traces: Traces, tmp_path: Path
) -> None:
    run = replace(clue("quick"), as_of=CUTOFF)
    path = saved(traces, tmp_path / "mine", run)
    plan = plan_of(path)
    tested_U = who_is_tested(questions_of(traces, SETS["synthetic"], quick=True))
    [own] = own_models(plan, tested_U, CUTOFF)
    assert (own.name, own.label) == ("own_0", "your model mine")
    number = run.snapshot(traces, "train").num_users
    assert own.remark == (
        f"Your model mine was pre-trained on {number} users, none of whom is tested."
    )


def test_one_that_saw_who_is_tested_is_refused(
    plan_of: Callable[..., AnalysisPlan], traces: Traces, tmp_path: Path
) -> None:
    run = replace(clue("quick"), as_of=CUTOFF)
    plan = plan_of(saved(traces, tmp_path / "mine", run))
    train_U = run.snapshot(traces, "train").users_U
    tested_U = np.append(run.snapshot(traces, "test").users_U, train_U[:3])
    with pytest.raises(GuardError, match=rf"mine was pre-trained on 3 of the {len(tested_U)} user"):
        own_models(plan, tested_U, CUTOFF)


@pytest.mark.parametrize("as_of", [None, "2023-11-01"])
def test_one_that_saw_the_future_is_refused(
    plan_of: Callable[..., AnalysisPlan], traces: Traces, tmp_path: Path, as_of: str | None
) -> None:
    path = saved(traces, tmp_path / "mine", replace(clue("quick"), as_of=as_of))
    said = as_of or "the end"
    with pytest.raises(GuardError, match=f"events up to {said}, after {CUTOFF}"):
        own_models(plan_of(path), np.zeros(0, np.int64), CUTOFF)
    # Where histories do not end before the data does, there is no such future.
    assert len(own_models(plan_of(path), np.zeros(0, np.int64), None)) == 1


def test_of_other_traces_nothing_is_known(
    plan_of: Callable[..., AnalysisPlan], tmp_path: Path
) -> None:
    other = shop_plan(tmp_path / "other", 60).traces
    path = saved(other, tmp_path / "mine", clue("quick"))
    [own] = own_models(plan_of(path), np.arange(400), CUTOFF)
    assert "on other traces" in own.remark
    assert own.remark.endswith("is not known.")


def test_other_models_and_twice_the_same_are_refused(
    plan_of: Callable[..., AnalysisPlan], traces: Traces, tmp_path: Path
) -> None:
    path = saved(traces, tmp_path / "mine", replace(clue("quick"), as_of=CUTOFF))
    with pytest.raises(UsageError, match="a model is given twice"):
        own_models(plan_of(path, path), np.zeros(0, np.int64), CUTOFF)
    model = channel("quick").build(traces)[0]
    model.save(tmp_path / "channels", card="# A card\n")
    with pytest.raises(UsageError, match="has no slots of item texts"):
        own_models(plan_of(tmp_path / "channels"), np.zeros(0, np.int64), CUTOFF)


def test_it_stands_in_the_tables_of_both_analyses(
    plan_of: Callable[..., AnalysisPlan],
    traces: Traces,
    tmp_path: Path,
    checked: Callable[[Json], Json],
) -> None:
    path = saved(traces, tmp_path / "mine", replace(clue("quick"), as_of=CUTOFF))
    results = checked(next_item(plan_of(path)))
    for table in results["tables"]:
        if table["columns"][0] == "method":
            assert "your model mine" in [row[0] for row in table["rows"]]
    assert any("Your model mine was pre-trained on" in note for note in results["notes"])
    plan = plan_of(path)
    found = checked(matching(plan))
    assert found["tables"][0]["rows"][-1][0] == "your model mine"
    assert "your model mine" in " ".join(found["findings"])
    # Its train users, by the same hash, are none of those who are matched.
    train_U = clue("quick").snapshot(traces, "train").users_U
    assert not len(np.intersect1d(train_U, split_of(plan).parts(traces).pool_U))
