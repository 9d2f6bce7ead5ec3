"""The seesaw on planted scores, beside a plain bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from habitus.errors import DataError, UsageError
from habitus.evaluation.bootstrap import decide
from habitus.evaluation.seesaw import METRICS, JudgedTask, SeesawTable
from habitus.metrics.arrays import Floats

SEEDS, RESAMPLES = 2, 300


def judged(name: str, gain: float, seed: int, number: int = 300) -> JudgedTask:
    """Return a task whose method ``many`` reads the answer better than the control by a gain."""
    random = np.random.default_rng(seed)
    y_B = (random.random(number) < 0.4).astype(float)
    noise_SB = random.standard_normal((SEEDS, number))
    scores = {"alone": y_B + noise_SB, "many": (1 + gain) * y_B + noise_SB, "same": y_B + noise_SB}
    users_B = np.sort(random.choice(1_000, number, replace=False))
    return JudgedTask(name, users_B, y_B, scores)


def amounts(name: str, gain: float, seed: int, number: int = 300) -> JudgedTask:
    """Return a task for numbers, half of them 0, that ``many`` reads better by a gain."""
    random = np.random.default_rng(seed)
    y_B = np.log1p(np.maximum(0, random.standard_normal(number)))
    noise_SB = random.standard_normal((SEEDS, number)) / 2
    scores = {"alone": y_B + noise_SB, "many": (1 + gain) * y_B + noise_SB}
    users_B = np.sort(random.choice(1_000, number, replace=False))
    return JudgedTask(name, users_B, y_B, scores, is_number=True)


def table() -> SeesawTable:
    tasks = [judged("up", 0.8, 0), judged("down", -0.6, 1), judged("flat", 0.0, 2)]
    return SeesawTable(tasks, "alone", RESAMPLES)


def auroc_of(y_B: Floats, scores_SB: Floats) -> float:
    return float(np.mean([roc_auc_score(y_B, scores_B) for scores_B in scores_SB]))


def test_who_gains_and_who_loses_by_hand() -> None:
    made = table()
    found = made.seesaw("many")
    assert found.below == ("down",)
    assert found.above == ("up",)
    assert found.worst == "down"
    assert found.share_below == pytest.approx(1 / 3)
    changes = []
    for task in made.tasks:
        ours, theirs = (auroc_of(task.y_B, task.scores[m]) for m in ("many", "alone"))
        difference = found.differences[task.name]
        assert difference.value == pytest.approx(ours - theirs, abs=1e-6)
        assert difference.low <= difference.value <= difference.high
        assert difference.verdict == decide(difference.low, difference.high)
        changes.append(ours / theirs - 1)
    # Δm: the mean over tasks of (m − control) / control.
    assert found.delta_m.value == pytest.approx(np.mean(changes), abs=1e-6)
    assert found.delta_m.low < found.delta_m.value < found.delta_m.high
    assert len(found.delta_m.seeds) == SEEDS


def test_a_control_against_itself_is_nothing() -> None:
    found = table().seesaw("same")
    assert found.below == found.above == ()
    assert found.share_below == 0
    for difference in found.differences.values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert found.delta_m.value == pytest.approx(0, abs=1e-15)
    assert (found.delta_m.low, found.delta_m.high) == (0, 0)


def test_intervals_are_those_of_a_plain_bootstrap() -> None:
    made = table()
    task = made.tasks[0]
    difference = made.seesaw("many").differences["up"]
    random, diffs = np.random.default_rng(7), []
    groups = [np.flatnonzero(task.y_B == label) for label in (0, 1)]
    for _ in range(200):
        rows = np.concatenate([random.choice(group, len(group)) for group in groups])
        ours, theirs = (
            auroc_of(task.y_B[rows], task.scores[m][:, rows]) for m in ("many", "alone")
        )
        diffs.append(ours - theirs)
    low, high = np.quantile(diffs, [0.025, 0.975])
    # Other draws: the ends move by a tenth of the width or so.
    assert difference.low == pytest.approx(low, abs=0.2 * (high - low))
    assert difference.high == pytest.approx(high, abs=0.2 * (high - low))


def test_the_mean_alone_would_hide_it() -> None:
    # One task gains more than another loses: Δm is above 0, and the table still names the loser.
    tasks = [judged("up", 0.8, 0), judged("down", -0.45, 1)]
    found = SeesawTable(tasks, "alone", RESAMPLES).seesaw("many")
    assert found.delta_m.low > 0
    assert found.below == ("down",)


def test_numbers_stand_beside_yes_or_no_each_by_its_own_metric() -> None:
    loss, gain = amounts("spent", -0.9, 0), amounts("lines", 2.0, 1)
    made = SeesawTable([judged("up", 0.8, 0), loss, gain], "alone", RESAMPLES)
    found = made.seesaw("many")
    assert (found.below, found.above, found.worst) == (("spent",), ("up", "lines"), "spent")
    changes = [auroc_of(made.tasks[0].y_B, made.tasks[0].scores["many"])]
    changes[0] = changes[0] / auroc_of(made.tasks[0].y_B, made.tasks[0].scores["alone"]) - 1
    for task in (loss, gain):
        ours, theirs = (
            float(np.mean([spearmanr(task.y_B, s_B).statistic for s_B in task.scores[m]]))
            for m in ("many", "alone")
        )
        difference = found.differences[task.name]
        assert difference.value == pytest.approx(ours - theirs, abs=1e-6)
        assert difference.low < difference.value < difference.high
        assert made.score(task.name, "many").value == pytest.approx(ours, abs=1e-6)
        changes.append(ours / theirs - 1)
    assert found.delta_m.value == pytest.approx(np.mean(changes), abs=1e-6)
    assert found.delta_m.low < found.delta_m.value < found.delta_m.high


def test_intervals_of_numbers_are_those_of_a_plain_bootstrap() -> None:
    task = amounts("spent", -0.6, 3)
    difference = SeesawTable([task], "alone", 1_000).seesaw("many").differences["spent"]
    random, diffs = np.random.default_rng(7), []
    for _ in range(300):
        rows = random.choice(len(task.y_B), len(task.y_B))
        ours, theirs = (
            np.mean([spearmanr(task.y_B[rows], s_B[rows]).statistic for s_B in task.scores[m]])
            for m in ("many", "alone")
        )
        diffs.append(ours - theirs)
    low, high = np.quantile(diffs, [0.025, 0.975])
    assert difference.low == pytest.approx(low, abs=0.2 * (high - low))
    assert difference.high == pytest.approx(high, abs=0.2 * (high - low))


def test_a_control_below_chance_has_no_relative_change() -> None:
    y_B = np.arange(30.0)
    scores = {"alone": -y_B[None], "many": y_B[None]}
    task = JudgedTask("one", np.arange(30), y_B, scores, is_number=True)
    found = SeesawTable([task], "alone", 50).seesaw("many")
    assert found.differences["one"].value == pytest.approx(2)
    assert np.isnan(found.delta_m.value)


@pytest.mark.parametrize("metric", ["auroc", "recall_at_85", "recall_at_50"])
def test_every_metric_has_a_table(metric: str) -> None:
    assert set(METRICS) == {"auroc", "recall_at_85", "recall_at_50", "spearman", "r_squared"}
    made = table()
    found = made.seesaw("many", metric)
    assert found.differences["up"].value > 0
    score = made.score("up", "many", metric)
    assert score.low < score.value < score.high
    assert len(score.seeds) == SEEDS


def test_a_control_of_zero_has_no_relative_change() -> None:
    y_B = np.array([1.0] * 20 + [0.0] * 20)
    upside_down = -y_B[None]
    task = JudgedTask("one", np.arange(40), y_B, {"alone": upside_down, "many": y_B[None]})
    found = SeesawTable([task], "alone", 50).seesaw("many")
    assert found.differences["one"].value == 1
    assert np.isnan(found.delta_m.value)
    assert np.isnan(found.delta_m.low)


def test_equal_seeds_give_equal_tables() -> None:
    assert table().seesaw("many") == table().seesaw("many")


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(DataError, match="a task or more"):
        SeesawTable([], "alone")
    task = judged("one", 0.0, 0)
    with pytest.raises(DataError, match="one has no scores of its control 'single'"):
        SeesawTable([task], "single")
    short = task._replace(scores={"alone": np.zeros((2, 3))})
    with pytest.raises(DataError, match=r"scores of alone are \(2, 3\), and 300 users"):
        SeesawTable([short], "alone")
    made = table()
    with pytest.raises(UsageError, match="no method 'manny'; did you mean 'many'"):
        made.seesaw("manny")
    with pytest.raises(UsageError, match="no metric is called 'auc'"):
        made.seesaw("many", "auc")
    with pytest.raises(UsageError, match="no task 'upp'; did you mean 'up'"):
        made.score("upp", "many")
