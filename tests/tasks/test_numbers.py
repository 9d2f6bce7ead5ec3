"""The questions for numbers about the public sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import parse_time
from habitus.data.split import DAY, Future
from habitus.datasets.online_retail import CHANNELS
from habitus.tasks.complete_journey import complete_journey_tasks
from habitus.tasks.dated import DatedTask
from habitus.tasks.movielens_1m import movielens_1m_tasks
from habitus.tasks.numbers import (
    complete_journey_numbers,
    movielens_1m_numbers,
    online_retail_numbers,
)
from habitus.tasks.online_retail import online_retail_tasks
from habitus.testing.hand_made import write_traces

SETS = {
    "complete_journey": (complete_journey_numbers(), complete_journey_tasks()),
    "online_retail": (online_retail_numbers(), online_retail_tasks()),
    "movielens_1m": (movielens_1m_numbers(), movielens_1m_tasks()),
}


@pytest.mark.parametrize("name", SETS)
def test_they_stand_beside_yes_or_no_questions_with_the_same_cutoffs(name: str) -> None:
    numbers, others = SETS[name]
    assert numbers
    names = [task.name for task in (*numbers, *others)]
    assert len(set(names)) == len(names)
    known = [task.cutoffs for task in others]
    for task in numbers:
        assert task.is_number
        assert task.cutoffs in known
        assert not task.task.config.sensitive
    assert not any(task.is_number for task in others)


def test_what_a_customer_spends_is_price_times_quantity(tmp_path: Path) -> None:
    spent, lines = online_retail_numbers()

    def line(when: str, price: float, quantity: float) -> dict[str, object]:
        return {"time": parse_time(when), "price": price, "quantity": quantity}

    events = {
        "ann": [line("2011-08-31", 9, 9), line("2011-09-01", 2, 5), line("2011-11-29", 3, -1)],
        "bob": [line("2010-12-01", 1, 1), line("2011-12-05", 4, 4)],
    }
    channels = {name: kind for name, kind in CHANNELS.items() if name in ("price", "quantity")}
    traces = write_traces(tmp_path / "traces", events, channels)

    def answers(task: DatedTask) -> list[float]:
        future = Future(traces, task.cutoffs.test_time, 90 * DAY, np.arange(2))
        return [float(y) for y in task.task.labels(future)]

    # 2 · 5 - 3 · 1 = 7 within 90 days from the first of September, on two lines.
    assert answers(spent) == pytest.approx([np.log(8), 0])
    assert answers(lines) == pytest.approx([np.log(3), 0])
