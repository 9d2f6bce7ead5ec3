"""Progress is for who watches: a line at a terminal, lines now and then in a log."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from habitus.cli.progress import Lines, bar, stages


def console(*, is_terminal: bool) -> tuple[Console, Callable[[], str]]:
    file = io.StringIO()
    return Console(file=file, force_terminal=is_terminal, width=200), file.getvalue


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(calls: list[tuple[float, int, int, str]], label: str = "pretrain") -> list[str]:
    """Return the lines of a stage that is told (seconds, done, total, note)."""
    screen, shown = console(is_terminal=False)
    clock = Clock()
    lines = Lines(label, screen, clock)
    for clock.now, done, total, note in calls:
        lines(done, total, note)
    return shown().splitlines()


def test_a_terminal_sees_how_much_is_done_and_the_note() -> None:
    screen, shown = console(is_terminal=True)
    with bar("pretrain", screen) as show:
        show(5, 20, "loss 1.234")
    assert "pretrain" in shown()
    assert "5/20" in shown()
    assert "25%" in shown()
    assert "loss 1.234" in shown()


def test_elsewhere_a_short_stage_is_its_name_and_its_end() -> None:
    screen, shown = console(is_terminal=False)
    with bar("pretrain", screen) as show:
        for done in range(6):
            show(done, 5, "loss 2.5")
    first, last = shown().splitlines()
    assert first == "pretrain …"
    assert last.startswith("pretrain: 5/5 (100 %), ")
    assert last.endswith("took 0.0 s, loss 2.5")


def test_a_long_stage_tells_every_quarter_with_rate_and_time_left() -> None:
    # 20 steps of 2 s: 0.5 steps/s; after a quarter, 15 steps are left, which take 30 s.
    calls = [(2.0 * done, done, 20, f"loss {done}") for done in range(21)]
    assert told(calls) == [
        "pretrain …",
        "pretrain: 5/20 (25 %), 0.5/s, 0:30 left, loss 5",
        "pretrain: 10/20 (50 %), 0.5/s, 0:20 left, loss 10",
        "pretrain: 15/20 (75 %), 0.5/s, 0:10 left, loss 15",
        "pretrain: 20/20 (100 %), 0.5/s, took 0:40, loss 20",
    ]


def test_a_very_long_stage_tells_every_ten_seconds() -> None:
    # 1,000,000 rows at 2,000 a second: 500 s; the first quarter would be told after 125 s.
    calls = [(float(s), 2_000 * s, 1_000_000, "2,000 rows/s") for s in range(26)]
    assert told(calls, "read") == [
        "read …",
        "read: 20,000/1,000,000 (2 %), 8:10 left, 2,000 rows/s",
        "read: 40,000/1,000,000 (4 %), 8:00 left, 2,000 rows/s",
    ]


def test_a_stage_that_goes_on_counts_only_what_it_did_itself() -> None:
    # It finds 80 of 100 done and does 10 in 10 s: 1 a second, 10 s left; not 90 in 10 s.
    assert told([(0.0, 80, 100, ""), (10.0, 90, 100, "")])[1:] == [
        "pretrain: 90/100 (90 %), 1/s, 0:10 left"
    ]


def test_without_a_total_it_tells_what_is_done() -> None:
    assert told([(0.0, 0, 0, ""), (11.0, 3_300, 0, "")])[1:] == ["pretrain: 3,300 done, 300/s"]


def test_hours_are_told_as_hours() -> None:
    # 10 of 4,000 in 20 s: 3,990 × 2 s = 7,980 s = 2 h 13 min.
    assert told([(0.0, 0, 4_000, ""), (20.0, 10, 4_000, "")])[1:] == [
        "pretrain: 10/4,000 (0 %), 0.5/s, 2:13:00 left"
    ]


def test_it_goes_to_stderr_so_that_stdout_can_be_piped(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("encode") as show:
        show(1, 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "encode" in err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_error_inside_comes_out(is_terminal: bool) -> None:
    screen, _ = console(is_terminal=is_terminal)
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
    else:
        names = [line.partition(":")[0] for line in shown().splitlines()]
        assert names == ["ingest …", "ingest", "pretrain …"]
