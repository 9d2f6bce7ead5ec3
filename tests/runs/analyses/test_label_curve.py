"""The curve over labelled people, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.errors import GuardError
from habitus.runs.analyses import ANALYSES, AnalysisPlan, label_share
from habitus.runs.analyses import label_curve as module
from habitus.runs.analyses import next_item as next_item_module
from habitus.runs.analyses.label_curve import label_curve
from habitus.runs.analyses.next_item_sets import SETS, NextItemSet
from habitus.runs.steps import Json
from tests.runs.analyses.synthetic_shops import synthetic_shops
from tests.runs.analyses.test_label_share import people


def plan_of(root: Path, data: str, traces: Traces | None = None) -> AnalysisPlan:
    plan = AnalysisPlan(
        data=data, root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )
    if traces is not None:
        plan.__dict__["source"] = (traces, ("Made up.",))
    return plan


def test_dated_people_beside_another_company(
    tmp_path: Path, checked: Callable[[Json], Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = synthetic_shops(tmp_path / "traces")
    target = NextItemSet(services=("service-1",), asked=SETS["synthetic"].asked, source="synthetic")
    monkeypatch.setattr(module, "set_of", lambda _: target)
    monkeypatch.setattr(next_item_module, "traces_step", lambda *_: (traces, ()))
    results = checked(label_curve(plan_of(tmp_path / "r", "online_retail", traces)))
    scores, gains = results["tables"]
    assert [row[0] for row in scores["rows"]] == [
        "Most popular", "CF + text", "TF-IDF/SVD, two towers", "CLUE, another company's",
        "CLUE, from scratch",
    ]  # fmt: skip
    few, many = (int(column) for column in scores["columns"][1:])
    assert few == pytest.approx(many / 5, abs=1)
    values = {row[0]: [cell["value"] for cell in row[1:]] for row in scores["rows"]}
    for row in gains["rows"]:
        other = values[row[0].removeprefix("less ")]
        for place, cell in enumerate(row[1:]):
            gap = values["CLUE, another company's"][place] - other[place]
            assert cell["value"] == pytest.approx(gap)
    assert [p["x"] for p in results["plots"][0]["series"][0]["points"]] == [few, many]
    assert any("No encoder of both" in note for note in results["notes"])
    assert ANALYSES["label_curve"] is label_curve


def test_ordered_people_of_both_companies_together(
    tmp_path: Path, checked: Callable[[Json], Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = people(tmp_path / "a", ("food", "kitchen"), 200)
    traces = people(tmp_path / "b", ("lab",), 200, first=1_000)
    target = NextItemSet(services=("lab",), asked={}, source="food_kitchen")
    monkeypatch.setattr(module, "set_of", lambda _: target)
    monkeypatch.setattr(next_item_module, "traces_step", lambda *_: (source, ()))
    whole = NextItemSet(services=("food", "kitchen"), asked={})
    monkeypatch.setitem(SETS, "food_kitchen", whole)
    monkeypatch.setattr(module, "QUICK_SHARES", (1.0,))
    results = checked(label_curve(plan_of(tmp_path / "r", "amazon_scientific", traces)))
    assert results["tables"][0]["rows"][-1][0] == "CLUE, both together"
    assert any("beside CLUE, both together" in finding for finding in results["findings"])
    number = len(label_share.LabelledSplit().rows(traces, "train"))
    assert results["tables"][0]["columns"][1] == f"{number:,}"


def test_a_set_with_services_of_its_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="art_office has pre-training of its own"):
        label_curve(plan_of(tmp_path, "art_office"))
