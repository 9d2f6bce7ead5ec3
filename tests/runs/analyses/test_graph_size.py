"""Scores by the words of a user that are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.graph_size import graph_size, sizes
from habitus.runs.steps import Json

PlanOf = Callable[..., AnalysisPlan]


@pytest.mark.parametrize(
    ("quick", "most", "expected"),
    [
        # The preset's size comes first; what no user has is not there, and the last is all words.
        (True, 500, [64, 16, None]),
        (True, 64, [None, 16]),
        (False, 5000, [300, 100, 500, 1000, None]),
        (False, 400, [300, 100, None]),
        (False, 50, [None]),
    ],
)
def test_sizes_are_those_that_differ(
    quick: bool, most: int, expected: list[int | None], plan_of: PlanOf
) -> None:
    plan = plan_of(quick=quick)
    found = sizes(plan, most)
    assert [run.graph.max_nodes for run in found.values()] == expected
    for run in found.values():
        assert replace(run, graph=plan.run.graph) == plan.run
    assert f"all words, up to {most:,}" in found


def test_each_size_has_a_row_in_every_table_by_its_size(
    plan_of: PlanOf, checked: Callable[[Json], Json]
) -> None:
    results = checked(graph_size(plan_of()))
    shapes, scores, accuracy = results["tables"]
    names = [row[0] for row in shapes["rows"]]
    assert names[:2] == ["16 words", "64 words"]
    assert names[2].startswith("all words, up to")
    assert [row[0] for row in scores["rows"]] == names == [row[0] for row in accuracy["rows"]]
    words = [row[1] for row in shapes["rows"]]
    assert words == sorted(words)
    assert words[0] <= 16 < words[1] <= 64
    points = results["plots"][0]["series"][0]["points"]
    assert [p["x"] for p in points] == words
    assert [p["y"] for p in points] == [row[1]["value"] for row in scores["rows"]]
    assert results["findings"][0].startswith("Against 64 words, the mean macro-F1 over tasks is ")
    assert "16 words" in results["findings"][0]
