"""An event holds one of some values."""

from pathlib import Path

import pytest

from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks.has import HasValue, HasValueConfig
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people, labels


@pytest.fixture
def people(tmp_path: Path) -> Traces:
    return five_people(tmp_path / "traces")


def test_it_looks_at_the_window_and_not_at_the_history(people: Traces) -> None:
    assert labels(people, kind="has", channel="aisle", values=["cat"]) == [0, 0, 1, 0, 0]
    assert labels(people, kind="has", channel="aisle", values=["cat", "dog"]) == [1, 0, 1, 0, 0]


def test_a_value_that_never_occurs_is_a_no(people: Traces) -> None:
    assert labels(people, kind="has", channel="aisle", values=["bird"]) == [0] * 5


def test_a_missing_value_is_no_value(people: Traces) -> None:
    # eve's event on day 110 has no aisle: were code 0 a value, she would have one
    assert labels(people, kind="has", channel="aisle", values=["", "dog"]) == [1, 0, 0, 0, 0]


def test_a_channel_that_the_data_lacks_is_named(people: Traces) -> None:
    with pytest.raises(DataError, match="did you mean 'aisle'"):
        labels(people, kind="has", channel="isle", values=["cat"])


class TestHasValue(TaskContract):
    task = HasValue
    config = HasValueConfig(
        name="t", question="Yes?", horizon_days=30, channel="aisle", values=("cat",)
    )
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)
