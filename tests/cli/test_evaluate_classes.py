"""``habitus evaluate`` on class tasks, from files to files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitus.cli.main import main
from habitus.data.snapshot import Snapshot
from habitus.data.traces import Traces
from habitus.evaluation.class_asked import CLASS_SPLIT
from habitus.reports import check_results
from tests.evaluation.test_stored import store
from tests.evaluation.world import Shares, world

TASTE = """
- kind: profile_class
  name: taste
  question: Which aisle do they like?
  classes: [a0, a1, a2]
  attribute: taste
  sensitive: false
"""
LATER = """
- kind: main_value
  name: later
  question: Which aisle will they visit most?
  classes: [a0, a1, a2]
  channel: aisle
  as_of: 2020-05-01
"""
HALF = LATER.replace("later", "half").replace("as_of: 2020-05-01", "part: first")
INACTIVE = """
- {kind: inactive, name: inactive, question: 'Will they go?', horizon_days: 30}
"""


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Traces:
    return world(tmp_path_factory.mktemp("world") / "traces", 600)


def run(traces: Traces, folder: Path, text: str, *words: str) -> int:
    (folder / "tasks.yaml").write_text(text)
    files = ["--tasks", str(folder / "tasks.yaml"), "--out", str(folder / "results.json")]
    quick = ["--seeds", "2", "--splits", "1", "--resamples", "100"]
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", str(traces.path), *files, *quick, *words])
    return int(caught.value.code or 0)


def results_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    check_results(found)
    return found


class Model:
    """What ``load`` returns: a model whose run says what it saw."""

    digest = "some weights"

    def __init__(self, run: dict[str, Any]) -> None:
        self.about = {"run": run}

    def encode(self, snapshot: Snapshot) -> np.ndarray:
        shares = Shares().represent(snapshot)
        self.representation_dim = shares.shape[1]
        return shares


def loads(monkeypatch: pytest.MonkeyPatch, **run: Any) -> None:
    monkeypatch.setattr("habitus.representations.model.load", lambda _: Model(run))


def test_without_a_model_the_controls_are_compared(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(traces, tmp_path, TASTE + LATER + HALF) == 0
    found = results_of(tmp_path)
    names = ["majority", "random_guess", "random_vectors", "aggregates"]
    assert [m["name"] for m in found["methods"]] == names
    assert [t["name"] for t in found["tasks"]] == ["taste", "later", "half"]
    assert (found["seeds"], found["split_seeds"]) == ([0, 1], [1])
    assert found["title"] == "Who they are: traces"
    assert all(canary["passed"] for canary in found["canaries"])
    assert len(found["canaries"]) == 6
    printed = capsys.readouterr().out
    assert "Macro-F1" in printed
    assert printed.splitlines()[-1] == str(tmp_path / "results.json")


def test_aggregates_are_fitted_before_the_first_cutoff(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[Snapshot] = []

    def controls(train: Snapshot, seeds: object) -> list[Any]:
        assert seeds == range(2)
        fitted.append(train)
        raise KeyboardInterrupt

    monkeypatch.setattr("habitus.evaluation.features.control_methods", controls)
    assert run(traces, tmp_path, LATER + LATER.replace("later", "x").replace("05-", "04-")) == 130
    [train] = fitted
    assert train.as_of == Snapshot(traces, "2020-04-01").as_of
    np.testing.assert_array_equal(train.users_U, CLASS_SPLIT.rows(traces, "train"))


@pytest.mark.parametrize(
    ("split", "protocol"),
    [(CLASS_SPLIT.to_dict(), "strict-inductive"), (None, "transductive-text")],
)
def test_a_model_is_ours_and_its_run_says_the_protocol(
    split: Any, protocol: str, traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads(monkeypatch, as_of="2020-05-01", **({"split": split} if split else {}))
    assert run(traces, tmp_path, LATER, "--model", "m") == 0
    found = results_of(tmp_path)
    assert found["protocol"] == protocol
    assert found["methods"][-1]["name"] == "ours"
    assert {d["method"] for d in found["differences"]} == {"ours"}
    assert "future_changes_nothing" in [c["name"] for c in found["canaries"]]
    test = Snapshot(traces, "2020-05-01", CLASS_SPLIT.rows(traces, "test"))
    assert set(found["map"]["colors"]) == {"events before the cutoff", "later"}
    assert len(found["map"]["x"]) == (test.lengths_U > 0).sum()


def test_a_model_that_saw_the_answers_is_stopped(
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads(monkeypatch, as_of=None, split=CLASS_SPLIT.to_dict())
    assert run(traces, tmp_path, LATER, "--model", "m") == 4
    message = " ".join(capsys.readouterr().err.split())
    assert "pre-trained on all events, past the cutoff 2020-05-01 of task 'later'" in message


def test_stored_representations_answer_what_reads_all_posts(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = list(range(traces.num_users))
    path = store(tmp_path / "stored", traces, users, "2020-05-01")
    assert run(traces, tmp_path, LATER, "--representations", str(path)) == 0
    found = results_of(tmp_path)
    assert found["protocol"] == "transductive-text"
    assert found["canaries"] == []
    assert run(traces, tmp_path, HALF, "--representations", str(path)) == 2
    assert "half: stored representations have read all posts" in capsys.readouterr().err


def test_no_option_is_cut_in_the_help_of_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    for name in ("--representations", "--allow-sensitive", "--resamples"):
        assert f"{name} " in shown


def test_what_is_kept_is_used_again(traces: Traces, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(traces, tmp_path, TASTE) == 0
    # four methods, two seeds and one split
    kept = tmp_path / "results.json.cache" / "predictions"
    assert len(list(kept.iterdir())) == 4 * 3


@pytest.mark.parametrize(
    ("text", "words", "code", "message"),
    [
        (TASTE + INACTIVE, (), 2, "give each sort a file of its own"),
        (TASTE.replace("profile_class", "profile_clas"), (), 2, "did you mean 'profile_class'"),
        (TASTE.replace("false", "true"), (), 4, "--allow-sensitive"),
        (TASTE, ("--splits", "-1"), 2, "--splits 0"),
        (TASTE, ("--model", "a", "--representations", "b"), 2, "not both"),
        (TASTE.replace("a2]", "bird]"), (), 4, "'taste' is left out"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_an_exit_code(
    text: str, words: tuple[str, ...], code: int, message: str,
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert run(traces, tmp_path, text, *words) == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "results.json").exists()
