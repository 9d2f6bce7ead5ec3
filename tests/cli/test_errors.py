import errno

import pytest
from rich.markup import escape

from habitus.cli.errors import explain, sentences
from habitus.errors import DataError, GuardError, HabitusError, MissingExtraError, UsageError
from habitus.registry import UnknownNameError


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
