"""Labels from the labels table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks.labeled import Labeled, LabeledConfig
from habitus.testing.hand_made import write_traces
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people, labels


@pytest.fixture
def people(tmp_path: Path) -> Traces:
    return five_people(tmp_path / "traces")


def test_it_counts_rows_of_its_own_label_in_the_window(people: Traces) -> None:
    # ann on the first second; bob too late; cid said no; dan another label; eve too early
    assert labels(people, kind="labeled", label="coupon") == [1, 0, 0, 0, 0]


def test_it_may_ask_only_those_with_a_row(people: Traces) -> None:
    got = labels(people, kind="labeled", label="coupon", absent_is_no=False)
    np.testing.assert_array_equal(got, [1, np.nan, 0, np.nan, np.nan])


@pytest.mark.parametrize("values", [[1, 0], [0, 1]])
def test_one_yes_is_enough_wherever_it_stands(values: list[int], tmp_path: Path) -> None:
    table: dict[str, list[Any]] = {
        "task": ["t", "t"], "user_id": ["ann", "ann"], "time": [CUTOFF, CUTOFF], "value": values,
    }  # fmt: skip
    events = {"ann": [{"time": 200 * DAY}]}
    traces = write_traces(tmp_path / "traces", events, {}, tables={"labels": table})
    assert labels(traces, kind="labeled", label="t") == [1]


def test_labels_in_words_are_an_error(tmp_path: Path) -> None:
    table: dict[str, list[Any]] = {
        "task": ["t"],
        "user_id": ["ann"],
        "time": [CUTOFF],
        "value": ["often"],
    }
    events = {"ann": [{"time": 200 * DAY}]}
    traces = write_traces(tmp_path / "traces", events, {}, tables={"labels": table})
    with pytest.raises(DataError, match="'t' must be numbers"):
        labels(traces, kind="labeled", label="t")


def test_data_without_labels_says_so(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 200 * DAY}]}, {})
    with pytest.raises(DataError, match="needs a labels table"):
        labels(traces, kind="labeled", label="t")


class TestLabeled(TaskContract):
    task = Labeled
    config = LabeledConfig(name="t", question="Yes?", horizon_days=30, label="coupon")
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)
