"""A marked item that is bought again on a later day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError, UsageError
from habitus.tasks.bought_again import BoughtAgain, BoughtAgainConfig
from habitus.testing.hand_made import write_traces
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, labels

NAN = np.nan


def bought(item: str | None, day: float, coupon: float | None = None) -> dict[str, Any]:
    event: dict[str, Any] = {"time": int(day * DAY)}
    if item is not None:
        event["item_id"] = item
    if coupon is not None:
        event["coupon"] = coupon
    return event


def shoppers(path: Path) -> Traces:
    events = {
        # Milk with a coupon, and milk again three days later.
        "ann": [bought("milk", 101, -0.5), bought("milk", 104)],
        # Again on the same day, and another item later.
        "bob": [bought("milk", 101, 1.0), bought("milk", 101.5), bought("tea", 110)],
        # Bought before the coupon and after the window, not after it inside.
        "cid": [bought("tea", 100), bought("tea", 105, 1.0), bought("tea", 130)],
        # No coupon at all; a coupon of 0; a coupon for what has no item.
        "dan": [bought("milk", 101), bought("milk", 109)],
        "eve": [bought("tea", 101, 0.0), bought("tea", 109)],
        "fay": [bought(None, 101, 1.0), bought(None, 109)],
        # Two coupons for tea: a day after the first of them is enough.
        "gil": [bought("tea", 101, 1.0), bought("tea", 102, 1.0)],
        "hal": [],
    }
    table: dict[str, list[Any]] = {
        "task": ["sent", "sent"],
        "user_id": ["ann", "bob"],
        "time": [101 * DAY] * 2,
        "value": [1, 1],
    }
    channels: Any = {"item_id": "id", "coupon": "dense"}
    return write_traces(path, events, channels, tables={"labels": table})


@pytest.fixture
def people(tmp_path: Path) -> Traces:
    return shoppers(tmp_path / "traces")


def test_by_hand(people: Traces) -> None:
    got = labels(people, kind="bought_again", marked="coupon")
    np.testing.assert_array_equal(got, [1, 0, 0, NAN, NAN, NAN, 1, NAN])


def test_later_may_be_several_days(people: Traces) -> None:
    got = labels(people, kind="bought_again", marked="coupon", after_days=4)
    np.testing.assert_array_equal(got, [0, 0, 0, NAN, NAN, NAN, 0, NAN])


def test_who_lacks_what_is_given_is_not_asked(people: Traces) -> None:
    got = labels(people, kind="bought_again", marked="coupon", given=["sent"])
    np.testing.assert_array_equal(got, [1, 0, NAN, NAN, NAN, NAN, NAN, NAN])


def test_what_is_wrong_is_told(people: Traces) -> None:
    with pytest.raises(UsageError, match="less than its 30 days, got 30"):
        labels(people, kind="bought_again", marked="coupon", after_days=30)
    with pytest.raises(DataError, match="did you mean 'coupon'"):
        labels(people, kind="bought_again", marked="coupons")


class TestBoughtAgain(TaskContract):
    task = BoughtAgain
    config = BoughtAgainConfig(
        name="again", question="Yes?", horizon_days=30, marked="coupon", given=("sent",)
    )
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return shoppers(path)
