"""The questions of the demo, about households of The Complete Journey.

Monthly cutoffs: the data ends on 2018-01-01, so 30-day windows are tested from 2017-12-01 and
90-day windows from 2017-10-01.
"""

from __future__ import annotations

from typing import Any

from habitus.data.split import Cutoffs
from habitus.datasets.complete_journey import CATEGORIES, COUPON_REDEEMED
from habitus.tasks import task_from_config
from habitus.tasks.dated import DatedTask

FIRST_CUTOFF = "2017-02-01"
TEST_CUTOFFS = {30: "2017-12-01", 90: "2017-10-01"}

BASKETS = {
    "diapers": "diapers",
    "cat_food": "cat food",
    "dog_food": "dog food",
    "baby_food": "baby food",
    "cigarettes": "cigarettes",
    "organics": "organic fruit or vegetables",
}
"""Task name, a key of :data:`habitus.datasets.complete_journey.CATEGORIES` → words."""

TRAITS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "age_55_or_more": ("Is the head of the household 55 or older?", "age", ("55-64", "65+")),
    "income_below_35k": (
        "Does the household earn less than 35,000 a year?",
        "income",
        ("Under 15K", "15-24K", "25-34K"),
    ),
    "has_kids": ("Do children live in the household?", "kids_count", ("1", "2", "3+")),
    "married": ("Is the head of the household married?", "marital_status", ("Married",)),
    "lives_alone": ("Does one person live in the household?", "household_size", ("1",)),
}
"""Task name → question, attribute of the profiles table, values that mean yes."""


def complete_journey_tasks(*, sensitive: bool = False) -> list[DatedTask]:
    """Return the eight tasks of the demo, or the demographic ones, which profile people."""
    entries = _traits() if sensitive else [*_behaviour(), *_baskets()]
    return [_dated(entry) for entry in entries]


def _behaviour() -> list[dict[str, Any]]:
    return [
        {
            "kind": "labeled",
            "name": "coupon",
            "question": "Will the household redeem a coupon in the next 90 days?",
            "horizon_days": 90,
            "label": COUPON_REDEEMED,
        },
        {
            "kind": "inactive",
            "name": "inactive",
            "question": "Will the household buy nothing in the next 30 days?",
            "horizon_days": 30,
        },
    ]


def _baskets() -> list[dict[str, Any]]:
    return [
        {
            "kind": "has",
            "name": name,
            "question": f"Will the household buy {words} in the next 90 days?",
            "horizon_days": 90,
            "channel": "category",
            "values": CATEGORIES[name],
        }
        for name, words in BASKETS.items()
    ]


def _traits() -> list[dict[str, Any]]:
    return [
        {
            "kind": "profile",
            "name": name,
            "question": question,
            "horizon_days": 90,
            "attribute": attribute,
            "values": values,
        }
        for name, (question, attribute, values) in TRAITS.items()
    ]


def _dated(entry: dict[str, Any]) -> DatedTask:
    days = entry["horizon_days"]
    cutoffs = Cutoffs(first=FIRST_CUTOFF, test=TEST_CUTOFFS[days], horizon_days=days)
    return DatedTask(task=task_from_config(entry), cutoffs=cutoffs)
