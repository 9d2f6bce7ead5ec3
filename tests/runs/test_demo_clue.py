"""The parts of CLUE's demo; the whole is run by make test-slow."""

from pathlib import Path

import pytest

from habitus.datasets import DATASETS
from habitus.runs import demo_clue as module
from habitus.runs.clue import PRESETS
from habitus.runs.demo import DemoPlan
from habitus.runs.demo_clue import HOUSEHOLDS, PAGES, household_run, run_demo_clue


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def test_the_set_comes_with_a_package() -> None:
    assert HOUSEHOLDS in DATASETS
    assert list(PAGES) == [HOUSEHOLDS]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_batches_fit_few_households(preset: str) -> None:
    run = household_run(preset)
    assert run.pairs.batch_users <= 256
    assert run.preset == preset


def test_each_page_is_given_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES", {"one": lambda *_: {"title": "first"}})
    found = dict(run_demo_clue(tmp_path, DemoPlan(), show=silent, card=lambda _: ""))
    assert found == {"one": {"title": "first"}}
