"""The verb with its long part taken out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from habitus.cli.main import main
from habitus.runs import analyses
from habitus.runs.analyses import AnalysisPlan
from tests.reports.analysis.sample import analysis


class StandIn:
    """Remembers the plans that it was asked for."""

    def __init__(self) -> None:
        self.plans: list[AnalysisPlan] = []

    def __call__(self, plan: AnalysisPlan) -> dict[str, Any]:
        self.plans.append(plan)
        plan.show("pretrain", 1, 2, "")
        return analysis()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    found = StandIn()
    monkeypatch.setattr(analyses, "ANALYSES", {"ablation": found})
    return found


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["analyze", *arguments])
    return int(stopped.value.code or 0)


def test_it_writes_the_page_and_prints_what_was_found(
    stand_in: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ablation", "--out", str(tmp_path)) == 0
    printed = capsys.readouterr().out
    folder = tmp_path / "synthetic_posts" / "ablation"
    for name in ("analysis.html", "analysis.json"):
        assert (folder / name).stat().st_size > 0
        assert str(folder / name) in printed
    assert analysis()["findings"][0] in printed
    assert len(stand_in.plans) == 1


def test_a_quick_analysis_says_first_that_it_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = {"ablation": lambda _: analysis() | {"preset": "quick"}}
    monkeypatch.setattr(analyses, "ANALYSES", made)
    assert run("ablation", "--quick", "--out", str(tmp_path)) == 0
    assert capsys.readouterr().out.startswith("preset quick: shows that everything runs")


def test_each_analysis_has_a_set_of_its_own(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(analyses, "ANALYSES", {"matching": stand_in, "domains": stand_in})
    for name in ("matching", "domains"):
        assert run(name, "--out", str(tmp_path)) == 0
    assert run("matching", "--data", "art_office", "--out", str(tmp_path)) == 0
    assert [p.data for p in stand_in.plans] == ["complete_journey_services", "all", "art_office"]
    assert (tmp_path / "all" / "domains" / "analysis.html").is_file()


def test_options_reach_the_plan(stand_in: StandIn, tmp_path: Path) -> None:
    words = ["--data", "legislature", "--preset", "best", "--seeds", "3", "--task", "region"]
    flags = ["--quick", "--fine-tune", "--allow-sensitive"]
    assert run("ablation", *words, *flags, "--out", str(tmp_path)) == 0
    [plan] = stand_in.plans
    assert (plan.data, plan.preset, plan.seeds, plan.task) == ("legislature", "best", 3, "region")
    assert plan.quick
    assert plan.fine_tune
    assert plan.sensitive
    assert plan.root == tmp_path


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ((), "habitus analyze ablation --data synthetic_posts"),
        (
            ("--quick", "--seeds", "2", "--task", "age", "--fine-tune"),
            "habitus analyze ablation --data synthetic_posts --quick --seeds 2 --task age "
            "--fine-tune",
        ),
        (
            ("--set", "training.max_steps=9", "--set", "name=a b", "--variant", "paper"),
            "habitus analyze ablation --data synthetic_posts --set training.max_steps=9 "
            "--set 'name=a b' --variant paper",
        ),
        (
            ("--preset", "best", "--allow-sensitive"),
            "habitus analyze ablation --data synthetic_posts --preset best --allow-sensitive",
        ),
    ],
)
@pytest.mark.usefixtures("stand_in")
def test_the_page_says_which_command_made_it(
    options: tuple[str, ...], command: str, tmp_path: Path
) -> None:
    assert run("ablation", *options, "--out", str(tmp_path)) == 0
    file = tmp_path / "synthetic_posts" / "ablation" / "analysis.json"
    assert json.loads(file.read_text())["command"] == command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ablaton",), "no analysis is called 'ablaton'; did you mean 'ablation'?"),
        (("matching", "--set", "a=1"), "--set is for ablation, efficiency, graph_size, labels"),
        (("labels", "--variant", "paper"), "--variant is for ablation, not for labels"),
        (("ablation", "--seeds", "0"), "--seeds must be at least 1, got 0"),
        (("ablation", "--data", "legislatur"), "did you mean 'legislature'?"),
        (("map", "--task", "gendr"), "has no task 'gendr'; did you mean 'gender'?"),
        (("transfer", "--data", "debate_forum"), "is one platform"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*arguments, "--out", str(tmp_path)) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.rglob("analysis.json"))


def test_help_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    said = capsys.readouterr().out
    assert all(option in said for option in ("--data", "--task", "--quick", "--allow-sensitive"))


def test_analyses_are_called_with_a_plan_alone() -> None:
    first: Callable[[AnalysisPlan], object] = analyses.ANALYSES["map"]
    assert first.__name__ == "word_map"


def test_models_of_ones_own_reach_the_plan_of_analyses_that_have_such_rows(
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(analyses, "ANALYSES", {"matching": stand_in, "ablation": stand_in})
    folders = [tmp_path / "a", tmp_path / "b"]
    words = [word for folder in folders for word in ("--model", str(folder))]
    assert run("matching", "--out", str(tmp_path / "out"), *words) == 0
    assert list(stand_in.plans[-1].models) == folders
    capsys.readouterr()
    assert run("ablation", "--out", str(tmp_path / "out"), *words) != 0
    assert "--model is for matching, next_item, not for ablation" in " ".join(
        capsys.readouterr().err.split()
    )
