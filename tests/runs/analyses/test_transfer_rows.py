"""The rows of transfer: who learns where."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.evaluation.other_platform import OtherPlatform
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.platforms import platforms_of
from habitus.runs.analyses.transfer_rows import (
    ROWS,
    Sides,
    both_sides,
    curve_names,
    rows_of,
    shared_rows,
)
from habitus.tasks.classes import ClassAsked

PlanOf = Callable[..., AnalysisPlan]


@pytest.fixture(scope="module")
def sides(plan_of: PlanOf) -> Sides:
    plan = plan_of()
    return both_sides(plan, *platforms_of(plan))


def asked_of(sides: Sides, plan: AnalysisPlan) -> ClassAsked:
    """Return the plan's task, asked of users away."""
    users_B, y_B = plan.tasks[0].answers(sides.away_traces)
    part_B = CLASS_SPLIT.part_of(sides.away_traces.user_ids)[users_B]
    snapshots = [Snapshot(sides.away_traces, None, users_B[part_B == p]) for p in range(3)]
    classes = plan.tasks[0].config.classes
    labels = [y_B[part_B == p] for p in range(2)]
    return ClassAsked(
        "age", classes, snapshots[0], labels[0], snapshots[1], labels[1], snapshots[2]
    )


def test_each_platform_pre_trains_on_its_own_training_users(sides: Sides) -> None:
    for rows, traces, train in (
        (sides.home, sides.home_traces, sides.home_train),
        (sides.away, sides.away_traces, sides.away_train),
    ):
        assert rows.models[0].about["data"]["digest"] == traces.digest
        assert train.traces is traces
        assert train.users_U.tolist() == CLASS_SPLIT.rows(traces, "train").tolist()
    assert sides.home.models[0].digest != sides.away.models[0].digest


def test_every_row_answers(sides: Sides, plan_of: PlanOf) -> None:
    rows = {row.name: row for row in rows_of(sides)}
    assert list(rows) == ["tfidf_away", "ours_away", "head_away", "ours_home", "tfidf", "ours"]
    assert [name for name, row in rows.items() if row.group == "ours"] == ["ours"]
    asked = asked_of(sides, plan_of())
    for row in rows.values():
        if row.classifies is not None:
            said = row.classifies.classify(asked, 0)
            assert said.shape == (asked.test.num_users, 3)
            np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)
        else:
            assert row.represent is not None
            assert len(row.represent(asked.test)) == asked.test.num_users


def test_what_is_held_against_it_knows_the_platform_away(sides: Sides, plan_of: PlanOf) -> None:
    rows, test = {row.name: row for row in rows_of(sides)}, asked_of(sides, plan_of()).test
    for name, model in (("ours_away", sides.away.models[0]), ("head_away", sides.home.models[0])):
        represent = rows[name].represent
        assert represent is not None
        np.testing.assert_array_equal(represent(test), model.encode(test))


def test_what_goes_from_home_to_away_learns_at_home(sides: Sides) -> None:
    for row in shared_rows(sides, 1.0):
        assert isinstance(row.classifies, OtherPlatform)
        assert row.classifies.home is sides.home_traces
        assert not row.classifies.tests_at_home
    [home] = [row for row in rows_of(sides) if row.name == "ours_home"]
    assert isinstance(home.classifies, OtherPlatform)
    assert home.classifies.tests_at_home


def test_without_any_shared_word_all_users_away_look_alike(sides: Sides, plan_of: PlanOf) -> None:
    asked = asked_of(sides, plan_of())
    for row in shared_rows(sides, 0.0):
        assert row.classifies is not None
        said = row.classifies.classify(asked, 0)
        np.testing.assert_allclose(said, said[:1].repeat(len(said), axis=0), atol=1e-6)


def test_rows_of_a_share_have_names_of_their_own(sides: Sides) -> None:
    names = [row.name for share in (1.0, 0.5, 0.25) for row in shared_rows(sides, share)]
    assert len(set(names)) == 6
    assert set(ROWS) < set(names)
    assert names[2:4] == list(curve_names(0.5))[::-1] == ["tfidf_0.5", "ours_0.5"]
    assert [row.group for row in shared_rows(sides, 0.5)] == ["comparison", "comparison"]
