"""The whole evaluation on a small world."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.comparisons.random_guess import RandomGuess
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.features import comparison_method, concatenated, control_methods
from habitus.evaluation.harness import EvaluationPlan, evaluate
from habitus.evaluation.predictions import ProbeTrials
from habitus.reports import check_results
from habitus.tasks import number_task_from_config
from tests.evaluation.world import (
    SPLIT,
    TEST,
    Shares,
    aisle,
    asked,
    inactive,
    method,
    parts,
    sensitive,
    world,
)

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def plan_of(traces: Traces, **changes: Any) -> EvaluationPlan:
    train = Snapshot(traces, TEST, SPLIT.rows(traces, "train"))
    controls, ours = control_methods(train, SEEDS), method("ours")
    both = concatenated("both", "both", "ours", "x", ours, controls[-1])
    plan = EvaluationPlan(
        traces=traces,
        tasks=[inactive(), aisle(1)],
        methods=[*controls, ours, both],
        split=SPLIT,
        trials=ProbeTrials(seeds=SEEDS),
        resampling=Resampling(num_resamples=200, num_resamples_beside=100),
    )
    return replace(plan, **changes)


@pytest.fixture(scope="module")
def found(traces: Traces) -> dict[str, Any]:
    return evaluate(plan_of(traces))


def score(found: dict[str, Any], task: str, name: str) -> dict[str, Any]:
    [cell] = [c for c in found["cells"] if (c["task"], c["method"]) == (task, name)]
    auroc: dict[str, Any] = cell["metrics"]["auroc"]
    return auroc


def test_every_task_and_method_has_a_cell(found: dict[str, Any]) -> None:
    pairs = [(c["task"], c["method"]) for c in found["cells"]]
    names = ["majority", "random_vectors", "aggregates", "ours", "both"]
    assert pairs == [(task, name) for task in ("inactive", "aisle1") for name in names]


def test_the_scores_are_what_the_world_planted(found: dict[str, Any]) -> None:
    for task in ("inactive", "aisle1"):
        assert score(found, task, "majority")["value"] == 0.5
        # about 72 test users, a third of them yes: standard error by chance .08
        assert abs(score(found, task, "random_vectors")["value"] - 0.5) < 3 * 0.08
        assert len(score(found, task, "ours")["seeds"]) == 2
    for name in ("ours", "aggregates", "both"):
        assert score(found, "aisle1", name)["value"] > 0.5 + 3 * 0.08


def test_the_results_fit_the_report(found: dict[str, Any], traces: Traces) -> None:
    from habitus.evaluation.results import data_entry, plain

    extra = {"title": "x", "created": "x", "data": plain(data_entry(traces, "x"))}
    check_results({**found, **extra})
    json.dumps(found, allow_nan=False)


def test_methods_are_described(found: dict[str, Any]) -> None:
    described = {m["name"]: m for m in found["methods"]}
    assert described["majority"]["representation_dim"] is None
    assert described["majority"]["probes"] == []
    assert described["ours"]["representation_dim"] == 6
    width = described["aggregates"]["representation_dim"]
    assert described["both"]["representation_dim"] == 6 + width
    assert described["both"]["probes"] == ["logistic", "gbdt"]


def test_progress_ends_where_it_said(traces: Traces) -> None:
    seen: list[tuple[int, int]] = []
    plan = plan_of(traces, progress=lambda done, total, _: seen.append((done, total)))
    evaluate(plan)
    done = [d for d, _ in seen]
    assert done == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}


def test_two_threads_give_the_results_of_one(found: dict[str, Any], traces: Traces) -> None:
    assert evaluate(plan_of(traces, threads=1)) == found


def test_an_evaluation_goes_on_where_it_stopped(
    found: dict[str, Any], traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(traces, cache=tmp_path / "cache", threads=1)

    def stop(_: int, __: int, what: str) -> None:
        if what == "inactive: ours":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(replace(plan, progress=stop))
    kept = list((tmp_path / "cache" / "predictions").glob("*.json"))
    assert kept
    times = {file: file.stat().st_mtime_ns for file in kept}
    assert evaluate(plan) == found
    assert {file: file.stat().st_mtime_ns for file in kept} == times
    assert len(list((tmp_path / "cache" / "predictions").glob("*.json"))) == 10

    def never(*_: object) -> None:
        raise AssertionError("it was kept")

    monkeypatch.setattr("habitus.evaluation.harness.predict", never)
    assert evaluate(plan) == found


def test_other_vectors_are_not_taken_from_the_cache(traces: Traces, tmp_path: Path) -> None:
    class Zero(Shares):
        def represent(self, snapshot: Snapshot) -> np.ndarray:
            return np.zeros((snapshot.num_users, 2), np.float32)

    plan = plan_of(traces, tasks=[aisle(1)], methods=[method("ours")], cache=tmp_path)
    before = score(evaluate(plan), "aisle1", "ours")
    other = replace(method("ours", made=Zero()), fingerprint="other")
    after = score(evaluate(replace(plan, methods=[other])), "aisle1", "ours")
    assert before["value"] > after["value"] == 0.5


def test_a_task_that_tells_nothing_apart_is_left_out_with_a_note(traces: Traces) -> None:
    bird = asked("bird", kind="has", channel="aisle", values=["bird"])
    found = evaluate(plan_of(traces, tasks=[bird, aisle(1)], methods=[method("ours")]))
    assert [task["name"] for task in found["tasks"]] == ["aisle1"]
    assert found["notes"] == [note for note in found["notes"] if "'bird' is left out" in note]
    assert len(found["notes"]) == 1


def test_what_a_method_must_say_stands_in_the_notes_once(traces: Traces) -> None:
    told = replace(method("ours"), notes=("a control of ours is left out: no traces",))
    both = concatenated("both", "both", "ours", "x", told, method("more"))
    found = evaluate(plan_of(traces, tasks=[aisle(1)], methods=[told, both]))
    assert found["notes"] == ["a control of ours is left out: no traces"]


def test_no_task_left_is_an_error(traces: Traces) -> None:
    bird = asked("bird", kind="has", channel="aisle", values=["bird"])
    with pytest.raises(GuardError, match=r"no task is left to evaluate: .*'bird'"):
        evaluate(plan_of(traces, tasks=[bird]))


def test_sensitive_tasks_are_stopped_before_anything_is_computed(traces: Traces) -> None:
    made = Shares()
    plan = plan_of(traces, tasks=[sensitive(), aisle(1)], methods=[method(made=made)])
    with pytest.raises(GuardError, match="taste: these tasks profile sensitive traits"):
        evaluate(plan)
    assert not made.calls
    allowed = evaluate(replace(plan, allow_sensitive=True))
    assert [t["sensitive"] for t in allowed["tasks"]] == [True, False]


def test_questions_for_numbers_are_asked_elsewhere(traces: Traces) -> None:
    entry = {"kind": "total", "name": "n", "question": "How much?", "horizon_days": 30}
    numbers = replace(inactive(), task=number_task_from_config(entry))
    with pytest.raises(UsageError, match=r"^n: an evaluation asks yes or no.*analyze seesaw"):
        evaluate(plan_of(traces, tasks=[numbers, aisle(1)]))


def test_names_stand_once(traces: Traces) -> None:
    with pytest.raises(UsageError, match="two methods are called 'ours'"):
        evaluate(plan_of(traces, methods=[method("ours"), method("ours")]))
    with pytest.raises(UsageError, match="two tasks are called 'inactive'"):
        evaluate(plan_of(traces, tasks=[inactive(), inactive()]))


@pytest.mark.parametrize(
    "change", [{"tasks": []}, {"methods": []}, {"trials": ProbeTrials(seeds=())}]
)
def test_nothing_to_do_is_an_error(change: dict[str, Any], traces: Traces) -> None:
    with pytest.raises(UsageError, match="at least one"):
        evaluate(plan_of(traces, **change))


def test_no_user_id_is_in_the_results(found: dict[str, Any], traces: Traces) -> None:
    text = json.dumps(found)
    assert not [user for user in traces.user_ids.to_pylist() if f'"{user}"' in text]
    assert found["split"]["test"] == len(parts(traces)["test"])


def test_a_method_that_answers_class_tasks_only_is_no_method_here(traces: Traces) -> None:
    guess = comparison_method(RandomGuess(), "control", "x", "x")
    with pytest.raises(UsageError, match="'random_guess' answers class tasks only"):
        evaluate(plan_of(traces, methods=[guess]))
