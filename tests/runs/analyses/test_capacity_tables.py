from __future__ import annotations

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.evaluation.asked_together import AskedTogether
from habitus.metrics.arrays import Floats
from habitus.runs.analyses.capacity_held_out import (
    ALONE_LOSS,
    ALONE_RIGHT,
    HeldOut,
    HeldOutTable,
)
from habitus.runs.analyses.capacity_rows import Trained, variants
from habitus.runs.analyses.capacity_sets import ASKED_SPLIT, CapacitySet, offers_of
from habitus.runs.analyses.capacity_tables import Studied, findings, plots, tables
from habitus.runs.analyses.ple_rows import AGGREGATES, ALONE, RANDOM, PleRow
from habitus.runs.analyses.ple_table import PleTable
from tests.runs.analyses.capacity_world import CONFIG, World, capacity_world, few_steps


def held(loss: float) -> HeldOut:
    """Return 20 groups in which everybody's loss is about this."""
    noise_N = np.random.default_rng(0).normal(0.0, 0.05, 20)
    sums = {"remedy": loss + noise_N, ALONE_LOSS: loss + noise_N, ALONE_RIGHT: 1 / (loss + noise_N)}
    return HeldOut(sums, {name: np.ones(20) for name in sums})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return capacity_world(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def studied(world: World) -> Studied:
    """Return two amounts of data: with few, experts are worth nothing; with many, 16 are."""
    tasks = offers_of(CONFIG, world.traces)
    sizes = {"few": world.traces, "many": world.traces}
    what = CapacitySet(
        run=few_steps(experts=1),
        experts=(1, 4, 16),
        sizes=sizes,
        asked_traces=world.traces,
        split=ASKED_SPLIT,
        asked=tasks,
        held_out=Snapshot(world.traces, CONFIG.cutoff),
        hidden="remedy",
        best_loss=1.0,
        best_right=0.7,
        bounds={"best possible": {}},
    )
    rows = variants(what.run, what.experts, sizes)
    facts = {
        "flops_executed": 2e9,
        "seconds": 3.0,
        "counts": {"total": 30, "active": 20, "embedding": 10},
        "routing": [
            {
                "router": "blocks.0",
                "max_load": 1.5,
                "entropy": 0.5,
                "most_entropy": 1.0,
                "num_dead": 1,
                "share": [0.25] * 4,
            }
        ],
    }
    made = {row.name: [Trained(world.model, facts, held(loss_of(row.name)))] for row in rows}
    found = {name: [one.held_out for one in trained] for name, trained in made.items()}
    controls = [PleRow(name=n, label=f"PLE, {n}") for n in (ALONE, RANDOM, AGGREGATES)]
    together = AskedTogether(tasks)
    scores = {
        name: scores_of(together, 3.0 if name == "16 of many" else 0.0)
        for name in (ALONE, RANDOM, AGGREGATES, "best possible", *made)
    }
    table = PleTable(together, scores, 200)
    return Studied(what, rows, made, HeldOutTable(found, 200), controls, table)


def loss_of(name: str) -> float:
    return 1.2 if name == "16 of many" else 2.0


def scores_of(together: AskedTogether, skill: float) -> dict[str, Floats]:
    random = np.random.default_rng(1)
    return {
        name: skill * task.test.y_B[None] + random.normal(size=(1, len(task.test.y_B)))
        for name, task in together.tasks.items()
    }


def test_findings_say_from_where_on_it_pays(studied: Studied) -> None:
    few, many, labels_few, labels_many, *rest = findings(studied)
    assert few.startswith("Pre-trained on few: the held-out loss falls with no more experts")
    assert few.count("a tie") == 3
    assert many.startswith("Pre-trained on many: the held-out loss falls from 16 experts on")
    assert "and is least with 16. Of hidden remedy" in many
    assert "and is least with 1 (16 beside it" in few
    assert "at best 0.700" in many
    assert "a tie" in labels_few
    assert "AUC rises from 16 experts on" in labels_many
    assert "the vector of 16 experts, many" in labels_many
    assert rest[0].startswith("PLE, random less PLE alone: +0.000")
    assert "best possible 0." in rest[-1]


def test_the_dense_row_is_held_against_nothing(studied: Studied) -> None:
    weights, labels, routers = tables(studied)
    assert [row[-1] for row in weights["rows"]] == [None, "tie", "tie", None, "tie", "better"]
    assert weights["rows"][0][1:5] == [30, 20, 10, 2.0]
    assert "loss 1.000, found 0.700" in weights["note"]
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
