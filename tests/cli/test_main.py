import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

import habitus
from habitus.cli import main as main_module
from habitus.cli.main import VERBS, Verb, build_app, main
from habitus.errors import DataError, GuardError, UsageError

HEAVY = {"duckdb", "numpy", "pandas", "plotly", "polars", "pyarrow", "scipy", "sklearn", "torch"}


def run(*words: str) -> int:
    """Return the exit code of one command line."""
    with pytest.raises(SystemExit) as exit_:
        main(words)
    return int(exit_.value.code or 0)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Return what puts a function behind the verb ``toy``."""

    def add(function: Callable[..., Any]) -> None:
        module = types.ModuleType("habitus_toy_verb")
        module.toy_command = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        entry = Verb(f"{module.__name__}:toy_command", "A toy.")
        monkeypatch.setattr(main_module, "VERBS", {**VERBS, "toy": entry})

    return add


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    for name, verb in VERBS.items():
        assert name in out
        assert verb.summary in out


def test_nothing_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    shown = capsys.readouterr()
    assert "pretrain" in shown.out + shown.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"habitus {habitus.__version__}\n"


def test_a_wrong_verb_is_a_usage_error_with_a_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("ingst") == 2
    assert "'ingest'" in capsys.readouterr().err


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_has_a_function_and_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert f"habitus {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", VERBS)
def test_help_of_a_verb_imports_nothing_heavy(name: str) -> None:
    # Anybody who types --help, or a wrong option, has the answer at once.
    code = (
        "import sys\n"
        "from habitus.cli.main import build_app\n"
        f"build_app({name!r})\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_only_the_chosen_verb_is_imported(
    verb: Callable[[Callable[..., Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def toy_command() -> None:
        """Do a toy thing."""

    verb(toy_command)
    del sys.modules["habitus_toy_verb"]
    build_app("demo-that-is-not-there")
    with pytest.raises(ModuleNotFoundError):
        build_app("toy")
    assert run("--help") == 0
    assert "A toy." in capsys.readouterr().out


def test_options_of_a_verb_come_from_its_function(
    verb: Callable[[Callable[..., Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def toy_command(
        source: Annotated[Path, typer.Argument(help="Where from.")],
        num_users: Annotated[int, typer.Option("--users", help="How many.")] = 3,
    ) -> None:
        """Do a toy thing.

        At length.
        """
        typer.echo(f"{source} {num_users}")

    verb(toy_command)
    assert run("toy", "a.csv", "--users", "5") == 0
    assert capsys.readouterr().out == "a.csv 5\n"
    assert run("toy", "--users", "many", "a.csv") == 2
    assert "--users" in capsys.readouterr().err
    assert run("toy", "--help") == 0
    assert "At length." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(UsageError("u"), 2), (DataError("d"), 3), (GuardError("g"), 4), (KeyboardInterrupt(), 130)],
    ids=["usage", "data", "guard", "interrupt"],
)
def test_what_a_verb_raises_becomes_the_exit_code(
    error: BaseException,
    exit_code: int,
    verb: Callable[[Callable[..., Any]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def toy_command() -> None:
        raise error

    verb(toy_command)
    assert run("toy") == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_an_error_while_a_verb_is_imported_is_told_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "habitus_broken_verb.py").write_text(
        "from habitus.errors import UsageError\nraise UsageError('at import')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = Verb("habitus_broken_verb:command", "Broken.")
    monkeypatch.setattr(main_module, "VERBS", {**VERBS, "broken": entry})
    assert run("broken") == 2
    assert capsys.readouterr().err == "error: at import\n"


@pytest.mark.parametrize("words", [["--debug", "toy"], ["toy", "--debug"], ["toy"]])
def test_debug_stands_anywhere_or_in_the_environment(
    words: list[str],
    verb: Callable[[Callable[..., Any]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def toy_command() -> None:
        raise DataError("cut")

    verb(toy_command)
    if "--debug" not in words:
        monkeypatch.setenv("HABITUS_DEBUG", "1")
    assert run(*words) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["", "0"])
def test_debug_is_off_where_the_environment_says_so(
    value: str,
    verb: Callable[[Callable[..., Any]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def toy_command() -> None:
        raise DataError("cut")

    verb(toy_command)
    monkeypatch.setenv("HABITUS_DEBUG", value)
    run("toy")
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_is_not_hidden(verb: Callable[[Callable[..., Any]], None]) -> None:
    def toy_command() -> None:
        raise ZeroDivisionError

    verb(toy_command)
    with pytest.raises(ZeroDivisionError):
        main(["toy"])


def test_the_program_is_installed_under_its_name() -> None:
    program = Path(sys.executable).with_name("habitus")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"habitus {habitus.__version__}\n"
