"""The whole ablation of CLUE in seconds, on made-up people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.errors import GuardError, UsageError
from habitus.runs.analyses import ANALYSES, AnalysisPlan
from habitus.runs.analyses.clue_ablation import clue_ablation
from habitus.runs.analyses.clue_ablation_tables import LABELS
from habitus.runs.steps import Json
from tests.runs.analyses.synthetic_shops import synthetic_shops

Checked = Callable[[Json], Json]


def quick_plan(root: Path, data: str) -> AnalysisPlan:
    return AnalysisPlan(
        data=data, root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )


def test_all_three_questions_are_answered(tmp_path: Path, checked: Checked) -> None:
    plan = quick_plan(tmp_path, "synthetic")
    plan.__dict__["source"] = (synthetic_shops(tmp_path / "traces"), ("Made up.",))
    results = checked(clue_ablation(plan))
    shape, dim, service, uplift = results["tables"]
    assert [row[0] for row in shape["rows"]] == [
        "stacked, 1 + 1 blocks", "single, 2 blocks", "single, 1 block", "no blocks",
        "stacked, 32 wide", "stacked, the paper's choices",
    ]  # fmt: skip
    assert len(dim["rows"]) == 4
    assert [row[0] for row in service["rows"]] == [
        "chance", "both services", "both, warm start only", "service-0 alone", "service-1 alone",
    ]  # fmt: skip
    # The encoder of both is that of 32 numbers.
    assert service["rows"][1][1:] == dim["rows"][1][1:4]
    assert uplift["columns"][2:6] == list(LABELS.values())
    assert [row[0] for row in uplift["rows"]] == ["all", "new", "cold", "mid", "heavy"]
    assert len(results["plots"]) == 3
    runs = results["config"]["runs"]
    assert {run["as_of"] for run in runs.values()} == {"2023-10-01"}
    assert "valid users stop each training" in results["notes"][0]
    assert ANALYSES["clue_ablation"] is clue_ablation


def test_sets_of_one_service_or_without_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GuardError, match="two services, and amazon_scientific is asked about one"):
        clue_ablation(quick_plan(tmp_path, "amazon_scientific"))
    with pytest.raises(UsageError, match="no next items are asked for on 'movielens_1m'"):
        clue_ablation(quick_plan(tmp_path, "movielens_1m"))
