from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from habitus.data.split import Cutoffs
from habitus.evaluation.asked import Answers, AskedTask
from habitus.evaluation.asked_together import AskedTogether
from habitus.metrics import recall_at_precision
from habitus.metrics.arrays import Floats
from habitus.runs.analyses.ple_table import LABELS, PleTable
from habitus.tasks.base import TaskConfig
from habitus.tasks.dated import DatedTask
from habitus.tasks.inactive import Inactive

RANDOM = np.random.default_rng(0)


def asked(name: str, users: list[int]) -> AskedTask:
    """Return a task whose test users are these; a third of them say yes."""
    config = TaskConfig(name=name, question="Is it?", horizon_days=30)
    cutoffs = Cutoffs(first="2023-01-01", test="2023-03-01", horizon_days=30)
    answers = Answers(cutoffs.test_time, np.array(users), (np.arange(len(users)) % 3 == 0) * 1.0)
    return AskedTask(
        DatedTask(task=Inactive(config), cutoffs=cutoffs), (answers,), (answers,), answers
    )


@pytest.fixture(scope="module")
def together() -> AskedTogether:
    return AskedTogether([asked("a", list(range(90))), asked("b", list(range(60, 240)))])


@pytest.fixture(scope="module")
def scores(together: AskedTogether) -> dict[str, dict[str, Floats]]:
    good, noise = {}, {}
    for name, task in together.tasks.items():
        noise[name] = RANDOM.normal(size=(3, len(task.test.y_B)))
        good[name] = noise[name][:2] + 2 * task.test.y_B
    return {"good": good, "noise": noise}


@pytest.fixture(scope="module")
def table(together: AskedTogether, scores: dict[str, dict[str, Floats]]) -> PleTable:
    return PleTable(together, scores, 400)


def test_a_mean_over_tasks_and_seeds(
    table: PleTable, together: AskedTogether, scores: dict[str, dict[str, Floats]]
) -> None:
    y = {name: task.test.y_B for name, task in together.tasks.items()}
    by_seed = [
        np.mean([roc_auc_score(y[name], scores["good"][name][s]) for name in y]) for s in (0, 1)
    ]
    found = table.estimate("good")
    assert found.seeds == pytest.approx(tuple(by_seed))
    assert found.value == pytest.approx(np.mean(by_seed))
    assert found.low < found.value < found.high
    recall = np.mean(
        [[recall_at_precision(y[n], s_B, 0.5) for s_B in scores["good"][n]] for n in y]
    )
    assert table.estimate("good", "recall_at_50").value == pytest.approx(recall, abs=1e-6)


def test_differences_are_paired(table: PleTable) -> None:
    ahead = table.difference("good", "noise")
    assert ahead.verdict == "better"
    assert ahead.value == pytest.approx(
        table.estimate("good").value - table.estimate("noise").value
    )
    same = table.difference("noise", "noise")
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert table.difference("noise", "good").verdict == "worse"


def test_a_resample_weighs_the_same_person_alike_in_every_task(
    table: PleTable, together: AskedTogether, scores: dict[str, dict[str, Floats]]
) -> None:
    _, dist_R = table._found("good", "auroc")
    for r in (0, 17, 399):
        often = dict(zip(range(240), table._counts_UR[:, r], strict=True))
        expected = []
        for name, task in together.tasks.items():
            weight_B = [often[user] for user in task.test.users_B.tolist()]
            expected += [
                roc_auc_score(task.test.y_B, s_B, sample_weight=weight_B)
                for s_B in scores["good"][name]
            ]
        assert dist_R[r] == pytest.approx(np.mean(expected), abs=1e-5)


def test_people_of_two_tasks_are_drawn_together(table: PleTable) -> None:
    assert table._users_U.tolist() == list(range(240))
    assert table._counts_UR.sum(axis=0).tolist() == [240] * 400
    assert list(LABELS.values()) == ["AUC", "R@P85", "R@P50"]
