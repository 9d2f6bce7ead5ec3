import errno
from pathlib import Path

import pytest
from rich.markup import escape

from habitus.cli.errors import explain, sentences
from habitus.cli.main import main
from habitus.errors import DataError, GuardError, HabitusError, MissingExtraError, UsageError
from habitus.registry import UnknownNameError
from tests.small import small_run, small_traces


def leave(error: BaseException, *, debug: bool = False) -> int:
    """Raise ``error`` where a command would, and return the exit code."""
    with pytest.raises(SystemExit) as exit_, sentences(debug=debug):
        raise error
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.mark.parametrize(
    ("error", "exit_code", "sentence"),
    [
        (HabitusError("a"), 1, "error: a"),
        (UsageError("b"), 2, "error: b"),
        (UnknownNameError("no task is called 'x'"), 2, "error: no task is called 'x'"),
        (DataError("c"), 3, "error: c"),
        (GuardError("d"), 4, "error: d"),
        (
            MissingExtraError("duckdb", extra="sql", what="SQL sources"),
            2,
            "error: SQL sources need duckdb: pip install 'habitus[sql]'",
        ),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to resume"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), 3, "error: a.csv: no such file"),
        (PermissionError(errno.EACCES, "Denied", "out"), 3, "error: out: denied"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_each_kind_has_its_exit_code_and_one_sentence(
    error: BaseException, exit_code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error) == (exit_code, sentence)
    assert leave(error) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == sentence + "\n"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "runs/demo/model.safetensors"),
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("io error: No space left on device (os error 28)"),
    ],
    ids=["a file", "no file", "from rust"],
)
def test_a_full_disk_is_told_and_can_be_resumed(error: Exception) -> None:
    told = explain(error)
    assert told is not None
    assert told[0] == 3
    assert told[1].startswith("error: no space left on the device")
    assert told[1].endswith("run the same command again")
    assert ("model.safetensors" in told[1]) == (getattr(error, "filename", None) is not None)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")],
    ids=["python", "torch"],
)
def test_too_little_memory_is_told(error: Exception) -> None:
    told = explain(error)
    assert told is not None
    assert told[0] == 3
    assert told[1].startswith("error: out of memory")


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("x"), KeyError("x"), ValueError("x"), OSError("x"), BrokenPipeError()],
)
def test_a_bug_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert explain(error) is None
    with pytest.raises(type(error)), sentences():
        raise error


def test_debug_shows_the_traceback_above_the_same_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert leave(DataError("the file is cut"), debug=True) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("error: the file is cut\n")


def test_without_debug_there_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    leave(DataError("the file is cut"))
    assert "Traceback" not in capsys.readouterr().err


def test_a_message_is_printed_as_it_is_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    message = "sizes[1] must be [bold]int[/bold]; see " + "x" * 300
    assert escape(message) != message
    leave(UsageError(message))
    assert capsys.readouterr().err == f"error: {message}\n"


def test_it_decorates_a_function_many_times_over(capsys: pytest.CaptureFixture[str]) -> None:
    @sentences()
    def command(value: int) -> int:
        """Do it."""
        if value < 0:
            raise UsageError("negative")
        return value

    assert command.__doc__ == "Do it."
    for _ in range(2):
        assert command(3) == 3
        with pytest.raises(SystemExit):
            command(-1)
    assert capsys.readouterr().err == "error: negative\n" * 2


def test_an_exit_is_left_alone() -> None:
    with pytest.raises(SystemExit) as exit_, sentences():
        raise SystemExit(7)
    assert exit_.value.code == 7


