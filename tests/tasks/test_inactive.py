"""Nothing happens."""

from pathlib import Path

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.errors import UsageError
from habitus.tasks.inactive import Inactive, InactiveConfig
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people, labels

NAN = float("nan")


def test_inactive_is_no_event_from_the_cutoff_to_the_last_second(tmp_path: Path) -> None:
    # ann on the first second, cid on the last, eve within; bob one second late, dan never
    assert labels(five_people(tmp_path / "traces"), kind="inactive") == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        # The cutoff is day 100. ann was there on day 99, bob on day 50, eve on day 10.
        (1, [0, NAN, NAN, NAN, NAN]),
        (49, [0, NAN, NAN, NAN, NAN]),
        (50, [0, 1, NAN, NAN, NAN]),
        (90, [0, 1, NAN, NAN, 0]),
    ],
)
def test_who_left_long_ago_need_not_be_asked(
    days: int, expected: list[float], tmp_path: Path
) -> None:
    found = labels(five_people(tmp_path / "traces"), kind="inactive", active_within_days=days)
    np.testing.assert_array_equal(found, expected)


def test_no_days_are_an_error() -> None:
    with pytest.raises(UsageError, match="must be 1 or more, or left out to ask everybody, got 0"):
        InactiveConfig(name="t", question="Yes?", horizon_days=30, active_within_days=0)


class TestInactive(TaskContract):
    task = Inactive
    config = InactiveConfig(name="t", question="Yes?", horizon_days=30, active_within_days=50)
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)
