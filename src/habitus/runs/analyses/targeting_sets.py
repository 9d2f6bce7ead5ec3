"""The campaigns that are replayed: who responds, and what that is worth.

Shapes: U users, L events inside the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from habitus.data.split import Future
from habitus.data.traces import Traces
from habitus.datasets.complete_journey import CATEGORIES
from habitus.datasets.synthetic_events import COUPON_REDEEMED
from habitus.errors import UsageError
from habitus.metrics.arrays import Floats
from habitus.registry import did_you_mean
from habitus.tasks.complete_journey import BASKETS, complete_journey_tasks
from habitus.tasks.dated import DatedTask, dated_task
from habitus.tasks.online_retail import ITEMS, online_retail_tasks

ValueOf = Callable[[Traces, Future], Floats]
"""The money that each user spends inside a window of the traces, ``(U)``."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A campaign: a task, the answer that is a response, and what is counted as value."""

    task: str
    words: str
    """What responders do."""
    value: ValueOf
    response: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TargetingSet:
    """What is asked of a set, and which of it are campaigns."""

    people: str
    tasks: Callable[[Traces], Sequence[DatedTask]]
    """All that PLE learns at once."""
    offers: Sequence[Offer]
    """The first one is the main campaign."""
    money: str
    notes: Sequence[str] = ()


def targeting_set(data: str) -> TargetingSet:
    """Return what is replayed on a set.

    Raises:
        UsageError: nothing is.
    """
    if data not in SETS:
        raise UsageError(f"no campaigns are replayed on {data!r}; {did_you_mean(data, SETS)}")
    return SETS[data]


def basket_spend(traces: Traces, future: Future, categories: tuple[str, ...] = ()) -> Floats:
    """Return what households of The Complete Journey spend, of some categories or of all."""
    spent_L = np.nan_to_num(future.values("sales_value").astype(np.float64))
    if categories:
        spent_L = spent_L * _holds(traces, future, "category", categories)
    return _sums(future, spent_L)


def gift_spend(traces: Traces, future: Future, items: tuple[str, ...] = ()) -> Floats:
    """Return what customers of Online Retail spend less what they return, of some items or all."""
    price_L, quantity_L = (future.values(n).astype(np.float64) for n in ("price", "quantity"))
    spent_L = np.nan_to_num(price_L * quantity_L)
    if items:
        spent_L = spent_L * _holds(traces, future, "item_id", items)
    return _sums(future, spent_L)


def price_spend(traces: Traces, future: Future) -> Floats:  # noqa: ARG001
    """Return the sum of the prices of made-up people's events."""
    return _sums(future, np.nan_to_num(future.values("price").astype(np.float64)))


def _made_up(traces: Traces) -> list[DatedTask]:
    """Return whether made-up people will redeem a coupon, or buy of two tastes."""
    entries: list[dict[str, Any]] = [
        {
            "kind": "labeled",
            "name": "coupon",
            "question": "Will the user redeem a coupon in the next 60 days?",
            "horizon_days": 60,
            "label": COUPON_REDEEMED,
        }
    ]
    entries += [
        {
            "kind": "has",
            "name": f"taste_{taste}",
            "question": f"Will anything of taste {taste} be bought in the next 30 days?",
            "horizon_days": 30,
            "channel": "category",
            "values": [f"taste-{taste}"],
        }
        for taste in (1, 2)
    ]
    return [dated_task(entry, traces) for entry in entries]


def _holds(
    traces: Traces, future: Future, channel: str, values: tuple[str, ...]
) -> npt.NDArray[np.bool_]:
    return np.isin(future.values(channel), traces.codes_of(channel, values))


def _sums(future: Future, spent_L: Floats) -> Floats:
    return np.bincount(future.user_L, spent_L, minlength=future.num_users).astype(np.float64)


def _of_categories(categories: tuple[str, ...]) -> ValueOf:
    return lambda traces, future: basket_spend(traces, future, categories)


def _of_items(items: tuple[str, ...]) -> ValueOf:
    return lambda traces, future: gift_spend(traces, future, items)


_BASKETS: Final = [
    Offer(task=name, words=f"buy {words}", value=_of_categories(CATEGORIES[name]))
    for name, words in BASKETS.items()
]
_ITEMS: Final = [
    Offer(task=name, words=f"buy {words}", value=_of_items((code,)))
    for name, (code, words) in ITEMS.items()
]
SETS: Final[Mapping[str, TargetingSet]] = {
    "complete_journey": TargetingSet(
        people="households",
        tasks=lambda _: complete_journey_tasks(),
        offers=[Offer(task="coupon", words="redeem a coupon", value=basket_spend), *_BASKETS],
        money="dollars",
        notes=[
            "Who redeems a coupon was sent campaigns by the chain's own rule, which is not known: "
            "whom a replay would have reached with campaigns of its own, it cannot say. Value of "
            "coupons: all that is spent in the window; of a category: what is spent on it.",
        ],
    ),
    "online_retail": TargetingSet(
        people="customers",
        tasks=lambda _: online_retail_tasks(),
        offers=[
            Offer(
                task="inactive_30",
                words="come back within 30 days",
                value=gift_spend,
                response=0.0,
            ),
            *_ITEMS,
        ],
        money="pounds",
        notes=["Value: what is spent in the window, less what is returned in it."],
    ),
    "synthetic": TargetingSet(
        people="users",
        tasks=_made_up,
        offers=[
            Offer(task="coupon", words="redeem a coupon", value=price_spend),
            *(
                Offer(task=f"taste_{taste}", words=f"buy of taste {taste}", value=price_spend)
                for taste in (1, 2)
            ),
        ],
        money="units",
        notes=["Made-up people: a replay on them shows that it runs."],
    ),
}
"""Name of a set → what is replayed on it."""
