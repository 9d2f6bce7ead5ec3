"""Intervals, differences, strata and the mean over tasks."""

import numpy as np
import pytest

from habitus.data.traces import Traces
from habitus.evaluation import comparing
from habitus.evaluation.asked import AskedTask, ask
from habitus.evaluation.binary_table import TaskTable
from habitus.evaluation.bootstrap import holm, interval, metric_distribution, resample_counts
from habitus.evaluation.comparing import (
    Resampling,
    difference_entries,
    pairs_to_compare,
    summary_entries,
)
from habitus.evaluation.features import Method
from habitus.evaluation.predictions import Prediction
from habitus.random import numpy_generator
from habitus.reports import findings
from habitus.runs.model_rows import ENCODERS
from habitus.tasks.dated import DatedTask
from tests.evaluation.world import aisle, asked, method, parts, world

HOW = Resampling(num_resamples=400, num_resamples_beside=100)
METHODS = [method("noise", "control"), method("counts", "comparison"), method("ours")]
Predictions = dict[tuple[str, str], Prediction]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


@pytest.fixture(scope="module")
def tasks(traces: Traces) -> list[AskedTask]:
    return [ask(aisle(number), traces, parts(traces)) for number in range(3)]


def said(task: AskedTask, strength: float, seed: int) -> Prediction:
    """Two seeds of scores that know the answer to some degree."""
    random = np.random.default_rng(seed)
    noise_SB = random.random((2, len(task.test.y_B)))
    scores_SB = np.clip(strength * task.test.y_B + (1 - strength) * noise_SB, 0, 1)
    return Prediction("gbdt", scores_SB, {"gbdt": 0.5})


@pytest.fixture(scope="module")
def predictions(tasks: list[AskedTask]) -> Predictions:
    strengths = {"noise": 0.0, "counts": 0.3, "ours": 0.45}
    return {
        (task.name, name): said(task, strength, seed=i)
        for i, task in enumerate(tasks)
        for name, strength in strengths.items()
    }


@pytest.fixture(scope="module")
def tables(tasks: list[AskedTask], predictions: Predictions, traces: Traces) -> list[TaskTable]:
    made = [TaskTable(task, predictions, traces, HOW) for task in tasks]
    for table in made:
        for one in METHODS:
            table.cell(one)
    return made


def test_ours_is_held_against_all_others_and_two_of_ours_once() -> None:
    methods = [*METHODS, method("both")]
    assert pairs_to_compare(methods) == [
        ("ours", "noise"), ("ours", "counts"),
        ("both", "noise"), ("both", "counts"), ("both", "ours"),
    ]  # fmt: skip


def test_a_comparison_below_ours_in_the_table_is_held_against_too() -> None:
    assert pairs_to_compare(METHODS[::-1]) == [("ours", "counts"), ("ours", "noise")]


def test_differences_are_paired_and_corrected_over_tasks(tables: list[TaskTable]) -> None:
    entries = difference_entries(tables, METHODS)
    assert len(entries) == 2 * 3
    against_noise = [e for e in entries if e["against"] == "noise"]
    assert [e["p_holm"] for e in against_noise] == holm([e["p"] for e in against_noise])
    for entry in entries:
        table = next(t for t in tables if t.task.name == entry["task"])
        gap = table.main["ours"].value - table.main[entry["against"]].value
        assert entry["value"] == pytest.approx(gap)
        assert entry["low"] < entry["value"] < entry["high"]
    assert {e["verdict"] for e in against_noise} == {"better"}


def test_a_method_against_itself_is_a_tie(tasks: list[AskedTask], traces: Traces) -> None:
    one = said(tasks[0], 0.3, 0)
    same = {("aisle0", "a"): one, ("aisle0", "b"): one}
    methods: list[Method] = [method("a", "comparison"), method("b")]
    table = TaskTable(tasks[0], same, traces, HOW)
    for name in methods:
        table.cell(name)
    [entry] = difference_entries([table], methods)
    assert (entry["value"], entry["low"], entry["high"], entry["p"]) == (0, 0, 0, 1)
    assert entry["verdict"] == "tie"


def test_the_summary_is_the_mean_over_tasks(tables: list[TaskTable]) -> None:
    entries = summary_entries(tables, METHODS, HOW, "counts")
    by_name = {entry["method"]: entry for entry in entries}
    for one in METHODS:
        mean = np.mean([t.main[one.name].value for t in tables])
        assert by_name[one.name]["value"] == pytest.approx(mean)
        assert by_name[one.name]["low"] < mean < by_name[one.name]["high"]
    assert by_name["counts"]["against"] is None
    against = by_name["ours"]["against"]
    assert against["method"] == "counts"
    assert against["verdict"] == "better"
    gap = by_name["ours"]["value"] - by_name["counts"]["value"]
    assert against["value"] == pytest.approx(gap)


