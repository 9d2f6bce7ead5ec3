"""The verb with its long parts taken out; CI runs the whole as ``make demo QUICK=1``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from habitus.cli.main import main
from habitus.runs import demo
from tests.reports.sample import sample


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[demo.DemoPlan]:
    """Run the verb and return the plans that it asked for."""
    plans = []

    def stand_in(_root: Path, plan: demo.DemoPlan, *, show: Callable[..., None], **_: Any) -> Any:
        plans.append(plan)
        show("pretrain", 1, 2, "")
        return sample()

    monkeypatch.setattr(demo, "run_demo", stand_in)
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *arguments])
    assert stopped.value.code == 0
    return plans


def test_it_writes_both_reports_and_prints_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["--out", str(tmp_path)], monkeypatch)
    printed = capsys.readouterr().out
    for name in ("report.html", "report.json"):
        assert (tmp_path / name).stat().st_size > 0
        assert str(tmp_path / name) in printed


def test_the_report_says_which_command_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["--out", str(tmp_path), "--quick", "--seeds", "3"], monkeypatch)
    assert '"habitus demo --quick --seeds 3"' in (tmp_path / "report.json").read_text()


def test_options_reach_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [plan] = run(["--out", str(tmp_path), "--quick", "--allow-sensitive"], monkeypatch)
    assert plan == demo.DemoPlan(quick=True, sensitive=True)


def test_no_seed_is_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--seeds", "0"])
    assert stopped.value.code == 2
    assert "--seeds must be at least 1, got 0" in capsys.readouterr().err


def test_pasum_writes_a_report_for_each_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def stand_in(root: Path, plan: demo.DemoPlan, *, data: str | None, **_: Any) -> Any:
        asked.append((root, plan, data))
        yield "baskets", sample()
        yield "posts", sample()

    monkeypatch.setattr("habitus.runs.demo_pasum.run_demo_pasum", stand_in)
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "pasum", "--quick", "--fine-tune", "--out", str(tmp_path)])
    assert stopped.value.code == 0
    assert asked == [(tmp_path, demo.DemoPlan(quick=True, fine_tune=True), None)]
    printed = capsys.readouterr().out
    for name in ("baskets", "posts"):
        assert str(tmp_path / name / "report.html") in printed
        text = (tmp_path / name / "report.json").read_text()
        assert '"habitus demo pasum --quick --fine-tune"' in text


def test_clue_writes_a_report_for_each_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def stand_in(root: Path, plan: demo.DemoPlan, **_: Any) -> Any:
        asked.append((root, plan))
        yield "households", sample()

    monkeypatch.setattr("habitus.runs.demo_clue.run_demo_clue", stand_in)
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "clue", "--quick", "--seeds", "2", "--out", str(tmp_path)])
    assert stopped.value.code == 0
    assert asked == [(tmp_path, demo.DemoPlan(quick=True, seeds=2))]
    assert str(tmp_path / "households" / "report.html") in capsys.readouterr().out
    text = (tmp_path / "households" / "report.json").read_text()
    assert '"habitus demo clue --quick --seeds 2"' in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pasm"], "no demo is called 'pasm'; did you mean 'pasum'?"),
        (["clue", "--data", "legislature"], "--data goes with a system that has several sets"),
        (["--data", "legislature"], "--data goes with a system that has several sets"),
    ],
)
def test_a_demo_that_is_not_there_is_told(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
