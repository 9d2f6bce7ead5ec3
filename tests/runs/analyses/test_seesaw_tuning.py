"""Fine-tuning at cutoffs: rows are people as known then, and every trunk has its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from habitus.data.snapshot import Snapshot
from habitus.data.split import UserSplit
from habitus.errors import UsageError
from habitus.evaluation.asked import ask
from habitus.evaluation.asked_together import AskedTogether
from habitus.representations.model import Model
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.seesaw_rows import amounts_of
from habitus.runs.analyses.seesaw_sets import tasks_of
from habitus.runs.analyses.seesaw_tuning import TUNINGS, row_batches, tuning_table
from tests.runs.analyses.seesaw_world import seesaw_plan
from tests.small import small_run


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> AnalysisPlan:
    return seesaw_plan(tmp_path_factory.mktemp("tuning"), 200)


@pytest.fixture(scope="module")
def model(plan: AnalysisPlan) -> Model:
    return small_run(split=UserSplit(), as_of="2023-06-01").build(plan.traces)[0]


@pytest.fixture(scope="module")
def together(plan: AnalysisPlan) -> AskedTogether:
    split = UserSplit()
    users = {part: split.rows(plan.traces, part) for part in ("train", "valid", "test")}
    every = tasks_of("synthetic", plan.traces)
    tasks = [*every[:2], every[-1]]
    return AskedTogether([ask(t, plan.traces, users, min_positive=1) for t in tasks])  # type: ignore[arg-type]


def test_a_row_is_the_user_as_known_at_its_cutoff(
    plan: AnalysisPlan, model: Model, together: AskedTogether
) -> None:
    part = together.train
    places = np.random.default_rng(0).permutation(len(part.user_B))[:40]
    z_RD = np.empty((40, model.representation_dim), np.float32)
    seen = []
    for rows_R, batch in row_batches(model, plan.traces, part)(places):
        with torch.no_grad():
            z_RD[rows_R] = model.encoder(batch).z_UD.numpy()
        seen += rows_R.tolist()
    assert sorted(seen) == list(range(40))
    for place, z_D in zip(places, z_RD, strict=True):
        alone = Snapshot(plan.traces, int(part.cutoff_B[place]), part.user_B[place : place + 1])
        np.testing.assert_allclose(model.encode(alone)[0], z_D, atol=1e-4)


def test_every_trunk_has_its_row_and_is_kept(
    plan: AnalysisPlan, model: Model, together: AskedTogether
) -> None:
    amounts, _ = amounts_of(plan)
    table = tuning_table(plan, model, together, amounts, 100)
    assert [row[0] for row in table["rows"]] == [
        *(how.label for how in TUNINGS.values()),
        "trunk at a tenth of the rate, less frozen",
        "trunk at the full rate, less frozen",
        "bi-level AUC, less equal weights",
    ]
    for row in table["rows"]:
        assert len(row) == len(table["columns"]) == 5
    assert table["columns"][1:] == ["mean AUROC", "taste_1", "taste_2", "events (ρ)"]
    for row, ours, theirs in ((4, 1, 0), (5, 2, 0), (6, 3, 2)):
        for column in (2, 3, 4):
            found = [table["rows"][place][column]["value"] for place in (row, ours, theirs)]
            assert found[0] == pytest.approx(found[1] - found[2], abs=1e-6)
    # The search keeps some users back, and weighs the tasks otherwise.
    assert any(table["rows"][6][column]["value"] != 0 for column in (2, 3, 4))
    assert tuning_table(plan, model, together, amounts, 100) == table


def test_another_kind_of_model_is_told(plan: AnalysisPlan, together: AskedTogether) -> None:
    other: Any = type("Other", (), {"encoding": None})
    with pytest.raises(UsageError, match="only channel encoders"):
        row_batches(other, plan.traces, together.train)


def test_the_tuning_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    from dataclasses import replace

    from habitus.runs.analyses.seesaw import seesaw

    plan = seesaw_plan(tmp_path)
    tuned = replace(plan, fine_tune=True)
    tuned.__dict__["source"] = plan.source
    titles = [table["title"] for table in seesaw(tuned)["tables"]]
    assert titles[-1] == "Fine-tuning on all tasks at once"
