"""Progress is for who watches: a line at a terminal, a word elsewhere."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from habitus.cli.progress import bar, stages


def console(*, is_terminal: bool) -> tuple[Console, Callable[[], str]]:
    file = io.StringIO()
    return Console(file=file, force_terminal=is_terminal, width=200), file.getvalue


def test_a_terminal_sees_how_much_is_done_and_the_note() -> None:
    screen, shown = console(is_terminal=True)
    with bar("pretrain", screen) as show:
        show(5, 20, "loss 1.234")
    assert "pretrain" in shown()
    assert "5/20" in shown()
    assert "25%" in shown()
    assert "loss 1.234" in shown()


def test_nobody_at_the_terminal_sees_one_word() -> None:
    screen, shown = console(is_terminal=False)
    with bar("pretrain", screen) as show:
        for done in range(5):
            show(done, 5, "loss")
    assert shown().split() == ["pretrain", "…"]


def test_it_goes_to_stderr_so_that_stdout_can_be_piped(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("encode") as show:
        show(1, 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "encode" in err


def test_an_error_inside_comes_out() -> None:
    screen, _ = console(is_terminal=True)
    with pytest.raises(ZeroDivisionError), bar("encode", screen):
        raise ZeroDivisionError


@pytest.mark.parametrize("is_terminal", [True, False])
def test_stages_of_a_longer_run_are_named_as_they_come(is_terminal: bool) -> None:
    screen, shown = console(is_terminal=is_terminal)
    with stages(screen) as show:
        show("ingest", 0, 1, "a year of groceries")
        show("ingest", 1, 1, "")
        show("pretrain", 3, 6, "loss 2.5")
    assert shown().index("ingest") < shown().index("pretrain")
    if is_terminal:
        assert "3/6" in shown()
        assert "loss 2.5" in shown()
