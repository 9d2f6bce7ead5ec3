"""How towers are trained is chosen without a look at who is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.comparisons.base import Matrix
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.next_item import VectorMethod
from habitus.evaluation.next_item_asked import AskedItems
from habitus.probes.two_tower import TwoTowerConfig
from habitus.runs.analyses import ANALYSES, AnalysisPlan
from habitus.runs.analyses.next_item_rows import quick_towers
from habitus.runs.analyses.next_item_sets import SETS, TOWERS, questions_of
from habitus.runs.analyses.towers import SETTINGS, findings, score, table, towers
from habitus.runs.steps import Json
from tests.runs.analyses.synthetic_shops import synthetic_shops


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return synthetic_shops(tmp_path_factory.mktemp("shops") / "traces")


def test_the_page_holds_every_setting(
    traces: Traces, tmp_path: Path, checked: Callable[[Json], Json]
) -> None:
    plan = AnalysisPlan(
        data="synthetic", root=tmp_path, show=lambda *_: None, card=lambda _: "card", quick=True
    )
    plan.__dict__["source"] = (traces, ("Made up.",))
    results = checked(towers(plan))
    [scores] = results["tables"]
    assert {row[0] for row in scores["rows"]} == set(SETTINGS)
    means = [row[1] for row in scores["rows"]]
    assert means == sorted(means, reverse=True)
    assert scores["columns"][2:] == [
        f"{service}, {kind}"
        for service in ("service-0", "service-1")
        for kind in ("TF-IDF/SVD", "warm start")
    ]
    assert ANALYSES["towers"] is towers


def test_who_is_tested_is_not_read(traces: Traces) -> None:
    asked = questions_of(traces, SETS["synthetic"], quick=True)[0]
    read: list[Snapshot] = []

    def users(_: AskedItems, history: Snapshot, seed: int) -> Matrix:
        read.append(history)
        drawn = np.random.default_rng(seed).normal(size=(history.num_users, 4))
        return np.asarray(drawn, np.float32)

    def items(asked: AskedItems, seed: int) -> Matrix:
        drawn = np.random.default_rng(seed).normal(size=(len(asked.catalogue_I), 3))
        return np.asarray(drawn, np.float32)

    settings = quick_towers(TwoTowerConfig(loss="softmax"))
    method = VectorMethod(
        name="x", label="X", group="control", users=users, items=items, towers=settings
    )
    nobody: Any = None
    broken = replace(asked, test=nobody)
    found = score(method, broken, 2)
    expected = [method.train(asked, seed).valid_score for seed in range(2)]
    assert found == pytest.approx(sum(expected) / 2)
    assert expected[0] != expected[1]
    known = {id(part.history) for part in (*asked.train, asked.valid)}
    assert {id(history) for history in read} <= known


def test_findings_name_the_best_and_the_place_of_ours() -> None:
    scores = {name: [0.1 * place, 0.3 * place] for place, name in enumerate(SETTINGS)}
    [ours] = [name for name, setting in SETTINGS.items() if setting == (TOWERS, True)]
    best, used = findings(scores, TOWERS)
    last = list(SETTINGS)[-1]
    # The last of eight has (.7 + 2.1) / 2.
    assert best == f"Best on validation users: {last} (1.4000)."
    place = len(SETTINGS) - list(SETTINGS).index(ours)
    assert used.endswith(f", place {place} of {len(SETTINGS)}.")
    assert [row[0] for row in table(scores, ["a", "b"])["rows"]] == list(SETTINGS)[::-1]
