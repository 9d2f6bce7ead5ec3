"""Tables and findings of the ablation, from slots with a known signal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.evaluation.bootstrap import Difference
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.matching import MatchingTable, MatchingTask
from habitus.evaluation.next_item_table import NextItemTable
from habitus.runs.analyses.clue_ablation_rows import STACKED, Costs, Variant, shape_variants
from habitus.runs.analyses.clue_ablation_tables import (
    BOTH,
    LABELS,
    ONE,
    POOL,
    VALID,
    dim_plot,
    dim_table,
    findings,
    service_table,
    shape_plot,
    shape_table,
    uplift_plot,
    uplift_table,
)
from habitus.runs.clue import clue
from tests.evaluation.shoppers import Drawn
from tests.runs.analyses.shop import shop_plan

SHAPES: list[Variant] = shape_variants(clue("quick"), quick=True)
NAMES = [v.name for v in SHAPES]
COSTS = {
    n: cast(Costs, SimpleNamespace(block_weights=100 + i, mflops=0.1234567 * (i + 1)))
    for i, n in enumerate(NAMES)
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MatchingTable]:
    traces = shop_plan(tmp_path_factory.mktemp("shop")).traces
    found = {}
    for task, users in ((VALID, range(60)), (POOL, range(100, 200))):
        asked = MatchingTask(Snapshot(traces, None, np.array(users)))
        rows = {"chance": [asked.chance()]}
        for place, name in enumerate([*NAMES, "dim_8", "dim_32", "matryoshka_8", "matryoshka_32"]):
            strong = name in (STACKED, "dim_32", "matryoshka_32")
            rows[name] = [asked.match(Drawn(place, signal=3.0 if strong else 0.3))]
        rows["one_arts"] = [asked.match(Drawn(99))]
        found[task] = MatchingTable(rows, Resampling(num_resamples=200))
    return found


def test_shapes_stand_beside_the_stacked_one(tables: dict[str, MatchingTable]) -> None:
    table = shape_table(tables, SHAPES, COSTS)
    assert [row[0] for row in table["rows"]] == [v.label for v in SHAPES]
    first, *others = table["rows"]
    assert first[1:3] == [100, 0.123]
    assert first[-2:] == [None, None]
    for name, row in zip(NAMES[1:], others, strict=True):
        gap = row[4]["value"] - first[4]["value"]
        assert row[-2]["value"] == pytest.approx(gap)
        assert row[-1] == "worse"
        assert row[3]["value"] == tables[VALID].estimate(name, "R@10").value
        assert row[4]["value"] == tables[POOL].estimate(name, "R@10").value
        assert row[5]["value"] == tables[POOL].estimate(name, "MRR").value
    plot = shape_plot(tables, SHAPES, COSTS)
    assert [s["points"][0]["x"] for s in plot["series"]] == [COSTS[n].mflops for n in NAMES]


def test_widths_stand_beside_the_widest_that_was_trained_alone(
    tables: dict[str, MatchingTable],
) -> None:
    rows = dim_table(tables, [8, 32])["rows"]
    assert [row[0] for row in rows] == [
        "8, trained as wide as this", "32, trained as wide as this",
        "8, first numbers of one", "32, first numbers of one",
    ]  # fmt: skip
    assert rows[1][-2:] == [None, None]
    assert [row[-1] for row in (rows[0], rows[2])] == ["worse", "worse"]
    series = dim_plot(tables, [8, 32])["series"]
    assert [[p["x"] for p in s["points"]] for s in series] == [[8, 32], [8, 32]]
    assert [p["y"] for s in series for p in s["points"]] == [row[2]["value"] for row in rows]


def test_services_have_chance_below_them(tables: dict[str, MatchingTable]) -> None:
    rows = service_table(tables, {"dim_8": "both", "bag": "warm"})["rows"]
    assert [row[0] for row in rows] == ["chance", "both", "warm"]
    assert rows[0][2]["value"] < rows[1][2]["value"]


class Strata:
    """A table of next items whose differences are known: 0.01 a place of the row's name."""

    strata: ClassVar[dict[str, Any]] = {
        "all": np.ones(30, bool),
        "cold": np.arange(30) < 12,
        "mid": np.ones(30, bool),
    }

    def difference(
        self, method: str, against: str, metric: str, chosen_B: Any
    ) -> Difference | None:
        assert metric == "NDCG@10"
        places = {"most_popular": 0, **{n: i + 1 for i, n in enumerate(LABELS)}}
        value = (places[method] - places[against]) * 0.01 * (2 if chosen_B.sum() == 12 else 1)
        return Difference(value, value - 0.005, value + 0.005, 0.01, "better")

    def entry(self, found: Difference) -> dict[str, float]:
        return {"value": found.value, "low": found.low, "high": found.high}


def test_uplift_is_over_most_popular_and_what_is_added_over_one_service() -> None:
    table = cast(NextItemTable, Strata())
    rows = uplift_table(table)["rows"]
    assert [row[:2] for row in rows] == [["all", 30], ["cold", 12], ["mid", 30]]
    # Rows in the order of the labels: 1 … 4; both less one alone is 4 - 2, less its one slot 4 - 3.
    assert [round(cell["value"], 3) for cell in rows[0][2:]] == [0.01, 0.02, 0.03, 0.04, 0.02, 0.01]
    assert rows[1][2]["value"] == pytest.approx(0.02)
    plot = uplift_plot(table)
    assert "cold, mid" in plot["note"]
    assert [s["label"] for s in plot["series"]] == list(LABELS.values())
    assert [p["x"] for p in plot["series"][0]["points"]] == [0, 1]


def test_findings_answer_the_three_questions(tables: dict[str, MatchingTable]) -> None:
    shape, dim, across, service = findings(tables, SHAPES, [8, 32], cast(NextItemTable, Strata()))
    assert shape.startswith("Beside stacked, 1 + 1 blocks, by R@10 of test users: single, 2 blocks")
    assert shape.count("worse (−") == len(SHAPES) - 1
    assert dim.startswith("Slots of 8 numbers beside 32: worse (−")
    assert across.startswith(
        "Across services (R@10), trained on both less on one: arts alone, bett"
    )
    assert "all, better (+.0200" in service
    assert "cold, better (+.0400" in service
    assert "mid" not in service
    assert list(LABELS).index(BOTH) - list(LABELS).index(ONE) == 2
