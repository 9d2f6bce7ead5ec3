"""Results as plain JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.evaluation import results
from habitus.evaluation.asked import ask
from habitus.testing.hand_made import write_traces
from tests.evaluation.class_world import CLASSES, asked_of, later
from tests.evaluation.world import aisle, parts, world


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def test_what_is_written_is_json_that_every_reader_reads(tmp_path: Path) -> None:
    values = {"a": np.nan, "b": np.array([1, 2]), "c": (np.float32(0.5), np.bool_(True), None)}
    file = results.write_results(values, tmp_path / "deep" / "results.json")
    text = file.read_text()
    assert "NaN" not in text
    assert json.loads(text) == {"a": None, "b": [1, 2], "c": [0.5, True, None]}
    assert [f.name for f in file.parent.iterdir()] == ["results.json"]


def test_a_failed_write_leaves_the_old_results(tmp_path: Path) -> None:
    file = results.write_results({"a": 1}, tmp_path / "results.json")
    with pytest.raises(TypeError):
        results.write_results({"a": object()}, file)
    assert json.loads(file.read_text()) == {"a": 1}


def test_a_class_task_says_which_classes_and_how_large(traces: Traces) -> None:
    asked = asked_of(traces, later(part="second"), least=2)
    entry = results.plain(results.class_task_entry(asked))
    told = (entry["test_cutoff"], entry["part"], entry["part_by"])
    assert told == ("2020-06-01", "second", None)
    sizes = np.bincount(asked.test.y_B)
    assert entry["class_shares_test"] == pytest.approx(list(sizes / sizes.sum()))
    assert entry["base_rate_test"] == pytest.approx(sizes.max() / sizes.sum())
    assert entry["num_test"] == sizes.sum()
    assert (entry["main_score"], entry["classes"]) == ("macro_f1", CLASSES)


def test_a_cutoff_that_counts_events_is_told_as_such(tmp_path: Path) -> None:
    events = {f"{u}": [{"time": t, "aisle": f"a{u % 3}"} for t in range(4)] for u in range(90)}
    traces = write_traces(tmp_path / "ordered", events, {"aisle": "category"}, time_unit="order")
    asked = asked_of(traces, later(as_of=2), least=2)
    assert results.class_task_entry(asked)["test_cutoff"] == "2 from the end"
    assert set(asked.handed().test.lengths_U) == {2}


def test_a_task_says_when_and_of_whom_it_asks(traces: Traces) -> None:
    task = ask(aisle(), traces, parts(traces))
    entry = results.plain(results.task_entry(task))
    assert entry["train_cutoffs"] == ["2020-03-01", "2020-04-01", "2020-05-01"]
    assert entry["test_cutoff"] == "2020-06-01"
    assert entry["num_test"] == len(task.test.y_B)
    assert entry["base_rate_test"] == pytest.approx(task.test.y_B.mean())
    assert entry["num_train"] == sum(len(a.y_B) for a in task.train)
    assert entry["sensitive"] is False
    assert entry["main_score"] == "auroc"


def test_a_calibration_curve_counts_every_row() -> None:
    random = np.random.default_rng(0)
    y_B, scores_SB = random.integers(2, size=100), random.random((3, 100))
    entry = results.plain(results.calibration_entry(y_B, scores_SB))
    assert sum(entry["count"]) == 100
    assert len(entry["predicted"]) == len(entry["observed"]) == 10
    total = sum(c * p for c, p in zip(entry["count"], entry["predicted"], strict=True))
    assert total / 100 == pytest.approx(scores_SB.mean())


def test_the_data_is_described_without_its_users(traces: Traces) -> None:
    entry = results.plain(results.data_entry(traces, "small world", ["made up"]))
    assert entry["num_users"] == 240
    assert entry["notices"] == ["made up"]
    assert [c["name"] for c in entry["channels"]] == ["aisle", "price"]
    assert entry["last"].startswith("2020-06-30")
    assert "0001" not in json.dumps(entry)


def test_ordered_data_has_no_dates(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces", {"ann": [{"time": 0}]}, {}, time_unit="order")
    entry = results.data_entry(traces, "order")
    assert (entry["first"], entry["last"]) == (None, None)


def test_parts_are_counted(traces: Traces) -> None:
    entry = results.split_entry(UserSplit(seed=4), parts(traces))
    assert entry["train"] + entry["valid"] + entry["test"] == 240
    assert entry["seed"] == 4


def test_versions_and_machine_are_named() -> None:
    assert {"python", "habitus", "numpy"} <= set(results.versions_entry())
    machine = results.machine_entry(2)
    assert machine["threads"] == 2
    assert machine["cpu"]
    assert results.now().endswith("+00:00")
