"""The cells of a yes-or-no task."""

import numpy as np
import pytest

from habitus.evaluation.binary_table import TaskTable
from habitus.metrics import auroc, expected_calibration_error
from tests.evaluation.test_comparing import METHODS, predictions, tables, tasks, traces

__all__ = ["predictions", "tables", "tasks", "traces"]


def test_a_cell_holds_each_metric_with_its_seeds(tables: list[TaskTable]) -> None:
    cell = tables[0].cell(METHODS[2])
    assert (cell["task"], cell["method"], cell["probe"]) == ("aisle0", "ours", "gbdt")
    assert set(cell["metrics"]) == {"auroc", "auprc", "log_loss", "brier", "ece"}
    found = cell["metrics"]["auroc"]
    task = tables[0].task
    prediction = tables[0].predictions["aisle0", "ours"]
    seeds = [auroc(task.test.y_B, scores_B) for scores_B in prediction.scores_SB]
    assert found["seeds"] == pytest.approx(seeds)
    assert found["value"] == pytest.approx(np.mean(seeds))
    assert found["low"] <= found["value"] <= found["high"]

    # Chance makes a calibration error larger, and a resample does so again.
    ece = cell["metrics"]["ece"]
    seeds = [expected_calibration_error(task.test.y_B, s_B) for s_B in prediction.scores_SB]
    assert ece == {"value": pytest.approx(np.mean(seeds)), "low": None, "high": None} | {
        "seeds": pytest.approx(seeds)
    }


def test_strata_hold_their_users_and_positives(tables: list[TaskTable]) -> None:
    table = tables[0]
    strata = table.cell(METHODS[2])["strata"]
    assert set(strata) == {"new", "cold", "mid", "heavy"}
    sizes = [strata[name]["num_users"] for name in ("cold", "mid", "heavy")]
    assert sum(sizes) == len(table.task.test.y_B)
    mid_B = table.strata["mid"]
    scores_B = table.predictions["aisle0", "ours"].scores_SB[:, mid_B]
    value = np.mean([auroc(table.task.test.y_B[mid_B], s_B) for s_B in scores_B])
    assert strata["mid"]["num_positive"] == table.task.test.y_B[mid_B].sum()
    assert strata["mid"]["auroc"]["value"] == pytest.approx(value)


def test_a_stratum_with_few_answers_has_no_score(tables: list[TaskTable]) -> None:
    for table in tables:
        for entry in table.cell(METHODS[2])["strata"].values():
            yes, no = entry["num_positive"], entry["num_users"] - entry["num_positive"]
            assert (entry["auroc"] is None) == (min(yes, no) < 5)
