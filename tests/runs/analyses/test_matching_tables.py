"""Tables of matching, cell by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.matching import METRICS, MatchingTable, MatchingTask, estimate_entry
from habitus.runs.analyses.matching_rows import OURS, RUNG
from habitus.runs.analyses.matching_tables import (
    CHANCE,
    Point,
    curve_plot,
    curve_table,
    differences,
    directions,
    scores,
)
from tests.evaluation.shoppers import Drawn, shoppers

LABELS = {CHANCE: "chance", RUNG: "CCA", OURS: "encoder"}


@pytest.fixture
def table(tmp_path: Path) -> MatchingTable:
    task = MatchingTask(Snapshot(shoppers(tmp_path / "traces")))
    found = {
        CHANCE: [task.chance()],
        RUNG: [task.match(Drawn(1))],
        OURS: [task.match(Drawn(seed, signal=3.0)) for seed in (2, 3)],
    }
    return MatchingTable(found, Resampling(num_resamples=200))


def test_scores_and_differences(table: MatchingTable) -> None:
    found = scores(table, LABELS)
    assert found["title"] == "Found among 48"
    assert [row[0] for row in found["rows"]] == ["chance", "CCA", "encoder"]
    for name, row in zip(LABELS, found["rows"], strict=True):
        assert row[1:] == [estimate_entry(table.estimate(name, metric)) for metric in METRICS]
    less = differences(table, LABELS)
    assert [row[0] for row in less["rows"]] == ["chance", "CCA"]
    for name, row in zip((CHANCE, RUNG), less["rows"], strict=True):
        entries = [estimate_entry(table.difference(OURS, name, metric)) for metric in METRICS]
        assert row[1:] == [*entries, "better"]


def test_directions_are_means_over_seeds(table: MatchingTable) -> None:
    found = directions(table, LABELS)
    column = found["columns"].index("food to arts")
    seeds = [one.by_direction()["food to arts"]["R@10"] for one in table.found[OURS]]
    assert found["rows"][2][column] == pytest.approx(np.mean(seeds))
    assert found["rows"][0][column] == pytest.approx(10 / 48)


def test_the_curve_as_table_and_plot(table: MatchingTable) -> None:
    points = [Point(1_200, table), Point(2_400, table)]
    rows = curve_table(points)["rows"]
    assert [row[0] for row in rows] == ["1,200", "2,400"]
    ours, rung = (estimate_entry(table.estimate(name, "R@10")) for name in (OURS, RUNG))
    assert rows[0][1:] == [ours, rung, estimate_entry(table.difference(OURS, RUNG)), "better"]
    encoder, cca = curve_plot(points)["series"]
    assert encoder["points"][1] == {
        "x": 2_400, "y": ours["value"], "low": ours["low"], "high": ours["high"]
    }  # fmt: skip
    assert cca["points"][0]["y"] == rung["value"]
