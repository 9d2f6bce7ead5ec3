from __future__ import annotations

import pytest

from habitus.evaluation.bootstrap import Difference
from habitus.runs.analyses.capacity_tables import Studied, entry, plots, tables
from tests.runs.analyses.capacity_studied import studied_of
from tests.runs.analyses.capacity_world import World, capacity_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def studied(world: World) -> Studied:
    return studied_of(world)


def test_the_dense_row_is_held_against_nothing(studied: Studied) -> None:
    weights, labels, routers = tables(studied)
    assert [row[-1] for row in weights["rows"]] == [None, "tie", "tie", None, "tie", "better"]
    assert weights["rows"][0][1:5] == [30, 20, 10, 2.0]
    assert "loss 1.000, found .700" in weights["note"]
    by_name = {row[0]: row for row in labels["rows"]}
    assert by_name["PLE, alone"][4:] == [None] * 4
    assert by_name["PLE + vector of one expert, many"][6:] == [None, None]
    assert by_name["PLE + vector of 16 experts, many"][5] == "better"
    assert by_name["PLE + vector of 16 experts, many"][7] == "better"
    assert all(len(row) == len(labels["columns"]) for row in labels["rows"])
    assert routers["rows"][0][3:] == [1.5, 0.5, "1 of 4"]


def test_curves_are_by_amount_of_data_with_the_bound(studied: Studied) -> None:
    loss, right, auc = plots(studied)
    assert [s["label"] for s in loss["series"]] == ["few", "many", "best possible"]
    assert [p["x"] for p in loss["series"][0]["points"]] == [1.0, 4.0, 16.0]
    assert {p["y"] for p in loss["series"][2]["points"]} == {1.0}
    assert {p["y"] for p in right["series"][2]["points"]} == {0.7}
    assert auc["series"][-1]["label"] == "PLE alone"
    curve = [p["y"] for p in auc["series"][1]["points"]]
    assert curve[2] > 0.9 > curve[0] == curve[1]


def test_a_difference_is_written_with_its_sign() -> None:
    found = entry(Difference(0.02, 0.01, 0.03, 0.01, "better"))
    assert found == {"value": 0.02, "low": 0.01, "high": 0.03, "signed": True}
