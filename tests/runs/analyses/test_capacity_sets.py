from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.datasets.subpopulations import HORIZON_DAYS, Subpopulations, make_histories
from habitus.errors import UsageError
from habitus.runs.analyses.base import AnalysisPlan
from habitus.runs.analyses.capacity_sets import (
    ASKED_SPLIT,
    HIDDEN,
    capacity_set,
    offers_of,
    world_run,
)
from tests.runs.analyses.capacity_world import CONFIG


def quick_plan(root: Path, data: str) -> AnalysisPlan:
    return AnalysisPlan(
        data=data, root=root, show=lambda *_: None, card=lambda _: "card", quick=True
    )


def test_who_is_asked_was_not_trained_on(tmp_path: Path) -> None:
    what = capacity_set(quick_plan(tmp_path, "subpopulations"))
    asked = set(what.asked_traces.user_ids.to_pylist())
    for traces in what.sizes.values():
        assert not asked & set(traces.user_ids.to_pylist())
    few, many = what.sizes.values()
    # The larger amount of data holds the smaller one.
    assert set(few.user_ids.to_pylist()) < set(many.user_ids.to_pylist())
    assert (what.hidden, what.experts) == (HIDDEN, (1, 4))
    test_U = ASKED_SPLIT.rows(what.asked_traces, "test")
    assert set(what.held_out.users_U.tolist()) <= set(test_U.tolist())
    assert what.train.num_users + 80 < 800
    # .7 by the map, a sixteenth of .3 by chance.
    assert what.best_right == pytest.approx(0.7 + 0.3 / 16)


def test_bounds_stand_beside_the_users_they_are_of(tmp_path: Path) -> None:
    what = capacity_set(quick_plan(tmp_path, "subpopulations"))
    best = what.bounds["best possible"]
    for task in what.asked:
        y_B, yes_B = task.test.y_B, best[task.name][0]
        assert yes_B.shape == y_B.shape
        # People are as likely to say yes as is said of them, and not of others.
        spread = np.sqrt((yes_B * (1 - yes_B)).sum())
        assert abs(y_B.sum() - yes_B.sum()) < 4 * spread
        assert np.corrcoef(y_B, yes_B)[0, 1] > 0.5


def test_everybody_is_asked_once_at_the_cutoff(tmp_path: Path) -> None:
    traces = Subpopulations(CONFIG).ingest(tmp_path / "traces")
    tasks = offers_of(CONFIG, traces)
    assert [task.name for task in tasks] == ["offer_0", "offer_1", "offer_2", "offer_3"]
    answers = [*tasks[0].train, *tasks[0].valid, tasks[0].test]
    users = np.concatenate([a.users_B for a in answers])
    assert sorted(users.tolist()) == list(range(120))
    assert {a.cutoff for a in answers} == {CONFIG.cutoff_time}
    assert tasks[0].dated.cutoffs.horizon_days == HORIZON_DAYS
    said_U = np.empty(120)
    said_U[users] = np.concatenate([a.y_B for a in answers])
    assert said_U.tolist() == make_histories(CONFIG).answer_UK[:, 0].tolist()


def test_the_run_fits_the_world() -> None:
    run = world_run(quick=False)
    assert run.encoder.experts.is_dense
    assert run.as_of == CONFIG.cutoff
    assert run.split.test == 0
    assert world_run(quick=True).training.max_steps < run.training.max_steps


def test_another_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="capacity is not studied on 'synthetic'"):
        capacity_set(quick_plan(tmp_path, "synthetic"))


def test_made_up_people_have_one_preset(tmp_path: Path) -> None:
    plan = replace(quick_plan(tmp_path, "subpopulations"), preset="best")
    with pytest.raises(UsageError, match="with preset ci alone, not with 'best'"):
        capacity_set(plan)
