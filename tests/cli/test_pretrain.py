"""``habitus pretrain`` end to end on a small world."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import habitus
from habitus.cli.main import main
from habitus.cli.pretrain import _tell
from habitus.data.columns import ChannelKind
from habitus.data.traces import Traces
from habitus.runs import pretrain as pretrain_module
from habitus.runs.pretrain import Pretrained
from habitus.testing.hand_made import write_traces
from tests.small import CUTOFF, small_traces

TINY = [
    "--preset=quick",
    "--as-of=" + CUTOFF,
    "--set=encoder={width: 8, channel_dim: 4, hidden: 8, num_blocks: 1, num_heads: 2, "
    "max_events: 16}",
    "--set=sequence={min_events: 3, max_events: 16}",
    "--set=vocabulary.min_users=2",
    "--set=training.max_steps=4",
    "--set=training.evaluate_every=2",
]


def run(*words: object) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main([str(word) for word in words])
    return int(exit_.value.code or 0)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    return small_traces(tmp_path / "traces")


def test_traces_become_a_model_directory(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pretrain", traces.path, "--out", tmp_path / "m", "--seed=3", *TINY) == 0
    out, err = capsys.readouterr()
    assert out.startswith("4 steps on ")
    assert "validation loss" in out
    told = [line for line in err.splitlines() if line.endswith("…")]
    assert told == ["fit what encodes …", "draw what to train on …", "pretrain …"]
    model = habitus.load(tmp_path / "m")
    about = model.about["run"]
    assert (about["seed"], about["training"]["seed"], about["as_of"]) == (3, 3, CUTOFF)
    assert about["training"]["max_steps"] == 4
    assert model.representation_dim == 8
    card = (tmp_path / "m/README.md").read_text()
    assert "# channel (quick)" in card
    assert not [user for user in traces.user_ids.to_pylist() if user in card]
    assert (tmp_path / "m.training/log.jsonl").is_file()


@pytest.mark.parametrize(("preset", "is_told"), [("paper", True), ("quick", False)])
def test_a_preset_made_for_a_gpu_is_told_of(
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    preset: str,
    is_told: bool,
) -> None:
    words = [f"--preset={preset}", *TINY[1:]]
    assert run("pretrain", traces.path, "--out", tmp_path / "m", *words) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert ("preset paper is made for a GPU" in told) == is_told


def test_a_place_that_is_taken_is_a_usage_error_and_can_be_overwritten(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["pretrain", traces.path, "--out", tmp_path / "m", *TINY]
    assert run(*line) == 0
    digest = habitus.load(tmp_path / "m").digest
    capsys.readouterr()
    assert run(*line) == 2
    told = capsys.readouterr().err.replace("\n", " ")
    assert "exists: choose another --out, or allow --overwrite" in told
    # The same settings: the finished training is still there, and gives the same weights.
    assert run(*line, "--overwrite") == 0
    before = json.loads((tmp_path / "m/manifest.json").read_text())
    assert habitus.load(tmp_path / "m").digest == before["digest"]
    assert digest is not None


def interrupt(monkeypatch: pytest.MonkeyPatch, line: list[object]) -> None:
    """Run a command line whose training is interrupted at its third step."""
    real = pretrain_module.pretrain

    def interrupted(*arguments: object, **options: object) -> object:
        def stop(step: int, *_: object) -> None:
            if step == 3:
                raise KeyboardInterrupt

        return real(*arguments, **{**options, "on_step": stop})  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain_module, "pretrain", interrupted)
    assert run(*line) == 130
    monkeypatch.undo()


def test_an_interrupted_training_goes_on_with_the_same_command(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line: list[object] = ["pretrain", traces.path, "--out", tmp_path / "m", *TINY]
    interrupt(monkeypatch, line)
    assert not (tmp_path / "m").exists()
    assert run(*line) == 0
    assert run("pretrain", traces.path, "--out", tmp_path / "n", *TINY) == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "mn"]
    assert weights[0] == weights[1]
    log = (tmp_path / "m.training/log.jsonl").read_text().splitlines()
    assert [json.loads(x)["step"] for x in log if json.loads(x)["kind"] == "valid"] == [2, 4]


def test_a_training_of_other_settings_is_started_anew_only_when_told(
    traces: Traces,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line: list[object] = ["pretrain", traces.path, "--out", tmp_path / "m", *TINY]
    interrupt(monkeypatch, [*line, "--as-of=2020-03-10"])
    assert list((tmp_path / "m.training/checkpoints").iterdir())
    capsys.readouterr()
    # With another cutoff it would go on with weights that have seen what comes after it.
    assert run(*line) == 2
    told = capsys.readouterr().err
    assert f"unfinished training with another as_of ('2020-03-10', now '{CUTOFF}')" in told
    assert "or start anew with --overwrite" in told
    assert run(*line, "--overwrite") == 0
    assert run("pretrain", traces.path, "--out", tmp_path / "n", *TINY) == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "mn"]
    assert weights[0] == weights[1]
    log = (tmp_path / "m.training/log.jsonl").read_text().splitlines()
    assert [json.loads(x)["step"] for x in log if json.loads(x)["kind"] == "valid"] == [2, 4]


def test_an_interrupted_training_that_overwrites_goes_on_too(
    traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line: list[object] = ["pretrain", traces.path, "--out", tmp_path / "m", *TINY, "--overwrite"]
    interrupt(monkeypatch, line)
    before = {p.name for p in (tmp_path / "m.training/checkpoints").iterdir()}
    interrupt(monkeypatch, line)
    assert {p.name for p in (tmp_path / "m.training/checkpoints").iterdir()} == before
    assert run(*line) == 0


def test_a_cutoff_behind_the_data_is_told(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The world ends on 2020-03-30.
    assert run("pretrain", traces.path, "--out", tmp_path / "m", *TINY, "--as-of=2021-03-31") == 0
    told = capsys.readouterr().err
    assert "2021-03-31 lies 365 days after the last event; the data ends before 2020-03-31" in told
    assert "it holds nothing back" in told


def test_a_wrong_cutoff_is_told_before_anything_is_made(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pretrain", traces.path, "--out", tmp_path / "m", *TINY, "--as-of=2020-13-01") == 2
    assert capsys.readouterr().err.startswith("error: '2020-13-01' is no date")
    assert not (tmp_path / "m.training").exists()


@pytest.mark.parametrize("channels", [{}, {"price": "dense"}], ids=["times only", "numbers only"])
def test_without_tokens_nothing_warns(channels: dict[str, ChannelKind], tmp_path: Path) -> None:
    # Warnings are errors here; torch warns of a layer that has no rows.
    events = {
        f"u{n}": [{"time": 86_400 * t, "price": float(t)} for t in range(n % 7, 20)]
        for n in range(30)
    }
    path = tmp_path / "t"
    write_traces(path, events, channels)
    tiny = [word for word in TINY if not word.startswith("--as-of")]
    assert run("pretrain", path, "--out", tmp_path / "m", *tiny) == 0
    assert run("encode", tmp_path / "m", path, "--out", tmp_path / "z") == 0


@pytest.mark.parametrize("system", ["channel", "pasum"])
def test_of_one_user_nothing_is_learned(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = [{"time": 86_400 * t, "text": f"a b{t % 3}"} for t in range(20)]
    path = tmp_path / "t"
    write_traces(path, {"u": history}, {"text": "text"})
    # Everybody trains, so that it is not chance which part the one user is of.
    share = ["--set=split={train: 1.0, valid: 0.0, test: 0.0}", "--preset=quick"]
    assert run("pretrain", path, "--out", tmp_path / "m", "--run", system, *share) == 4
    assert "1 of 1 users would be trained on" in capsys.readouterr().err
    assert not (tmp_path / "m.training").exists()


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (["--set", "training.max_step=3"], 2, "did you mean 'training.max_steps'?"),
        (["--set", "trainign.max_steps=3"], 2, "did you mean 'training.max_steps'?"),
        (["--set", "training.max_steps"], 2, "write a setting as key=value"),
        (
            ["--set", "training.max_steps=many"],
            2,
            "must be a whole number, got 'many'; write it like",
        ),
        (["--set", "zzz=3"], 2, "'habitus settings --run channel --preset quick' lists every"),
        (["--set", "training.betas=[0.9"], 2, "is no YAML"),
        (["--preset", "qick"], 2, "did you mean 'quick'?"),
        (["--run", "chanel"], 2, "did you mean 'channel'?"),
        (["--as-of", "first of May"], 2, "is no date"),
        (["--as-of", "1999-01-01"], 3, "is not after the first event"),
        (["--device", "gpu"], 2, "device 'gpu' cannot be used here"),
        (["--set", "sequence.min_events=5000"], 4, "no train user has 5000 events"),
        (["--set", "vocabulary.channels=[itme_id]"], 3, "did you mean 'item_id'?"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_made(
    words: list[str],
    exit_code: int,
    sentence: str,
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("pretrain", traces.path, "--out", tmp_path / "m", *TINY, *words) == exit_code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_traces_that_are_not_there_are_a_data_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pretrain", tmp_path / "nowhere", "--out", tmp_path / "m") == 3
    assert "is no traces directory" in capsys.readouterr().err


def test_ordinal_time_takes_a_number_of_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = {f"u{n}": [{"time": t, "item_id": f"i{t % 3}"} for t in range(9)] for n in range(20)}
    path = tmp_path / "t"
    write_traces(path, events, {"item_id": "id"}, time_unit="order")
    tiny = [word for word in TINY if not word.startswith("--as-of")]
    assert run("pretrain", path, "--out", tmp_path / "m", *tiny, "--as-of=2") == 0
    assert habitus.load(tmp_path / "m").about["run"]["as_of"] == 2
    capsys.readouterr()
    assert run("pretrain", path, "--out", tmp_path / "n", *tiny, "--as-of=2020-01-01") == 2
    assert "the number of last events to leave out" in capsys.readouterr().err


def test_what_it_learned_from_is_said_in_words_and_nothing_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    training = SimpleNamespace(best_valid=None, best_step=4, steps=4)
    relations = {
        "users": 1_200,
        "follows": 9,
        "lost_follows": 0,
        "inter_triples": 9,
        "communities": 2,
    }
    model = SimpleNamespace(about={"relations": relations}, encoding=None)
    made = cast("Pretrained", SimpleNamespace(training=training, model=model, num_train=5))
    _tell(made, Path("m"))
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(
        "learned from 1,200 users, 9 follows, 9 triples of who follows whom, 2 communities 4 steps"
    )
    model.about["relations"] = {"follows": 0}
    assert told.endswith("4 steps on 5 users, nobody validates, so the last step is kept: m")
    _tell(made, Path("m"))
    assert "learned from nothing" in capsys.readouterr().out


def test_what_a_hash_throws_together_is_told(
    traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hashed = ["--set=vocabulary.hashed=[item_id]", "--set=vocabulary.num_buckets=1"]
    assert run("pretrain", traces.path, "--out", tmp_path / "m", *TINY, *hashed) == 0
    told = " ".join(capsys.readouterr().out.split())
    # Nine items, all in the one bucket.
    words = "item_id: 9 values in 1 buckets, 100% of them share one; 1 buckets have users enough"
    assert words in told
