from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.columns import ChannelKind
from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.datasets.synthetic import Synthetic
from habitus.errors import UsageError
from habitus.runs.analyses.targeting_sets import (
    SETS,
    basket_spend,
    gift_spend,
    price_spend,
    targeting_set,
)
from habitus.testing.hand_made import write_traces

BASKETS: dict[str, ChannelKind] = {"category": "category", "sales_value": "dense"}
GIFTS: dict[str, ChannelKind] = {"item_id": "id", "price": "dense", "quantity": "dense"}


def future_of(traces: Traces) -> Future:
    """Return days 10 to 20."""
    return Future(traces, 10 * DAY, 10 * DAY, np.arange(traces.num_users))


def test_baskets_are_added_up_inside_the_window(tmp_path: Path) -> None:
    events = {
        "a": [
            {"time": 9 * DAY, "category": "soap", "sales_value": 100.0},
            {"time": 11 * DAY, "category": "soap", "sales_value": 2.5},
            {"time": 12 * DAY, "category": "bread", "sales_value": 1.0},
        ],
        "b": [{"time": 30 * DAY, "category": "soap", "sales_value": 7.0}],
    }
    traces = write_traces(tmp_path / "traces", events, BASKETS)
    assert basket_spend(traces, future_of(traces)).tolist() == [3.5, 0.0]
    assert basket_spend(traces, future_of(traces), ("soap", "cheese")).tolist() == [2.5, 0.0]


def test_gifts_that_are_returned_are_taken_off(tmp_path: Path) -> None:
    events = {
        "a": [
            {"time": 11 * DAY, "item_id": "x", "price": 2.0, "quantity": 3.0},
            {"time": 12 * DAY, "item_id": "x", "price": 2.0, "quantity": -1.0},
            {"time": 13 * DAY, "item_id": "y", "price": 0.5, "quantity": 4.0},
        ],
        "b": [{"time": 40 * DAY, "item_id": "x", "price": 1.0, "quantity": 1.0}],
    }
    traces = write_traces(tmp_path / "traces", events, GIFTS)
    # 2 · 3 - 2 · 1 + .5 · 4; of x alone 4.
    assert gift_spend(traces, future_of(traces)).tolist() == [6.0, 0.0]
    assert gift_spend(traces, future_of(traces), ("x",)).tolist() == [4.0, 0.0]


def test_prices_are_added_up(tmp_path: Path) -> None:
    events: dict[str, list[dict[str, float]]] = {
        "a": [{"time": 11 * DAY, "price": 2.0}, {"time": 12 * DAY}],
        "b": [{"time": 40 * DAY, "price": 3.0}],
    }
    traces = write_traces(tmp_path / "traces", events, {"price": "dense"})
    assert price_spend(traces, future_of(traces)).tolist() == [2.0, 0.0]


def test_every_offer_is_a_task_that_is_asked(tmp_path: Path) -> None:
    traces = Synthetic().ingest(tmp_path / "traces")
    for name, what in SETS.items():
        asked = [task.name for task in what.tasks(traces)]
        assert {offer.task for offer in what.offers} <= set(asked), name
        assert len({offer.task for offer in what.offers}) == len(what.offers)
        assert what.people
        assert what.money


def test_who_stays_away_is_no_response() -> None:
    assert SETS["online_retail"].offers[0].response == 0.0
    assert SETS["complete_journey"].offers[0].task == "coupon"


def test_a_set_without_campaigns_is_refused() -> None:
    with pytest.raises(UsageError, match="no campaigns are replayed on 'movielens_1m'"):
        targeting_set("movielens_1m")
