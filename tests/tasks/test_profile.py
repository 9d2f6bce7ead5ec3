"""Traits of people."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.errors import DataError
from habitus.tasks import task_from_config
from habitus.tasks.profile import ProfileIs, ProfileIsConfig
from habitus.testing.hand_made import write_traces
from habitus.testing.tasks import TaskContract
from tests.tasks.people import CUTOFF, five_people, labels


def test_it_asks_only_those_whose_attribute_is_known(tmp_path: Path) -> None:
    people = five_people(tmp_path / "traces")
    got = labels(people, kind="profile", attribute="age", values=["65+"])
    # cid has a row without an age, bob and dan have no row
    np.testing.assert_array_equal(got, [0, np.nan, np.nan, np.nan, 1])


def test_it_names_the_attribute_that_is_nearest(tmp_path: Path) -> None:
    people = five_people(tmp_path / "traces")
    with pytest.raises(DataError, match="no attribute 'aeg'; did you mean 'age'"):
        labels(people, kind="profile", attribute="aeg", values=["65+"])


def test_numbers_are_compared_as_they_are_written(tmp_path: Path) -> None:
    table: dict[str, list[Any]] = {"user_id": ["ann", "bob"], "kids": [2, 0]}
    events = {"ann": [{"time": 200 * DAY}], "bob": []}
    traces = write_traces(tmp_path / "traces", events, {}, tables={"profiles": table})
    assert labels(traces, kind="profile", attribute="kids", values=["1", "2"]) == [1, 0]


def test_profiles_are_sensitive_unless_said_otherwise() -> None:
    entry: dict[str, Any] = {"kind": "profile", "attribute": "age", "values": ["65+"], "name": "t"}
    entry |= {"question": "Old?", "horizon_days": 30}
    assert task_from_config(entry).config.sensitive
    assert not task_from_config({**entry, "sensitive": False}).config.sensitive


def test_data_without_profiles_says_so(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 200 * DAY}]}, {})
    with pytest.raises(DataError, match="needs a profiles table"):
        labels(traces, kind="profile", attribute="age", values=["65+"])


class TestProfileIs(TaskContract):
    task = ProfileIs
    config = ProfileIsConfig(
        name="t", question="Yes?", horizon_days=30, attribute="age", values=("65+",)
    )
    cutoff = CUTOFF

    def make_traces(self, path: Path) -> Traces:
        return five_people(path)
