"""What is trained in the seesaw analysis, and how much of it."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitus.evaluation.features import Method
from habitus.probes.multi_task import MultiTaskConfig
from habitus.probes.task_answers import ManyLabelled
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import (
    CONTROL,
    WEIGHT_LABELS,
    Amounts,
    Row,
    _train,
    amounts_of,
    answer,
    rows_of,
    rows_of_both,
    with_numbers,
)
from tests.probes.many import many


def plan_at(root: Path, *, quick: bool) -> AnalysisPlan:
    return AnalysisPlan(
        data="complete_journey", root=root, show=lambda *_: None, card=str, quick=quick
    )


def test_every_head_has_its_control_first(tmp_path: Path) -> None:
    amounts, _ = amounts_of(plan_at(tmp_path, quick=False))
    rows = rows_of(amounts)
    assert len({row.label for row in rows}) == len(rows)
    for head in amounts.weights:
        names = [row.name for row in rows if row.head == head]
        assert names[:2] == [CONTROL, "fixed"]
    assert [row.name for row in rows if row.head == "mmoe"][1:] == list(WEIGHT_LABELS)
    assert [row.name for row in rows_of_both(amounts)] == [CONTROL, "fixed"]
    assert amounts.trials.seeds == (0, 1, 2, 3, 4)
    quick, _ = amounts_of(plan_at(tmp_path, quick=True))
    assert len(rows_of(quick)) < len(rows)
    assert quick.probe.max_epochs == 2


def test_without_torchjd_its_rows_are_left_out_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    amounts, (note,) = amounts_of(plan_at(tmp_path, quick=False))
    assert note.endswith("pip install 'habitus[multi_task]'): FAMO, PCGrad.")
    assert not {"famo", "pcgrad"} & {row.name for row in rows_of(amounts)}


def test_a_row_is_a_head_a_rate_and_weights() -> None:
    amounts = Amounts(probe=MultiTaskConfig(max_epochs=3))
    linear, searched = Row("linear", None), Row("ple", "bilevel")
    assert linear.config(amounts).weights == "fixed"
    assert linear.config(amounts).learning_rate == 3e-3
    config = searched.config(amounts)
    assert (config.head.head, config.weights, config.max_epochs) == ("ple", "bilevel", 3)
    assert config.learning_rate == amounts.probe.learning_rate
    assert (linear.label, searched.label) == ("linear towers, one task each", "PLE, bi-level AUC")


def three() -> ManyLabelled:
    rows = many(200)
    return rows._replace(y={"easy": rows.y["easy"], "rare": rows.y["rare"]})


def test_a_control_is_each_task_alone() -> None:
    config = MultiTaskConfig(max_epochs=2)
    train, valid, test_BD = three(), three(), many(20, seed=2).x_BD
    alone, facts = _train(config, Row("mmoe", None), train, valid, test_BD, 0)
    assert list(alone) == ["easy", "rare"]
    only, _ = _train(config, Row("mmoe", None), train.of("rare"), valid, test_BD, 0)
    np.testing.assert_array_equal(alone["rare"], only["rare"])
    together, told = _train(config, Row("mmoe", "fixed"), train, valid, test_BD, 0)
    assert not np.array_equal(alone["rare"], together["rare"])
    # Experts 4 (6 · 64 + 64), a router 6 · 4 + 4, a tower 64 · 32 + 32 + 32 + 1.
    experts, own = 1_792, 28 + 2_113
    assert facts["weights"] == 2 * (experts + own)
    assert told["weights"] == experts + 2 * own
    assert len(told["path"]) == told["epochs"] == 2
    assert "path" not in facts


def test_a_task_that_was_not_trained_has_no_cosine() -> None:
    rows = three()
    rows = rows._replace(y={"same": np.ones(200), **rows.y})
    _, told = _train(MultiTaskConfig(max_epochs=1), Row("mmoe", "fixed"), rows, rows, rows.x_BD, 0)
    assert told["cosines"][0] == [None, None, None]
    assert told["cosines"][1][1] == pytest.approx(1)


class Nobody:
    """Vectors that are asked for once only."""

    def __init__(self) -> None:
        self.times = 0

    def take(self, method: Method, cutoff: int, users_B: np.ndarray) -> np.ndarray:
        self.times += 1
        random = np.random.default_rng(cutoff)
        return random.standard_normal((len(users_B), 4)).astype(np.float32)


def test_scores_are_kept_and_stand_for_each_seed(tmp_path: Path) -> None:
    from habitus.data.split import UserSplit
    from habitus.evaluation.asked import ask
    from habitus.evaluation.asked_together import AskedTogether
    from habitus.runs.analyses.seesaw_sets import tasks_of
    from tests.runs.analyses.seesaw_world import seesaw_plan

    plan = seesaw_plan(tmp_path, 200)
    split = UserSplit()
    users = {part: split.rows(plan.traces, part) for part in ("train", "valid", "test")}
    every = tasks_of("synthetic", plan.traces)
    tasks = [*every[:2], every[-1]]
    asked = [ask(t, plan.traces, users, min_positive=1) for t in tasks]  # type: ignore[arg-type]
    together = AskedTogether(asked)
    amounts = with_numbers(amounts_of(plan)[0], asked)
    assert amounts.probe.regression == ("events",)
    amounts = replace(amounts, trials=replace(amounts.trials, seeds=(0, 1)), num_components=3)
    method = Method(
        name="m",
        label="m",
        group="ours",
        description="",
        fingerprint="f",
        represent=lambda snapshot: np.zeros((snapshot.num_users, 4), np.float32),
    )
    rows = [Row("linear", None), Row("linear", "fixed")]
    store = Nobody()
    found = answer(plan, method, together, store, amounts, rows)  # type: ignore[arg-type]
    times = store.times
    assert found.scores.keys() == {("linear", CONTROL), ("linear", "fixed")}
    for of_tasks in found.scores.values():
        for name, scores_SB in of_tasks.items():
            assert scores_SB.shape == (2, len(together.tasks[name].test.y_B))
            assert np.isfinite(scores_SB).all()
    again = answer(plan, method, together, store, amounts, rows)  # type: ignore[arg-type]
    assert store.times == times
    np.testing.assert_array_equal(
        again.scores["linear", "fixed"]["taste_1"], found.scores["linear", "fixed"]["taste_1"]
    )
    assert again.facts == found.facts
