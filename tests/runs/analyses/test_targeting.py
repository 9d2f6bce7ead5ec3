"""The whole replay in seconds, on made-up people who redeem coupons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_traces
from habitus.errors import UsageError
from habitus.runs.analyses import ANALYSES, DATA, AnalysisPlan
from habitus.runs.analyses.targeting import targeting
from habitus.runs.analyses.targeting_tables import LABELS
from habitus.runs.steps import Json

Checked = Callable[[Json], Json]


def quick_plan(root: Path, data: str) -> AnalysisPlan:
    return AnalysisPlan(
        data=data, root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )


def test_a_budget_is_replayed_on_every_row(tmp_path: Path, checked: Checked) -> None:
    plan = quick_plan(tmp_path, "synthetic")
    config = SyntheticConfig(num_users=500, events_per_user=12.0, coupon_share=0.9)
    plan.__dict__["source"] = (make_traces(config, tmp_path / "traces")[0], ("Made up.",))
    results = checked(targeting(plan))
    levels = results["tables"][0]
    assert [row[0] for row in levels["rows"]] == list(LABELS.values())
    chance = dict(zip(levels["columns"], levels["rows"][-1], strict=True))
    # Chance reaches of responders what it spends of the budget.
    assert chance["reach, 10\N{NO-BREAK SPACE}%"]["value"] == pytest.approx(0.1)
    assert results["config"]["dense"]["encoder"]["experts"]["num_experts"] == 1
    assert results["config"]["run"]["encoder"]["experts"]["num_experts"] > 1
    assert any("no test on living people" in note for note in results["notes"])
    assert any("Seeds: 2 of PLE, 1 of pre-training." in note for note in results["notes"])
    assert targeting(plan)["tables"] == results["tables"]


def test_a_set_without_campaigns_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaigns are replayed"):
        targeting(quick_plan(tmp_path, "legislature"))
    assert ANALYSES["targeting"] is targeting
    assert DATA["targeting"] == "complete_journey"
