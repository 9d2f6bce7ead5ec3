"""Questions about customers of the gift shop of Online Retail.

The data ends on 2011-12-09, so 30-day windows are tested from 2011-11-01 and 90-day windows from
2011-09-01.
"""

from __future__ import annotations

from typing import Any

from habitus.data.split import Cutoffs
from habitus.tasks import task_from_config
from habitus.tasks.dated import DatedTask

FIRST_CUTOFF = "2011-01-01"
TEST_CUTOFFS = {30: "2011-11-01", 90: "2011-09-01"}

ITEMS = {
    "lantern_holder": ("85123A", "a white hanging heart T-light holder"),
    "cakestand": ("22423", "a Regency cakestand with three tiers"),
    "jumbo_bag": ("85099B", "a jumbo bag with red spots"),
    "party_bunting": ("47566", "party bunting"),
}
"""Task name → one of the items that most customers have, and words."""


def online_retail_tasks() -> list[DatedTask]:
    """Return seven tasks: who stays away, who returns something, who buys one of four items."""
    return [_dated(entry) for entry in [*_behaviour(), *_items()]]


def _behaviour() -> list[dict[str, Any]]:
    away = [
        {
            "kind": "inactive",
            "name": f"inactive_{days}",
            "question": f"Will the customer neither buy nor return anything in {days} days?",
            "horizon_days": days,
        }
        for days in TEST_CUTOFFS
    ]
    returns = {
        "kind": "has",
        "name": "returns",
        "question": "Will the customer return something in the next 90 days?",
        "horizon_days": 90,
        "channel": "kind",
        "values": ("return",),
    }
    return [*away, returns]


def _items() -> list[dict[str, Any]]:
    return [
        {
            "kind": "has",
            "name": name,
            "question": f"Will the customer buy or return {words} in the next 90 days?",
            "horizon_days": 90,
            "channel": "item_id",
            "values": (code,),
        }
        for name, (code, words) in ITEMS.items()
    ]


def _dated(entry: dict[str, Any]) -> DatedTask:
    days = entry["horizon_days"]
    cutoffs = Cutoffs(first=FIRST_CUTOFF, test=TEST_CUTOFFS[days], horizon_days=days)
    return DatedTask(task=task_from_config(entry), cutoffs=cutoffs)
