"""A plan about people with planted tastes on services, for analyses that match them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from habitus.runs.analyses import AnalysisPlan
from tests.evaluation.shoppers import shopper_events, shoppers


def shop_plan(root: Path, num_users: int = 300, **changes: Any) -> AnalysisPlan:
    """Return a quick plan about shoppers; the name of the set stands for none that has a pool."""
    values = {"data": "amazon_scientific", "quick": True, **changes}
    plan = AnalysisPlan(root=root, show=lambda *_: None, card=lambda _: "card", **values)
    traces = shoppers(root / "traces", shopper_events(num_users))
    plan.__dict__["source"] = (traces, ("Made up.",))
    return plan
