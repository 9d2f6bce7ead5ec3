"""The funnel of a campaign of The Complete Journey: received, coupon redeemed, repurchased.

Each step is asked of those who passed the one before (SUPERMOE eq. 3, A-S6).
"""

from __future__ import annotations

from typing import Any, Final

from habitus.data.split import Cutoffs
from habitus.datasets.complete_journey import CAMPAIGN_RECEIVED, COUPON_REDEEMED
from habitus.tasks import task_from_config
from habitus.tasks.complete_journey import FIRST_CUTOFF, TEST_CUTOFFS
from habitus.tasks.dated import DatedTask

DAYS: Final = 90
STEPS: Final[tuple[dict[str, Any], ...]] = (
    {
        "kind": "passed",
        "name": "received",
        "question": "Will a campaign be sent to the household in the next 90 days?",
        "label": CAMPAIGN_RECEIVED,
    },
    {
        "kind": "passed",
        "name": "redeemed",
        "question": "If so, will it redeem a coupon?",
        "label": COUPON_REDEEMED,
        "given": (CAMPAIGN_RECEIVED,),
    },
    {
        "kind": "bought_again",
        "name": "repurchased",
        "question": "If so, will it buy what it had with a coupon again on a later day?",
        "marked": "coupon_disc",
        "given": (CAMPAIGN_RECEIVED, COUPON_REDEEMED),
    },
)


def complete_journey_funnel() -> list[DatedTask]:
    """Return the steps in their order, at monthly cutoffs."""
    cutoffs = Cutoffs(first=FIRST_CUTOFF, test=TEST_CUTOFFS[DAYS], horizon_days=DAYS)
    return [
        DatedTask(task=task_from_config({**step, "horizon_days": DAYS}), cutoffs=cutoffs)
        for step in STEPS
    ]
