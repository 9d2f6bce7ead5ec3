"""A planted funnel: three steps, each with its own cause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from habitus.evaluation.asked import Answers, AskedTask
from habitus.evaluation.asked_together import AskedTogether
from habitus.evaluation.features import Method
from habitus.metrics.funnel import funnel_answers
from habitus.probes.multi_task import MultiTaskConfig
from habitus.runs.analyses import AnalysisPlan
from habitus.runs.analyses.seesaw_funnel import (
    Funnel,
    _steps,
    _wholes,
    funnel,
    funnel_finding,
    funnel_table,
)
from habitus.runs.analyses.seesaw_rows import Amounts

NAMES = ("sent", "used", "again")
NAN = np.nan


def vectors(users_B: np.ndarray) -> np.ndarray:
    every = np.random.default_rng(0).standard_normal((2_000, 5))
    return np.asarray(every[users_B], np.float32)


def passed(users_B: np.ndarray) -> np.ndarray:
    """Return the answers of a funnel whose step k follows number k of the vector."""
    chance = np.random.default_rng(1).random((2_000, 3))[users_B]
    odds_BK = 2 * vectors(users_B)[:, :3] + np.array([0.0, 0.5, 0.0])
    return funnel_answers((chance < 1 / (1 + np.exp(-odds_BK))).astype(float))


class Store:
    """Made-up vectors."""

    def take(self, method: Method, cutoff: int, users_B: np.ndarray) -> np.ndarray:
        return vectors(users_B)


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def to_dict(self) -> dict[str, str]:
        return {"name": self.name}


@pytest.fixture(scope="module")
def together() -> AskedTogether:
    parts = [np.arange(1_200), np.arange(1_200, 1_500), np.arange(1_500, 2_000)]
    tasks = []
    for k, name in enumerate(NAMES):
        answers = []
        for users_B in parts:
            y_B = passed(users_B)[:, k]
            known = ~np.isnan(y_B)
            answers.append(Answers(7, users_B[known], y_B[known]))
        dated: Any = Named(name)
        tasks.append(AskedTask(dated, (answers[0],), (answers[1],), answers[2]))
    return AskedTogether(tasks)


@pytest.fixture(scope="module")
def found(together: AskedTogether, tmp_path_factory: pytest.TempPathFactory) -> Funnel:
    plan = AnalysisPlan(
        data="synthetic", root=tmp_path_factory.mktemp("f"), show=lambda *_: None, card=str
    )
    traces: Any = type("Traces", (), {"digest": "d"})
    plan.__dict__["source"] = (traces, ())
    method = Method(
        name="m",
        label="m",
        group="ours",
        description="",
        fingerprint="f",
        represent=lambda snapshot: vectors(snapshot.users_U),
    )
    probe = MultiTaskConfig(max_epochs=25, learning_rate=3e-3, batch_size=128)
    amounts = Amounts(num_components=5, probe=probe)
    amounts = replace(amounts, trials=replace(amounts.trials, seeds=(0, 1)))
    store: Any = Store()
    one, again = (funnel(plan, method, together, store, amounts) for _ in range(2))
    np.testing.assert_array_equal(one.step_SBK, again.step_SBK)
    return one


def test_rates_and_ranks_of_every_step(found: Funnel) -> None:
    table = funnel_table("habitus", NAMES, found, np.arange(1_500, 2_000), 200)
    assert [row[0] for row in table["rows"]] == list(NAMES)
    truth_BK = passed(np.arange(1_500, 2_000))
    for k, row in enumerate(table["rows"]):
        assert len(row) == len(table["columns"])
        asked = ~np.isnan(truth_BK[:, k])
        assert row[1] == asked.sum()
        assert row[2] == pytest.approx(np.nanmean(truth_BK[:, k]), abs=1e-4)
        # What is predicted of a step is near what was observed, and so is the product.
        assert row[3] == pytest.approx(row[2], abs=0.08)
        assert row[5] == pytest.approx((truth_BK[:, : k + 1] == 1).all(axis=1).mean(), abs=1e-4)
        assert row[6] == pytest.approx(row[5], abs=0.08)
        assert row[4]["value"] > 0.75
        assert row[8]["value"] > 0.75
    # Of the first step both networks learn the same, so the product is nothing but it.
    assert table["rows"][0][5] == table["rows"][0][2]


def test_answers_of_both_networks() -> None:
    y = {"a": np.array([1.0, 1, 0, 0]), "b": np.array([1.0, 0, NAN, NAN])}
    part: Any = type("Part", (), {"y": y})
    np.testing.assert_array_equal(_steps(part)["b"], [1, 0, NAN, NAN])
    np.testing.assert_array_equal(_wholes(part)["b"], [1, 0, 0, 0])
    np.testing.assert_array_equal(_wholes(part)["a"], y["a"])


def test_rates_by_hand() -> None:
    answer_BK = np.array([[0.0, NAN]] * 30 + [[1.0, 1.0]] * 10 + [[1.0, 0.0]] * 10)
    said = np.full((1, 50, 2), 0.5)
    table = funnel_table("x", NAMES[:2], Funnel(answer_BK, said, said), np.arange(50), 50)
    # 20 of 50 came to the second step, 10 passed it; the product says ½ · ½.
    assert table["rows"][1][1:4] == [20, 0.5, 0.5]
    assert table["rows"][1][5:8] == [0.2, 0.25, 0.5]
    sentence = funnel_finding("x", table)
    assert "up to used (20 test users asked): the step has a rate of 0.5" in sentence
    assert "the whole has 0.2, the product of the steps says 0.25" in sentence
    assert sentence.endswith("ahead by .000 [.000, .000].")
