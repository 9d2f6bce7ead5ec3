"""``habitus tasks`` prints what a tasks file may hold."""

import pytest
import typer
from typer.testing import CliRunner

from habitus.cli.tasks import tasks_command
from habitus.tasks import CLASS_TASKS, TASKS


def test_every_kind_is_printed_as_plain_text() -> None:
    app = typer.Typer()
    app.command()(tasks_command)
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0
    for kind in (*TASKS, *CLASS_TASKS):
        assert f"\nkind: {kind}\n" in done.stdout
    assert "cutoffs: {first: DATE, test: DATE}" in done.stdout


def test_it_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    tasks_command()
    out, err = capsys.readouterr()
    assert out
    assert err == ""
