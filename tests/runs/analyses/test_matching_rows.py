"""Rows of matching: encoders of a very small run, and the rungs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from habitus.data.snapshot import Snapshot
from habitus.evaluation.matching import METRICS, MatchingTask
from habitus.evaluation.matching_split import MatchingSplit
from habitus.runs.analyses.matching import run_of
from habitus.runs.analyses.matching_rows import (
    OURS,
    RUNG,
    EncoderSlots,
    encoder_rows,
    pool_step,
    rung_rows,
    trained,
)
from habitus.runs.clue_slots import services_of, slots_of
from tests.runs.analyses.shop import shop_plan


def test_encoders_untrained_warm_and_trained(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    split = MatchingSplit.of_test_users(plan.traces)
    run = run_of(plan, split)
    run = replace(run, training=replace(run.training, max_steps=2, evaluate_every=1))
    rows = {row.name: row for row in encoder_rows(plan, run)}
    assert list(rows) == ["untrained", "warm_start", OURS]
    pool = pool_step(plan, split).snapshot(plan.traces)
    task = MatchingTask(pool)
    found = {name: task.match(row.methods[0]).values() for name, row in rows.items()}
    assert all(np.isfinite(found[name][m]).all() for name in found for m in METRICS)
    z = {name: row.methods[0].slots(pool)[0] for name, row in rows.items()}
    assert not np.allclose(z["untrained"], z["warm_start"])
    assert not np.allclose(z["warm_start"], z[OURS])
    # The trained model is kept: asking again gives the same to the bit.
    again = trained(plan, run)[0].slots(pool)[0]
    np.testing.assert_array_equal(z[OURS], again)
    model = rows[OURS].methods[0]
    assert isinstance(model, EncoderSlots)
    assert model.services == services_of(model.model)
    np.testing.assert_array_equal(model.slots(pool)[0], slots_of(model.model, pool)[0])


def test_rungs_are_fitted_on_pairs_of_train_users(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path, 120)
    split = MatchingSplit.of_test_users(plan.traces)
    rows = list(rung_rows(plan.traces, split))
    assert [row.name for row in rows] == ["tfidf", "cca_plain", RUNG]
    train = Snapshot(plan.traces, None, split.pairs(plan.traces))
    words = type(rows[0].methods[0])()
    words.fit(train)  # type: ignore[attr-defined]
    pool = Snapshot(plan.traces, None, split.rows(plan.traces, "test"))
    np.testing.assert_array_equal(words.slots(pool)[0], rows[0].methods[0].slots(pool)[0])
    plain, chosen = (row.methods[0] for row in rows[1:])
    assert len(chosen.tried) > 10  # type: ignore[attr-defined]
    assert not plain.tried  # type: ignore[attr-defined]


def test_the_pool_is_stored_once_for_all_shares(tmp_path: Path) -> None:
    plan = shop_plan(tmp_path)
    split = MatchingSplit.of_test_users(plan.traces)
    pool = pool_step(plan, split)
    again = pool_step(plan, replace(split, pairs_share=0.25))
    np.testing.assert_array_equal(pool.users_N, again.users_N)
    assert len(list(plan.steps.root.glob("pool-*/pool.npz"))) == 1
