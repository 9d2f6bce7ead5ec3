"""Questions for numbers about the public sets, asked beside their yes-or-no questions.

Cutoffs are those of the yes-or-no questions with the same window.
"""

from __future__ import annotations

from typing import Any

from habitus.data.split import Cutoffs
from habitus.tasks import complete_journey, movielens_1m, number_task_from_config, online_retail
from habitus.tasks.dated import DatedTask


def complete_journey_numbers() -> list[DatedTask]:
    """Return what a household spends in a month, and how many lines its receipts of three have."""
    spent = {"name": "spent", "horizon_days": 30, "channels": ("sales_value",)}
    lines = {"name": "lines", "horizon_days": 90}
    return [
        _dated(
            {**spent, "question": "How much will the household spend in the next 30 days?"},
            complete_journey.FIRST_CUTOFF,
            complete_journey.TEST_CUTOFFS[30],
        ),
        _dated(
            {**lines, "question": "How many lines will its receipts of the next 90 days have?"},
            complete_journey.FIRST_CUTOFF,
            complete_journey.TEST_CUTOFFS[90],
        ),
    ]


def online_retail_numbers() -> list[DatedTask]:
    """Return what a customer spends less what is returned, and how many lines are on the bills."""
    spent = {"name": "spent", "horizon_days": 90, "channels": ("price", "quantity")}
    lines = {"name": "lines", "horizon_days": 90}
    return [
        _dated(
            {**entry, "question": question},
            online_retail.FIRST_CUTOFF,
            online_retail.TEST_CUTOFFS[90],
        )
        for entry, question in (
            (spent, "How much will the customer spend in the next 90 days, returns taken off?"),
            (lines, "How many lines of bills will the customer have in the next 90 days?"),
        )
    ]


def movielens_1m_numbers() -> list[DatedTask]:
    """Return how many films a user rates."""
    entry = {
        "name": "ratings",
        "question": f"How many films will the user rate in the next {movielens_1m.DAYS} days?",
        "horizon_days": movielens_1m.DAYS,
    }
    return [_dated(entry, movielens_1m.FIRST_CUTOFF, movielens_1m.TEST_CUTOFF)]


def _dated(entry: dict[str, Any], first: str, test: str) -> DatedTask:
    cutoffs = Cutoffs(first=first, test=test, horizon_days=entry["horizon_days"])
    return DatedTask(task=number_task_from_config({"kind": "total", **entry}), cutoffs=cutoffs)
