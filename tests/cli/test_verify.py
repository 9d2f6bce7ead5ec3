import io
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from habitus.cli import verify
from habitus.cli.main import build_app
from habitus.evaluation import known_answers
from habitus.evaluation.known_answers import Answer, NotRunError, Outcome
from habitus.registry import Registry


def good() -> Iterable[Answer]:
    """One that holds."""
    yield Answer("a half", 0.5, 0.5, 1e-9, "by hand")
    yield Answer("a third", 0.3333, 1 / 3, 1e-3, "by hand")


def bad() -> Iterable[Answer]:
    """One that is missed."""
    yield Answer("two", 3.0, 2.0, 0.5, "by hand")
    yield Answer("nothing", float("nan"), 2.0, 0.5, "by hand")


def absent() -> Iterable[Answer]:
    """One whose data is not here."""
    raise NotRunError("set HABITUS_DATA")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return ``habitus verify`` with a table of the functions above."""
    monkeypatch.setitem(sys.modules, "toy_answers", sys.modules[__name__])

    def run(entries: list[str], *words: str) -> Any:
        table = Registry[Any]("known answer", {name: f"toy_answers:{name}" for name in entries})
        monkeypatch.setattr(known_answers, "KNOWN_ANSWERS", table)
        app = typer.Typer()
        app.command()(verify.verify_command)
        return CliRunner().invoke(app, words)

    return run


def test_all_that_hold_exit_0(run: Callable[..., Any]) -> None:
    result = run(["good"])
    assert result.exit_code == 0
    assert "2 of 2 figures hold, 0 missed" in result.stdout
    assert "a third" in result.stdout


def test_one_missed_exits_1(run: Callable[..., Any]) -> None:
    result = run(["good", "bad"])
    assert result.exit_code == 1
    assert "2 of 4 figures hold, 2 missed" in result.stdout


def test_absent_data_is_said_and_does_not_fail(run: Callable[..., Any]) -> None:
    result = run(["good", "absent"])
    assert result.exit_code == 0
    assert "not run" in result.stdout
    assert "set HABITUS_DATA" in result.stdout
    assert "1 known answers were not run" in result.stdout


def test_one_can_be_chosen(run: Callable[..., Any]) -> None:
    assert run(["good", "bad"], "good").exit_code == 0


def test_an_unknown_name_is_an_error_before_any_work(run: Callable[..., Any]) -> None:
    result = run(["good", "bad"], "bad", "goood")
    assert "did you mean 'good'" in str(result.exception)
    assert "two" not in result.stdout


def test_json_is_plain_and_complete(run: Callable[..., Any]) -> None:
    result = run(["bad", "absent", "good"], "--json")
    assert result.exit_code == 1
    values = json.loads(result.stdout)
    assert values["holds"] is False
    assert [a["holds"] for a in values["answers"]] == [False, False, True, True]
    assert values["answers"][1]["ours"] is None  # NaN is no JSON
    assert values["answers"][2] == {
        "entry": "good",
        "name": "a half",
        "ours": 0.5,
        "expected": 0.5,
        "tolerance": 1e-9,
        "source": "by hand",
        "holds": True,
    }
    assert values["not_run"] == [{"entry": "absent", "why": "set HABITUS_DATA"}]


def test_the_real_table_is_behind_the_verb() -> None:
    result = CliRunner().invoke(build_app("verify"), ["verify", "constant_scorer"])
    assert result.exit_code == 0
    assert "3 of 3 figures hold" in result.stdout


def test_a_source_is_said_once() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    verify.show([Outcome("good", tuple(good()), None)], console)
    assert console.export_text().count("by hand") == 1
