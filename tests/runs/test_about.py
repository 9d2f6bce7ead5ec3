"""A model says from what and how it was made."""

import json
from pathlib import Path

from habitus.runs.about import about_run
from habitus.testing.hand_made import write_traces
from tests.small import small_run, small_traces


def test_run_objective_and_data_stand_in_it_as_plain_values(tmp_path: Path) -> None:
    traces = small_traces(tmp_path / "t")
    about = about_run(traces, small_run(), "masked_channel")
    assert json.loads(json.dumps(about)) == about
    assert about["run"] == small_run().to_dict()
    assert about["objective"] == "masked_channel"
    assert about["data"]["digest"] == traces.digest


def test_an_order_has_no_dates(tmp_path: Path) -> None:
    events = {"a": [{"time": 0}, {"time": 1}]}
    traces = write_traces(tmp_path / "t", events, {}, time_unit="order")
    assert not {"first", "last"} & about_run(traces, small_run(), "x")["data"].keys()
