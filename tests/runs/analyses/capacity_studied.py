"""A study of capacity with known outcomes, for the tests of its tables and sentences."""

from __future__ import annotations

import numpy as np

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
from habitus.runs.analyses.capacity_tables import Studied
from habitus.runs.analyses.ple_rows import AGGREGATES, ALONE, RANDOM, PleRow
from habitus.runs.analyses.ple_table import PleTable
from tests.runs.analyses.capacity_world import CONFIG, World, few_steps


def held(loss: float) -> HeldOut:
    """Return 20 groups in which everybody's loss is about this."""
    noise_N = np.random.default_rng(0).normal(0.0, 0.05, 20)
    sums = {"remedy": loss + noise_N, ALONE_LOSS: loss + noise_N, ALONE_RIGHT: 1 / (loss + noise_N)}
    return HeldOut(sums, {name: np.ones(20) for name in sums})


def studied_of(world: World) -> Studied:
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