TASK = "- {kind: inactive, name: t, horizon_days: 10, question: 'Yes?'%s}\n"
FILES: dict[str, bytes | str] = {
    "events.csv": b"user_id,time,price\na,2020-01-01,1.5\nb,2020-01-02,2.5\n",
    "uid.csv": b"uid,time\na,2020-01-01\n",
    "bytes": b"\xff\xfe\x00",
    "bytes.csv": b"\xff\xfe\x00",
    "broken.yaml": b"a: [",
    "three.yaml": b"3",
    "key.yaml": b"{evnets: {}}",
    "column.yaml": b"{events: {user_id: nobody}}",
    "tasks.yaml": TASK % "",
    "soon.yaml": TASK % ", cutoffs: {first: soon, test: 2020-06-01}",
    "month.yaml": TASK % ", cutoffs: {first: 2020-02-01, test: 2020-13-01}",
    "late.yaml": TASK % ", cutoffs: {first: 2020-02-01, test: 2031-01-01}",
    "early.yaml": TASK % ", cutoffs: {first: 1990-02-01, test: 1991-01-01}",
    "kind.yaml": (TASK % "").replace("inactive", "inactiv"),
    "channel.yaml": (TASK % ", channel: nothing, values: [a]").replace("inactive", "has"),
    "dense.yaml": (TASK % ", channel: price, values: ['1']").replace("inactive", "has"),
    "value.yaml": (TASK % ", channel: item_id, values: [zzz]").replace("inactive", "has"),
    "label.yaml": (TASK % ", label: zzz").replace("inactive", "labeled"),
    "attribute.yaml": (TASK % ", attribute: z, values: [a]").replace("inactive", "profile"),
    "ids": b"nobody\n",
}
PRETRAIN = "pretrain traces --out new --preset quick --set training.max_steps=2"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with traces, a model, and files that are right and wrong."""
    folder = tmp_path_factory.mktemp("place")
    traces = small_traces(folder / "traces")
    small_run().build(traces)[0].save(folder / "model", card="")
    for name, content in FILES.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    return folder


MISSING = [
    "ingest no.csv --out new",
    "ingest events.csv --items no.csv --out new",
    "ingest events.csv --mapping no.yaml --out new",
    "ingest events.csv --opt-out no --out new",
    "check no.csv",
    "check events.csv --mapping no.yaml",
    "pretrain no --out new",
    "encode no traces --out new",
    "encode model no --out new",
    "encode model traces --users no --out new",
    "evaluate no --tasks tasks.yaml --out new",
    "evaluate traces --tasks no.yaml --out new",
    "evaluate traces --tasks tasks.yaml --model no --out new",
    "evaluate traces --tasks tasks.yaml --representations no --out new",
    "report no.json",
]
DAMAGED = [
    "ingest bytes.csv --out new",
    "ingest events.csv --mapping bytes --out new",
    "ingest events.csv --mapping broken.yaml --out new",
    "ingest events.csv --opt-out bytes --out new",
    "encode model traces --users bytes --out new",
    "evaluate traces --tasks bytes --out new",
    "evaluate traces --tasks broken.yaml --out new",
    "report bytes",
    # One thing in the place of another.
    "pretrain model --out new",
    "encode traces traces --out new",
    "evaluate model --tasks tasks.yaml --out new",
    "evaluate traces --tasks tasks.yaml --model traces --out new",
    "evaluate traces --tasks tasks.yaml --representations model --out new",
]
LACKING = [
    "ingest uid.csv --out new",
    "ingest events.csv --mapping column.yaml --out new",
    "check events.csv --mapping column.yaml",
    f"{PRETRAIN} --set vocabulary.channels=[nothing]",
    "encode model traces --users ids --out new",
    "evaluate traces --tasks channel.yaml --out new",
    "evaluate traces --tasks dense.yaml --out new",
    "evaluate traces --tasks value.yaml --out new",
    "evaluate traces --tasks label.yaml --out new",
    "evaluate traces --tasks attribute.yaml --allow-sensitive --out new",
    # A date before which there is nothing.
    f"{PRETRAIN} --as-of 1999-01-01",
    "encode model traces --as-of 1999-01-01 --out new",
    "evaluate traces --tasks early.yaml --out new",
]
WRONG_NAMES = [
    "ingst",
    "check events.csv --table event",
    "ingest events.csv --duplicates drop --out new",
    "get nobody --out new",
    "pretrain traces --run chanel --out new",
    "pretrain traces --preset cii --out new",
    "pretrain traces --device gpu --out new",
    "encode model traces --device gpu --out new",
    "encode model traces --dtype float8 --out new",
    "evaluate traces --tasks tasks.yaml --compare nobody --out new",
    "evaluate traces --tasks kind.yaml --out new",
    "settings --run chanel",
    "demo nobody",
    "analyze nobody",
    "verify nobody",
    # A key that there cannot be, in a file or at the terminal.
    "ingest events.csv --mapping key.yaml --out new",
    "ingest events.csv --mapping three.yaml --out new",
    "evaluate traces --tasks three.yaml --out new",
    f"{PRETRAIN} --set training.max_step=3",
]
WRONG_DATES = [
    "ingest events.csv --latest-time soon --out new",
    "ingest events.csv --earliest-time 2020-13-01 --out new",
    "check events.csv --earliest-time soon",
    f"{PRETRAIN} --as-of soon",
    "encode model traces --as-of 2020-13-01 --out new",
    "evaluate traces --tasks soon.yaml --out new",
    "evaluate traces --tasks month.yaml --out new",
]
TAKEN = [
    "ingest events.csv --out traces",
    "get synthetic --out traces",
    "pretrain traces --out model",
    "encode model traces --out model",
    "encode model traces --out events.csv",
    "evaluate traces --tasks tasks.yaml --out model",
]
STOPPED = [
    f"{PRETRAIN} --set sequence.min_events=5000",
    "ingest events.csv --latest-time 2020-01-01 --out new",
    "evaluate traces --tasks late.yaml --out new",
    "evaluate traces --tasks attribute.yaml --out new",
]
RULE = {
    **dict.fromkeys([*WRONG_NAMES, *WRONG_DATES, *TAKEN], 2),
    **dict.fromkeys([*MISSING, *DAMAGED, *LACKING], 3),
    **dict.fromkeys(STOPPED, 4),
}


@pytest.mark.parametrize("line", RULE)
def test_like_mistakes_have_the_same_code(
    line: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as exit_:
        main(line.split())
    assert exit_.value.code == RULE[line]
    assert "Traceback" not in capsys.readouterr().err
    assert not (place / "new").exists()