def test_users_are_drawn_jointly_over_tasks(
    tasks: list[AskedTask], predictions: Predictions, traces: Traces
) -> None:
    # three tasks that are one and the same are no more certain than two of them
    names = ["x", "y", "z"]
    same = [tasks[0]._replace(dated=aisle_named(name)) for name in names]
    said_same = {(name, "ours"): predictions["aisle0", "ours"] for name in names}
    tables = [TaskTable(task, said_same, traces, HOW) for task in same]
    for table in tables:
        table.cell(METHODS[2])
    many = summary_entries(tables, METHODS[2:], HOW, "counts")
    two = summary_entries(tables[:2], METHODS[2:], HOW, "counts")
    assert many == two


def test_the_mean_over_one_task_is_that_task(tables: list[TaskTable]) -> None:
    table = tables[0]
    entries = {e["method"]: e for e in summary_entries([table], METHODS, HOW, "counts")}
    for one in METHODS:
        found = table.main[one.name]
        entry = entries[one.name]
        assert (entry["value"], entry["low"], entry["high"]) == (found.value, found.low, found.high)
    rows = difference_entries([table], METHODS)
    [row] = [r for r in rows if (r["method"], r["against"]) == ("ours", "counts")]
    against = entries["ours"]["against"]
    assert [against[k] for k in ("value", "low", "high", "p")] == [
        row[k] for k in ("value", "low", "high", "p")
    ]


def test_ours_is_held_against_every_other_comparison_on_average(tables: list[TaskTable]) -> None:
    entries = {e["method"]: e for e in summary_entries(tables, METHODS, HOW, "absent")}
    # Noise is a control, and counts hold nothing against themselves.
    assert "beside" not in entries["counts"]
    [beside] = entries["ours"]["beside"]
    known = {e["method"]: e for e in summary_entries(tables, METHODS, HOW, "counts")}
    assert beside == known["ours"]["against"]
    # The reference is held against already.
    assert known["ours"]["beside"] == []


def test_ours_is_held_against_the_same_encoder_before_training(tables: list[TaskTable]) -> None:
    noise = METHODS[0].name
    told = {e["method"]: e for e in summary_entries(tables, METHODS, HOW, "absent")}["ours"]
    assert noise not in [row["method"] for row in told["beside"]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "BEFORE_TRAINING", (noise,))
        told = {e["method"]: e for e in summary_entries(tables, METHODS, HOW, "absent")}["ours"]
    means = [np.mean([t.main[name].value for t in tables]) for name in ("ours", noise)]
    [row] = [row for row in told["beside"] if row["method"] == noise]
    assert row["value"] == pytest.approx(means[0] - means[1])
    assert comparing.BEFORE_TRAINING == findings.BEFORE_TRAINING == tuple(ENCODERS)[:2]


def test_a_drawn_user_counts_in_the_tasks_that_asked_them(
    tasks: list[AskedTask], predictions: Predictions, traces: Traces
) -> None:
    whole, scores_SB = tasks[0], predictions["aisle0", "ours"].scores_SB
    late = slice(len(whole.test.y_B) // 2, None)
    some = whole.test._replace(users_B=whole.test.users_B[late], y_B=whole.test.y_B[late])
    half = whole._replace(dated=aisle_named("half"), test=some)
    said = {**predictions, ("half", "ours"): Prediction("gbdt", scores_SB[:, late], {})}
    tables = [TaskTable(task, said, traces, HOW) for task in (whole, half)]
    for table in tables:
        table.cell(METHODS[2])
    [entry] = summary_entries(tables, METHODS[2:], HOW, "counts")
    strata_U, generator = (
        np.zeros(len(whole.test.y_B)),
        numpy_generator(0, "bootstrap", "all tasks"),
    )
    counts_UR = resample_counts(strata_U, HOW.num_resamples, generator)
    all_R = metric_distribution("auroc", whole.test.y_B, scores_SB, counts_UR)
    half_R = metric_distribution("auroc", some.y_B, scores_SB[:, late], counts_UR[late])
    assert (entry["low"], entry["high"]) == pytest.approx(interval((all_R + half_R) / 2))


def aisle_named(name: str) -> DatedTask:
    return asked(name, kind="has", channel="aisle", values=["a0"])


def test_a_reference_that_is_not_there_is_nothing_to_hold_against(
    tables: list[TaskTable],
) -> None:
    entries = summary_entries(tables, METHODS, HOW, "absent")
    assert all(entry["against"] is None for entry in entries)


def test_a_method_that_lacks_a_task_is_compared_where_it_was_run(
    tasks: list[AskedTask], predictions: Predictions, traces: Traces
) -> None:
    tables = [TaskTable(task, predictions, traces, HOW) for task in tasks[:2]]
    for table, methods in zip(tables, (METHODS, METHODS[1:]), strict=True):
        for one in methods:
            table.cell(one)
    entries = difference_entries(tables, METHODS)
    pairs = [(e["task"], e["against"]) for e in entries]
    assert pairs == [("aisle0", "noise"), ("aisle0", "counts"), ("aisle1", "counts")]
    # one question was asked of noise, so nothing is corrected
    assert entries[0]["p_holm"] == entries[0]["p"]
    assert [e["method"] for e in summary_entries(tables, METHODS, HOW, "counts")] == [
        "counts",
        "ours",
    ]
