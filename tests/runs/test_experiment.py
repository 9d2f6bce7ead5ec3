"""One whole experiment on the synthetic world: results, reuse, seeds."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.data.split import UserSplit
from habitus.data.traces import Traces
from habitus.datasets.population import SyntheticConfig
from habitus.datasets.synthetic import make_traces
from habitus.errors import GuardError
from habitus.evaluation.comparing import Resampling
from habitus.evaluation.predictions import ProbeTrials
from habitus.reports import check_results, model_card
from habitus.runs import model_rows, pretrain_step
from habitus.runs.card import card_info
from habitus.runs.experiment import Experiment, all_methods, pretrained, run_experiment
from habitus.runs.experiment import model_rows as experiment_rows
from habitus.runs.steps import Steps
from habitus.tasks.dated import dated_task
from tests.small import small_run

ROWS = ["majority", "random_vectors", "untrained", "aggregates", "ours", "ours+aggregates"]


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def experiment_of(traces: Traces, folder: Path, **changes: Any) -> Experiment:
    entries = [
        {"kind": "has", "name": "taste", "question": "Taste 1?", "horizon_days": 30,
         "channel": "category", "values": ["taste-1", "taste-2"],
         "cutoffs": {"first": "2023-03-01", "test": "2023-08-01"}},
        {"kind": "inactive", "name": "inactive", "question": "Nothing?", "horizon_days": 60,
         "cutoffs": {"first": "2023-03-01", "test": "2023-09-01"}},
    ]  # fmt: skip
    defaults: dict[str, Any] = {
        "traces": traces,
        "tasks": [dated_task(entry, traces) for entry in entries],
        "run": small_run(split=UserSplit()),
        "steps": Steps(folder),
        "show": silent,
        "card": lambda model: model_card(card_info(model)),
        "data_name": "synthetic",
        "trials": ProbeTrials(seeds=(0, 1)),
        "resampling": Resampling(num_resamples=50, num_resamples_beside=20),
        "threads": 1,
    }
    return Experiment(**{**defaults, **changes})


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return make_traces(SyntheticConfig(num_users=450), tmp_path_factory.mktemp("p") / "traces")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="module")
def results(people: Traces, folder: Path) -> dict[str, Any]:
    return run_experiment(experiment_of(people, folder))


def test_the_results_are_what_a_report_reads(results: dict[str, Any]) -> None:
    ingest = {"rows": 1, "bad": 0, "duplicates": 0, "opted_out": 0, "seconds": 1.0}
    data = {**results["data"], "ingest": ingest}
    check_results({**results, "data": data, "title": "t", "command": "c"})


def test_every_row_of_the_honest_table_answers_every_task(results: dict[str, Any]) -> None:
    assert [method["name"] for method in results["methods"]] == ROWS
    answered = {(cell["task"], cell["method"]) for cell in results["cells"]}
    assert answered == {(t, m) for t in ("taste", "inactive") for m in ROWS}


def test_pretraining_ends_at_the_earliest_test_cutoff(results: dict[str, Any]) -> None:
    assert results["split"]["as_of_pretrain"] == "2023-08-01"


def test_the_leak_canaries_are_silent(results: dict[str, Any]) -> None:
    assert len(results["canaries"]) >= 5
    assert [c["name"] for c in results["canaries"] if not c["passed"]] == []


def test_the_map_shows_test_users_without_ids(results: dict[str, Any]) -> None:
    assert len(results["map"]["x"]) == results["tasks"][0]["num_test"]
    assert all(isinstance(value, float) for value in results["map"]["x"])
    assert set(results["map"]["colors"]) == {"events before the cutoff", "taste"}


def test_bytes_per_user_are_two_a_dimension(results: dict[str, Any]) -> None:
    encoding = results["encoding"]
    assert encoding["bytes_per_user"] == 2 * encoding["representation_dim"]
    assert encoding["users_per_second"] > 0


def test_a_second_run_trains_and_encodes_nothing_and_says_the_same(
    people: Traces, folder: Path, results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("done before")

    monkeypatch.setattr(pretrain_step, "pretrain", refuse)
    monkeypatch.setattr(model_rows, "encode", refuse)
    again = run_experiment(experiment_of(people, folder))
    changing = {"created"}
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in results.items() if k not in changing
    }


def test_another_setting_trains_again(
    people: Traces, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("trained")

    monkeypatch.setattr(pretrain_step, "pretrain", refuse)
    run = small_run(split=UserSplit())
    longer = dataclasses.replace(run.training, max_steps=run.training.max_steps + 1)
    changed = dataclasses.replace(run, training=longer)
    with pytest.raises(RuntimeError, match="trained"):
        pretrained(experiment_of(people, folder, run=changed), 0)


def test_each_pretraining_seed_has_a_model_of_its_own(people: Traces, folder: Path) -> None:
    experiment = experiment_of(people, folder, pretrain_seeds=(0, 1))
    (first, _), (second, _) = (pretrained(experiment, seed) for seed in (0, 1))
    weights = [np.concatenate([p.detach().numpy().ravel() for p in m.encoder.parameters()])
               for m in (first, second)]  # fmt: skip
    assert not np.array_equal(weights[0], weights[1])
    assert first.digest != second.digest


def test_a_warm_run_shows_what_the_warm_start_alone_is_worth(people: Traces, folder: Path) -> None:
    warm = experiment_of(
        people, folder, run=dataclasses.replace(small_run(split=UserSplit()), warm_start=True)
    )
    model, _ = pretrained(warm, 0)
    names = [method.name for method in all_methods(warm, experiment_rows(warm, [model]))]
    assert names == [*ROWS[:3], "warm_start", *ROWS[3:]]


def test_another_pretrained_run_is_a_row_beside_ours(
    people: Traces, folder: Path, results: dict[str, Any]
) -> None:
    run = small_run(split=UserSplit())
    longer = dataclasses.replace(run.training, max_steps=run.training.max_steps + 1)
    # Its own cutoff and split give way to those of the experiment.
    other = dataclasses.replace(
        run, training=longer, as_of="2023-02-01", split=UserSplit(train=0.8, valid=0.1, test=0.1)
    )
    experiment = experiment_of(people, folder, others={"longer": (other, "longer", "Words.")})
    found = run_experiment(experiment)
    assert [method["name"] for method in found["methods"]] == [*ROWS[:4], "longer", *ROWS[4:]]
    row = next(method for method in found["methods"] if method["name"] == "longer")
    assert (row["label"], row["group"], row["description"]) == ("longer", "comparison", "Words.")
    assert found["config"] == {"ours": experiment.run.to_dict(), "longer": other.to_dict()}
    assert results["config"] == experiment.run.to_dict()
    assert found["routing"] == []
    # The first step of both is the same: only the length of training tells them apart.
    model, _ = pretrained(experiment, 0, "longer")
    assert model.digest != pretrained(experiment, 0)[0].digest
    assert model.about["run"]["as_of"] == "2023-08-01"
    assert model.about["run"]["split"] == experiment.run.split.to_dict()
    scores = {c["method"]: c["metrics"] for c in found["cells"] if c["task"] == "taste"}
    before = {c["method"]: c["metrics"] for c in results["cells"] if c["task"] == "taste"}
    assert scores["ours"] == before["ours"]
    assert scores["longer"] != scores["ours"]


def test_a_sensitive_task_needs_leave(people: Traces, folder: Path) -> None:
    entry = {"kind": "profile", "name": "trait", "question": "?", "horizon_days": 30,
             "attribute": "community", "values": ["0"],
             "cutoffs": {"first": "2023-03-01", "test": "2023-08-01"}}  # fmt: skip
    task = dated_task(entry, people)
    with pytest.raises(GuardError, match="trait"):
        run_experiment(experiment_of(people, folder, tasks=[task]))
