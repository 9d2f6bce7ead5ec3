"""``habitus evaluate`` from files to files."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from habitus.cli.main import main
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.reports import check_results
from tests.evaluation.test_stored import store
from tests.evaluation.world import world

TASKS = """
- kind: has
  name: aisle
  question: Will they visit aisle 1 in the next 30 days?
  horizon_days: 30
  channel: aisle
  values: [a1]
  cutoffs: {first: 2020-03-01, test: 2020-06-01}
"""
TASTE = """
- kind: profile
  name: taste
  question: Do they like aisle 1?
  horizon_days: 30
  attribute: taste
  values: [a1]
"""
CLASSES = """
- {kind: main_value, name: later, question: 'Which aisle?', classes: [a0, a1, a2], channel: aisle,
   as_of: 2020-05-01}
"""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces")


def run(traces: Traces, folder: Path, text: str, *words: str) -> int:
    (folder / "tasks.yaml").write_text(text)
    files = ["--tasks", str(folder / "tasks.yaml"), "--out", str(folder / "results.json")]
    quick = ["--seeds", "2", "--resamples", "100"]
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", str(traces.path), *files, *quick, *words])
    return int(caught.value.code or 0)


def test_without_a_model_the_controls_are_compared(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(traces, tmp_path, TASKS) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    check_results(results)
    assert [m["name"] for m in results["methods"]] == ["majority", "random_vectors", "aggregates"]
    assert results["seeds"] == [0, 1]
    assert all(canary["passed"] for canary in results["canaries"])
    assert len(results["canaries"]) == 6
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == str(tmp_path / "results.json")
    assert "aggregates" in printed


def test_stored_representations_are_one_directory_a_cutoff(traces: Traces, tmp_path: Path) -> None:
    dates = ["2020-03-01", "2020-04-01", "2020-05-01", "2020-06-01"]
    users = list(range(traces.num_users))
    paths = [store(tmp_path / when, traces, users, when) for when in dates]
    words = [word for path in paths for word in ("--representations", str(path))]
    assert run(traces, tmp_path, TASKS, *words) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["methods"][-1]["representation_dim"] == 2
    assert {d["method"] for d in results["differences"]} == {"ours"}


def test_a_folder_for_each_cutoff_is_asked_for_before_anything_is_read(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vectors").mkdir()
    users = list(range(traces.num_users))
    store(tmp_path / "vectors/2020-06-01", traces, users, "2020-06-01")
    # A place that does not exist yet would be seen by the progress bar of the evaluation.
    assert run(traces, tmp_path, TASKS, "--representations", str(tmp_path / "vectors")) == 3
    told = capsys.readouterr().err
    assert "the tasks ask at 4 cutoffs" in told
    assert "missing: 2020-03-01, 2020-04-01, 2020-05-01; given: 2020-06-01" in told
    assert "evaluate" not in told.splitlines()[0]
    assert run(traces, tmp_path, CLASSES, "--representations", str(tmp_path / "vectors")) == 3
    assert "the tasks ask at 1 cutoff, and" in capsys.readouterr().err
    for when in ("2020-03-01", "2020-04-01", "2020-05-01"):
        store(tmp_path / "vectors" / when, traces, users, when)
    for text in (TASKS, CLASSES):
        assert run(traces, tmp_path, text, "--representations", str(tmp_path / "vectors")) == 0


def test_a_value_that_never_occurs_beside_others_is_noted(traces: Traces, tmp_path: Path) -> None:
    assert run(traces, tmp_path, TASKS.replace("values: [a1]", "values: [a1, bird]")) == 0
    [note] = json.loads((tmp_path / "results.json").read_text())["notes"]
    assert "'bird'" in note


def test_what_is_kept_is_used_again(traces: Traces, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for _ in range(2):
        assert run(traces, tmp_path, TASKS, "--cache", str(cache)) == 0
    assert len(list((cache / "predictions").iterdir())) == 3


def test_sensitive_tasks_stop_with_four_unless_allowed(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(traces, tmp_path, TASTE) == 4
    assert "--allow-sensitive" in capsys.readouterr().err
    assert not (tmp_path / "results.json").exists()
    assert run(traces, tmp_path, TASTE, "--allow-sensitive") == 0
    assert json.loads((tmp_path / "results.json").read_text())["tasks"][0]["sensitive"]


@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        ("- kind: inactiv", (), 2, "did you mean 'inactive'"),
        (TASKS, ("--seeds", "0"), 2, "at least 1"),
        (TASKS, ("--model", "a", "--representations", "b"), 2, "not both"),
        (TASKS, ("--model", "nowhere"), 3, "nowhere"),
        (TASKS.replace("values: [a1]", "values: [bird]"), (), 3, "'bird' never occurs"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_an_exit_code(
    text: str, words: tuple[str, ...], code: int, message: str,
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(traces, tmp_path, text, *words) == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "results.json").exists()


def test_a_model_that_saw_the_answers_is_stopped(
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Late:
        about = {"run": {"as_of": "2020-07-01"}}  # noqa: RUF012
        digest = "late"

        def encode(self, snapshot: Snapshot) -> np.ndarray:
            return np.zeros((snapshot.num_users, 1), np.float32)

    monkeypatch.setattr("habitus.representations.model.load", lambda _: Late())
    assert run(traces, tmp_path, TASKS, "--model", "late") == 4
    assert "after the test cutoff 2020-06-01" in " ".join(capsys.readouterr().err.split())


def test_two_kinds_of_model_are_not_averaged_as_seeds(
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = SimpleNamespace(to_dict=lambda: {"width": 8})

    def load(path: Path) -> SimpleNamespace:
        about = {"run": {"name": path.name, "as_of": "2020-05-01"}}
        encoder = SimpleNamespace(name="some", config=config)
        return SimpleNamespace(path=path, about=about, encoder=encoder, digest=path.name)

    monkeypatch.setattr("habitus.representations.model.load", load)
    for text in (TASKS, CLASSES):
        assert run(traces, tmp_path, text, "--model", "clue", "--model", "pasum") == 2
        message = " ".join(capsys.readouterr().err.split())
        assert "clue and pasum differ in run.name ('clue', 'pasum'): several --model" in message
        assert "evaluate each on its own" in message


@pytest.mark.parametrize("text", [TASKS, CLASSES], ids=["dated", "classes"])
def test_a_model_is_not_averaged_with_itself(
    text: str,
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest_of = {"a": "1", "b": "2", "copy-of-a": "1"}

    def load(path: Path) -> SimpleNamespace:
        return SimpleNamespace(path=path, about={}, digest=digest_of[path.name])

    monkeypatch.setattr("habitus.representations.model.load", load)
    for again in ("a", "copy-of-a"):
        words = ("--model", "a", "--model", "b", "--model", again)
        assert run(traces, tmp_path, text, *words) == 2
        message = " ".join(capsys.readouterr().err.split())
        assert f"a and {again} are the same model: several --model are" in message
