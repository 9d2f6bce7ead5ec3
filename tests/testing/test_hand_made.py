"""Traces written by hand read as what was written."""

from pathlib import Path
from typing import Any

import numpy as np

from habitus.testing.hand_made import write_traces


def test_events_stand_by_user_and_then_by_time(tmp_path: Path) -> None:
    events: dict[str, list[dict[str, Any]]] = {
        "bob": [{"time": 1, "aisle": "a"}],
        "ann": [{"time": 9, "aisle": "b", "price": 2.5, "text": "é"}, {"time": 3}],
        "cid": [],
    }
    traces = write_traces(
        tmp_path / "traces", events, {"aisle": "category", "price": "dense", "text": "text"}
    )
    assert traces.user_ids.to_pylist() == ["ann", "bob", "cid"]
    assert traces.offsets_U1.tolist() == [0, 2, 3, 3]
    assert traces.time_L.tolist() == [3, 9, 1]
    # missing is code 0; "a" is 1 and "b" is 2
    assert traces.column("aisle").tolist() == [0, 2, 1]
    np.testing.assert_array_equal(traces.column("price"), [np.nan, 2.5, np.nan])
    assert traces.texts("text", np.arange(3)) == ["", "é", ""]


def test_other_events_have_another_digest(tmp_path: Path) -> None:
    one = write_traces(tmp_path / "one", {"ann": [{"time": 1}]}, {})
    other = write_traces(tmp_path / "other", {"ann": [{"time": 2}]}, {})
    assert one.digest != other.digest


def test_side_tables_are_kept(tmp_path: Path) -> None:
    table = {"user_id": ["ann"], "tags": ["early"]}
    traces = write_traces(
        tmp_path / "traces", {"ann": [{"time": 0}]}, {}, tables={"profiles": table}
    )
    found = traces.table("profiles")
    assert found is not None
    assert found.to_pydict() == table


def test_time_may_be_an_order(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 0}]}, {}, time_unit="order")
    assert traces.manifest.time_unit == "order"
