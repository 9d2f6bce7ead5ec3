"""One whole experiment with class tasks on made-up people who post."""

from pathlib import Path
from typing import Any, cast

import pytest

from habitus.data.snapshot import Snapshot
from habitus.data.tokens import TextSource
from habitus.data.traces import Traces
from habitus.errors import GuardError, UsageError
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.evaluation.class_predictions import ClassTrials
from habitus.evaluation.comparing import Resampling
from habitus.probes.fine_tune import FineTuneConfig
from habitus.reports import check_results, model_card
from habitus.representations.model import Model
from habitus.runs import model_rows, pretrain_step
from habitus.runs.card import card_info
from habitus.runs.class_experiment import (
    ClassExperiment,
    first_cutoff,
    map_of_classes,
    run_class_experiment,
    text_comparisons,
)
from habitus.runs.steps import Steps
from habitus.tasks.pasum import pasum_tasks
from habitus.testing.hand_made import write_traces
from tests.runs.posters import both, small_pasum

ROWS = [
    "majority", "random_guess", "untrained", "warm_start", "aggregates", "tfidf_linear", "paper",
    "ours", "ours_tuned",
]  # fmt: skip


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def experiment_of(traces: Traces, folder: Path, **changes: Any) -> ClassExperiment:
    run = small_pasum(as_of=None, **both())
    text = TextSource(run.posts, run.segmentation)
    tasks = [task for task in pasum_tasks() if task.name in ("super_topic", "gender")]
    defaults: dict[str, Any] = {
        "traces": traces,
        "tasks": tasks,
        "run": run,
        "others": {"paper": (small_pasum(), "PASUM (paper)", "As printed.")},
        "comparisons": text_comparisons(("tfidf_linear",), text),
        "tuning": FineTuneConfig(learning_rates=(1e-2,), weight_decays=(0.0,), max_epochs=1),
        "steps": Steps(folder),
        "show": silent,
        "card": lambda model: model_card(card_info(model)),
        "data_name": "posters",
        "trials": ClassTrials(seeds=(0, 1), split_seeds=(1,)),
        "resampling": Resampling(num_resamples=50, num_resamples_beside=20),
        "allow_sensitive": True,
        "threads": 1,
    }
    return ClassExperiment(**{**defaults, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


SHOWN: list[tuple[str, int]] = []


@pytest.fixture(scope="module")
def results(posters: Traces, folder: Path) -> dict[str, Any]:
    def show(*told: Any) -> None:
        SHOWN.append(told[:2])

    return run_class_experiment(experiment_of(posters, folder, show=show))


def test_what_takes_long_is_named_while_it_goes_on(results: dict[str, Any]) -> None:
    assert results
    stages = [
        "pretrain habitus: segment posts and fit words",
        "pretrain habitus: build text graphs",
        "fit TF-IDF + linear",
        "build untrained encoders",
    ]
    places = [SHOWN.index((stage, done)) for stage in stages for done in (0, 1)]
    assert places == sorted(places)


def test_the_results_are_what_a_report_reads(results: dict[str, Any]) -> None:
    check_results({**results, "title": "t", "command": "c"})


def test_every_row_answers_every_task(results: dict[str, Any]) -> None:
    assert [method["name"] for method in results["methods"]] == ROWS
    tasks = {task["name"] for task in results["tasks"]}
    assert tasks
    answered = {(cell["task"], cell["method"]) for cell in results["cells"]}
    assert answered == {(task, row) for task in tasks for row in ROWS}


def test_a_strict_run_is_called_so_and_the_canaries_are_silent(results: dict[str, Any]) -> None:
    assert results["protocol"] == "strict-inductive"
    assert results["split"]["as_of_pretrain"] == "all"
    assert [c["name"] for c in results["canaries"] if not c["passed"]] == []


def test_the_map_shows_no_sensitive_answer(results: dict[str, Any]) -> None:
    assert set(results["map"]["colors"]) == {"events before the cutoff", "super_topic"}


def test_fewer_than_three_users_span_no_map(posters: Traces) -> None:
    class Nobody:
        def encode(self, snapshot: object) -> None:
            raise AssertionError("nobody to encode")

    early = posters.time_range[0] + 1
    assert Snapshot(posters, early).lengths_U.astype(bool).sum() < 3
    assert map_of_classes(posters, pasum_tasks(), early, cast("Model", Nobody())) is None


def test_a_second_run_trains_and_encodes_nothing(
    posters: Traces, folder: Path, results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("done before")

    monkeypatch.setattr(pretrain_step, "pretrain", refuse)
    monkeypatch.setattr(model_rows, "encode", refuse)
    again = run_class_experiment(experiment_of(posters, folder))
    assert again["cells"] == results["cells"]


def test_the_cutoff_is_the_earliest_of_the_tasks(posters: Traces, tmp_path: Path) -> None:
    tasks = pasum_tasks()[:2]
    dated = [type(t)(t.config.from_dict({**t.config.to_dict(), "as_of": day}))
             for t, day in zip(tasks, ("2023-08-01", "2023-06-01"), strict=True)]  # fmt: skip
    experiment = experiment_of(posters, tmp_path, tasks=dated)
    assert experiment.as_of == "2023-06-01"
    run = experiment.dated(experiment.run, 3)
    assert (run.as_of, run.split, run.seed) == ("2023-06-01", CLASS_SPLIT, 3)
    assert experiment_of(posters, tmp_path).as_of is None


def test_of_ordinal_cutoffs_the_first_leaves_out_most(tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "t", {"a": [{"time": 0}]}, {}, time_unit="order")
    tasks = [type(t)(t.config.from_dict({**t.config.to_dict(), "as_of": last}))
             for t, last in zip(pasum_tasks()[:3], (3, 20, None), strict=True)]  # fmt: skip
    assert first_cutoff(traces, tasks) == 20
    assert first_cutoff(traces, tasks[2:]) is None


def test_sensitive_tasks_need_leave(posters: Traces, folder: Path) -> None:
    with pytest.raises(GuardError, match="gender"):
        run_class_experiment(experiment_of(posters, folder, allow_sensitive=False))


def test_a_comparison_that_reads_no_words_is_no_rung() -> None:
    run = small_pasum()
    text = TextSource(run.posts, run.segmentation)
    with pytest.raises(UsageError, match="'aggregates' reads no words"):
        text_comparisons(("aggregates",), text)
