"""How much is added up inside the window."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from habitus.data.split import DAY, Future
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks import number_task_from_config
from habitus.tasks.total import Total, TotalConfig
from habitus.testing.hand_made import write_traces
from habitus.testing.number_tasks import NumberTaskContract

CUTOFF = 100 * DAY


def shoppers(path: Path) -> Traces:
    """Cutoff on day 100, window of 30 days: days 100 … 129 count, 99 and 130 do not."""

    def bought(day: int, price: float | None, quantity: float) -> dict[str, object]:
        found: dict[str, object] = {"time": day * DAY, "quantity": quantity}
        return found if price is None else {**found, "price": price}

    return write_traces(
        path,
        {
            "ann": [bought(99, 50, 1), bought(100, 2, 3), bought(129, 4, 1)],
            "bob": [bought(120, 5, -2), bought(130, 9, 9)],
            "cid": [bought(110, None, 7)],
            "dan": [bought(10, 1, 1), bought(160, 1, 1)],
        },
        {"price": "dense", "quantity": "dense"},
    )


def labels(traces: Traces, *channels: str) -> list[float]:
    entry = {"kind": "total", "name": "t", "question": "How much?", "horizon_days": 30}
    task = number_task_from_config({**entry, "channels": channels})
    return [float(y) for y in task.labels(Future(traces, CUTOFF, 30 * DAY, np.arange(4)))]


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return shoppers(tmp_path / "traces")


def test_events_are_counted_and_amounts_added_up(traces: Traces) -> None:
    assert labels(traces) == pytest.approx([math.log(1 + 2), math.log(2), math.log(2), 0])
    # ann: 2 · 3 + 4 · 1 = 10. bob returns 10. cid's price is not known, and adds nothing.
    both = labels(traces, "price", "quantity")
    assert both == pytest.approx([math.log(11), -math.log(11), 0, 0])
    assert labels(traces, "quantity") == pytest.approx(
        [math.log(1 + 4), -math.log(1 + 2), math.log(1 + 7), 0]
    )


def test_a_channel_that_the_data_lacks_is_named(traces: Traces) -> None:
    with pytest.raises(DataError, match="did you mean 'price'"):
        labels(traces, "prize")


class TestTotal(NumberTaskContract):
    task = Total
    config = TotalConfig(
        name="t", question="How much?", horizon_days=30, channels=("price", "quantity")
    )
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return shoppers(path)
