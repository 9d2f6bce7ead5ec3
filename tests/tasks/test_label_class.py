"""Classes from the labels table."""

from pathlib import Path
from typing import Any

import pytest

from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks.label_class import LabelClass, LabelClassConfig
from habitus.testing.class_tasks import ClassTaskContract
from habitus.testing.hand_made import write_traces
from tests.tasks.writers import answers, six_people


def test_the_latest_label_of_the_task_counts(tmp_path: Path) -> None:
    found = answers(six_people(tmp_path / "t"), kind="label_class", label="stance", edges=[0.5])
    # ann said .9 on day 5 and .2 on day 10; eve's has no value; dan's is of another task
    assert found == {"ann": "art", "bob": "law"}


def test_of_labels_at_one_time_the_last_row_counts(tmp_path: Path) -> None:
    labels: dict[str, list[Any]] = {
        "task": ["s"] * 3,
        "user_id": ["a", "a", "b"],
        "time": [5, 5, 1],
        "value": [1, 0, 1],
    }
    events = {"a": [{"time": 1}], "b": [{"time": 1}]}
    traces = write_traces(tmp_path / "t", events, {}, tables={"labels": labels})
    found = answers(traces, kind="label_class", label="s", classes=["no", "yes"], edges=[0.5])
    assert found == {"a": "no", "b": "yes"}


def test_a_label_that_nobody_has_asks_nobody(tmp_path: Path) -> None:
    assert answers(six_people(tmp_path / "t"), kind="label_class", label="x", edges=[0.5]) == {}


def test_data_without_labels_says_so(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "t", {"a": [{"time": 1}]}, {})
    with pytest.raises(DataError, match="'t' needs a labels table"):
        answers(traces, kind="label_class", label="x", edges=[0.5])


class TestLabelClass(ClassTaskContract):
    task = LabelClass
    config = LabelClassConfig(
        name="t", question="Which?", classes=("contra", "pro"), label="stance", edges=(0.5,)
    )

    def make_traces(self, path: Path) -> Traces:
        return six_people(path)
