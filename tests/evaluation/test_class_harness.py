"""The whole evaluation of class tasks on a small world."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_traces
from habitus.errors import GuardError
from habitus.evaluation.class_asked import ask_classes
from habitus.evaluation.class_harness import evaluate_classes
from habitus.evaluation.class_predictions import predict_classes
from habitus.evaluation.class_table import scores
from habitus.evaluation.features import concatenated, control_methods
from habitus.evaluation.results import data_entry, plain
from habitus.reports import check_results
from habitus.tasks import class_task_from_config
from habitus.tasks.classes import ClassAsked
from tests.evaluation.class_world import (
    TRIALS,
    Knows,
    knower,
    later,
    other_half,
    plan_of,
    store_for,
    taste,
)
from tests.evaluation.world import SPLIT, Shares, method, world

NAMES = ["majority", "random_guess", "knows", "ours"]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


@pytest.fixture(scope="module")
def found(traces: Traces) -> dict[str, Any]:
    return evaluate_classes(plan_of(traces))


def cell(found: dict[str, Any], task: str, name: str) -> dict[str, Any]:
    [one] = [c for c in found["cells"] if (c["task"], c["method"]) == (task, name)]
    return dict(one)


def test_every_task_and_method_has_a_cell(found: dict[str, Any]) -> None:
    pairs = [(c["task"], c["method"]) for c in found["cells"]]
    assert pairs == [(task, name) for task in ("taste", "later") for name in NAMES]
    assert found["protocol"] == "strict-inductive"
    assert (found["seeds"], found["split_seeds"]) == ([0, 1], [1, 2])
    assert found["notes"] == []


def test_the_scores_are_what_the_world_planted(found: dict[str, Any]) -> None:
    # about 72 test users: standard error of a share of .33 by chance .055
    assert cell(found, "taste", "random_guess")["metrics"]["accuracy"]["value"] == pytest.approx(
        1 / 3
    )
    knows = cell(found, "taste", "knows")["metrics"]["accuracy"]["value"]
    # four of five are known, of the others a third are guessed
    assert knows == pytest.approx(0.8 + 0.2 / 3, abs=3 * 0.055)
    ours = cell(found, "taste", "ours")["metrics"]["macro_f1"]
    assert ours["value"] > 1 / 3 + 3 * 0.055
    assert len(ours["seeds"]) == 2
    assert {d["verdict"] for d in found["differences"] if d["against"] == "majority"} == {"better"}


def test_a_random_split_is_one_fit_on_its_own_users(found: dict[str, Any], traces: Traces) -> None:
    for place, seed in enumerate(TRIALS.split_seeds):
        asked = ask_classes(taste(), traces, traces, replace(SPLIT, seed=seed), min_per_class=3)
        made = predict_classes(asked, method("ours"), store_for(asked), TRIALS, place)
        want = scores(asked.test.y_B, made)
        assert cell(found, "taste", "ours")["splits"][str(seed)] == pytest.approx(want)


def test_the_results_fit_the_report(found: dict[str, Any], traces: Traces) -> None:
    extra = {"title": "x", "created": "x", "data": plain(data_entry(traces, "x"))}
    check_results({**found, **extra})
    json.dumps(found, allow_nan=False)


def test_tasks_and_methods_are_described(found: dict[str, Any]) -> None:
    task = found["tasks"][0]
    assert task["classes"] == ["a0", "a1", "a2"]
    assert task["main_score"] == "macro_f1"
    assert sum(task["class_shares_test"]) == pytest.approx(1)
    assert task["base_rate_test"] == max(task["class_shares_test"])
    assert [t["test_cutoff"] for t in found["tasks"]] == ["the end", "2020-06-01"]
    described = {m["name"]: m for m in found["methods"]}
    assert [described["ours"][k] for k in ("representation_dim", "probes")] == [6, ["multinomial"]]
    assert [described["knows"][k] for k in ("representation_dim", "probes")] == [None, []]


def test_controls_and_joined_vectors_are_methods_as_ever(traces: Traces) -> None:
    train = Snapshot(traces, "2020-06-01", SPLIT.rows(traces, "train"))
    controls = control_methods(train, (0, 1))
    both = concatenated("both", "both", "ours", "x", method("ours"), controls[-1])
    plan = plan_of(traces, tasks=[later()], methods=[*controls, both], reference="aggregates")
    found = evaluate_classes(plan)
    names = ["majority", "random_guess", "random_vectors", "aggregates", "both"]
    assert [m["name"] for m in found["methods"]] == names
    [both_mean] = [s for s in found["summary"] if s["method"] == "both"]
    assert both_mean["against"]["method"] == "aggregates"


def test_a_held_out_half_is_held_out(traces: Traces) -> None:
    seen: list[Snapshot] = []

    class Looks(Shares):
        def represent(self, snapshot: Snapshot) -> np.ndarray:
            seen.append(snapshot)
            return super().represent(snapshot)

    plan = plan_of(traces, tasks=[other_half(), taste()], methods=[method(made=Looks())])
    found = evaluate_classes(plan)
    assert [t["part"] for t in found["tasks"]] == ["first", "all"]
    half, whole = sorted(s.traces.num_events for s in seen)
    assert half < 0.6 * whole
    assert whole == traces.num_events


def test_progress_ends_where_it_said(traces: Traces) -> None:
    seen: list[tuple[int, int]] = []
    plan = plan_of(traces, progress=lambda done, total, _: seen.append((done, total)))
    evaluate_classes(plan)
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {total for _, total in seen} == {len(seen)}


def test_two_threads_give_the_results_of_one(found: dict[str, Any], traces: Traces) -> None:
    assert evaluate_classes(plan_of(traces, threads=1)) == found


def test_an_evaluation_goes_on_where_it_stopped(
    found: dict[str, Any], traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(traces, cache=tmp_path / "cache", threads=1)

    def stop(_: int, __: int, what: str) -> None:
        if what == "later: ours":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_classes(replace(plan, progress=stop))
    folder = tmp_path / "cache" / "predictions"
    times = {file: file.stat().st_mtime_ns for file in folder.glob("*.json")}
    assert times
    assert evaluate_classes(plan) == found
    assert {file: file.stat().st_mtime_ns for file in times} == times
    # two tasks, four methods, two seeds and two splits
    assert len(list(folder.glob("*.json"))) == 2 * 4 * 4

    def never(*_: object) -> None:
        raise AssertionError("it was kept")

    monkeypatch.setattr("habitus.evaluation.class_harness.predict_classes", never)
    assert evaluate_classes(plan) == found


def test_other_vectors_are_not_taken_from_the_cache(traces: Traces, tmp_path: Path) -> None:
    values = []
    for share in (1.0, 0.0):
        plan = plan_of(traces, tasks=[taste()], methods=[knower(share)], cache=tmp_path)
        values.append(cell(evaluate_classes(plan), "taste", "knows")["metrics"]["accuracy"])
    assert values[0]["value"] == 1.0
    assert values[1]["value"] < 0.6


def test_a_method_that_cannot_answer_is_left_out_of_that_task(traces: Traces) -> None:
    class Picky(Knows):
        def classify(self, asked: ClassAsked, seed: int) -> np.ndarray:
            if asked.task == "later":
                raise GuardError("no keywords are known for it")
            return super().classify(asked, seed)

    picky = replace(knower(name="picky"), classifies=Picky())
    ours = replace(method("ours"), notes=("of ours",))
    found = evaluate_classes(plan_of(traces, methods=[picky, ours]))
    pairs = {(c["task"], c["method"]) for c in found["cells"]}
    assert ("taste", "picky") in pairs
    assert ("later", "picky") not in pairs
    assert found["notes"] == ["picky is left out of later: no keywords are known for it", "of ours"]
    assert "picky" not in {s["method"] for s in found["summary"]}
    assert [d["task"] for d in found["differences"] if d["against"] == "picky"] == ["taste"]


def test_no_user_id_is_in_the_results(found: dict[str, Any], traces: Traces) -> None:
    text = json.dumps(found)
    assert not [user for user in traces.user_ids.to_pylist() if f'"{user}"' in text]
    assert found["split"]["test"] == len(SPLIT.rows(traces, "test"))


def test_made_up_people_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    traces, truth = make_traces(SyntheticConfig(num_users=500), tmp_path / "traces")
    community = class_task_from_config(
        {
            "kind": "profile_class",
            "name": "community",
            "question": "Which community?",
            "classes": [f"community-{c}" for c in range(truth.config.num_communities)],
            "attribute": "tags",
            "sensitive": False,
        }
    )
    train = Snapshot(traces, None, SPLIT.rows(traces, "train"))
    plan = plan_of(traces, tasks=[community], methods=control_methods(train, (0, 1)))
    found = evaluate_classes(replace(plan, reference="majority"))
    users = np.flatnonzero(np.isin(np.arange(500), SPLIT.rows(traces, "test")))
    shares = np.bincount(truth.people.community_U[users]) / len(users)
    assert found["tasks"][0]["class_shares_test"] == pytest.approx(list(shares), abs=0.02)
    by_name = {s["method"]: s for s in found["summary"]}
    # communities have tastes, and aggregates count them
    assert by_name["aggregates"]["against"]["verdict"] == "better"
    assert by_name["random_vectors"]["value"] < by_name["aggregates"]["low"]
