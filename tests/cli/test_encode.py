"""``habitus encode`` end to end on a small world."""

from pathlib import Path

import numpy as np
import pytest

from habitus.cli.encode import reads_the_future
from habitus.cli.main import main
from habitus.data.snapshot import Snapshot, parse_time
from habitus.data.split import DAY
from habitus.data.traces import Traces
from habitus.representations.encode import Representations
from habitus.representations.model import Model
from habitus.testing.hand_made import write_traces
from tests.small import CUTOFF, small_events, small_run, small_traces


def run(*words: object) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main([str(word) for word in words])
    return int(exit_.value.code or 0)


@pytest.fixture
def traces(tmp_path: Path) -> Traces:
    # An id with a blank is an id.
    events = {user.replace("-", " "): history for user, history in small_events().items()}
    return small_traces(tmp_path / "traces", events)


@pytest.fixture
def model(traces: Traces, tmp_path: Path) -> Model:
    made, _ = small_run().build(traces)
    made.save(tmp_path / "model", card="")
    return made


def test_traces_become_one_vector_per_user(
    model: Model, traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["encode", model.path, traces.path, "--out", tmp_path / "z", "--as-of", CUTOFF]
    assert run(*line, "--dtype=float32") == 0
    out, err = capsys.readouterr()
    assert out.startswith("30 users × 8 (float32), ")
    assert "encode …" in err
    z_UD = Representations(tmp_path / "z").z_UD
    assert z_UD.tobytes() == model.encode(Snapshot(traces, CUTOFF)).tobytes()
    assert "users/s" in out
    # The same command again finds them; another one does not write over them.
    assert run(*line, "--dtype=float32") == 0
    again = " ".join(capsys.readouterr().out.split())
    assert again.startswith("30 users × 8 (float32), there already, nothing was encoded: ")
    assert "users/s" not in again
    assert run(*line) == 2
    assert "made with another config" in capsys.readouterr().err


def test_users_come_one_a_line_in_their_order(
    model: Model, traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = tmp_path / "users.txt"
    users.write_bytes(b"user 07\r\nuser 00\n\nuser 21\n")
    line = ["encode", model.path, traces.path, "--as-of", CUTOFF, "--users", users]
    assert run(*line, "--out", tmp_path / "z") == 0
    made = Representations(tmp_path / "z")
    assert made.user_ids.to_pylist() == ["user 07", "user 00", "user 21"]
    expected_UD = model.encode(Snapshot(traces, CUTOFF, np.array([7, 0, 21])))
    np.testing.assert_array_equal(made.z_UD, expected_UD.astype(np.float16))
    users.write_text("user 07\nnobody\n")
    capsys.readouterr()
    assert run(*line, "--out", tmp_path / "y") == 3
    assert "'nobody'" in capsys.readouterr().err
    users.write_text("user 07\nuser 07\n")
    assert run(*line, "--out", tmp_path / "y") == 2


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        (["--dtype", "int8"], 2, "--dtype must be float16 or float32, got 'int8'"),
        (["--device", "gpu"], 2, "device 'gpu' cannot be used here"),
        (["--as-of", "soon"], 2, "is no date"),
        (["--users", "nowhere.txt"], 3, "nowhere.txt cannot be read"),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str],
    exit_code: int,
    sentence: str,
    model: Model,
    traces: Traces,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("encode", model.path, traces.path, "--out", tmp_path / "z", *words) == exit_code
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "z").exists()


def test_a_model_or_traces_that_are_not_there_are_data_errors(
    model: Model, traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encode", tmp_path / "no", traces.path, "--out", tmp_path / "z") == 3
    assert "is no model directory" in capsys.readouterr().err
    assert run("encode", model.path, tmp_path / "no", "--out", tmp_path / "z") == 3
    assert "is no traces directory" in capsys.readouterr().err
    other = write_traces(tmp_path / "o", {"u": [{"time": 1}]}, {"service": "category"})
    assert run("encode", model.path, other.path, "--out", tmp_path / "z") == 3
    assert "'item_id'" in capsys.readouterr().err


def test_ordinal_time_takes_a_number_of_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = {f"u{n:02d}": [{"time": t, "item_id": f"i{t}"} for t in range(9)] for n in range(20)}
    traces = write_traces(tmp_path / "t", events, {"item_id": "id"}, time_unit="order")
    model, _ = small_run(as_of=2).build(traces)
    model.save(tmp_path / "m", card="")
    line = ["encode", tmp_path / "m", traces.path, "--out", tmp_path / "z", "--dtype=float32"]
    assert run(*line, "--as-of=2") == 0
    made = Representations(tmp_path / "z")
    assert made.manifest.as_of == 2
    assert made.z_UD.tobytes() == model.encode(Snapshot(traces, 2)).tobytes()
    capsys.readouterr()
    for wrong in ("2020-01-01", "-1", "²"):
        assert run(*line, f"--as-of={wrong}") == 2
        assert f"to leave out, got {wrong!r}" in capsys.readouterr().err.replace("\n", " ")


def as_of(line: list[object], moment: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is said on the way when everybody is encoded at a moment."""
    capsys.readouterr()
    assert run(*line, "--as-of", moment) == 0
    return capsys.readouterr().err


def test_a_cutoff_far_behind_the_data_is_told(
    model: Model, traces: Traces, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line: list[object] = ["encode", model.path, traces.path, "--out"]
    # The world lasts 90 days from 2020-01-01, to the end of 2020-03-30: 31 + 29 + 30.
    assert "!" not in as_of([*line, tmp_path / "a"], "2020-03-31", capsys)
    told = as_of([*line, tmp_path / "b"], "2021-03-31", capsys)
    assert "2021-03-31 lies 365 days after the last event" in told
    assert "the data ends before 2020-03-31" in told
    assert run(*line, tmp_path / "c") == 0
    assert "!" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("read", "warned"),
    [
        (None, "pre-trained on all events, those after 2020-03-01 included"),
        ("2020-03-02", "pre-trained on events up to 2020-03-02, those after 2020-03-01 included"),
        ("2020-03-01", ""),
        ("2020-02-01", ""),
    ],
)
def test_a_model_that_read_what_comes_after_the_cutoff_is_told(
    read: str | None, warned: str, traces: Traces
) -> None:
    about = {"run": {"as_of": read}, "data": {"digest": traces.digest}}
    told = " ".join(reads_the_future(about, Snapshot(traces, "2020-03-01")))
    assert told[4:].startswith(f"model was {warned}") if warned else not told
    # Of other traces, without a cutoff, or of a model that does not say, nothing is known.
    other = {**about, "data": {"digest": "another"}}
    assert not reads_the_future(other, Snapshot(traces, "2020-03-01"))
    assert not reads_the_future(about, Snapshot(traces, None))
    assert not reads_the_future({"data": about["data"]}, Snapshot(traces, "2020-03-01"))


def test_a_cutoff_before_most_peoples_events_is_told(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = parse_time("2020-01-01")
    event = {"service": "shop-0", "item_id": "item-0-0", "price": 1.0, "text": ""}
    events = {f"u{n}": [{"time": day + n * DAY, **event}] for n in range(5)}
    traces = small_traces(tmp_path / "five", events)
    line: list[object] = ["encode", model.path, traces.path, "--out"]
    # Before day 2 there are u0 and u1, before day 3 also u2: three of five, then two, without.
    told = as_of([*line, tmp_path / "a"], "2020-01-03", capsys)
    assert "3 of 5 users have no event before 2020-01-03" in told
    assert "!" not in as_of([*line, tmp_path / "b"], "2020-01-04", capsys)
