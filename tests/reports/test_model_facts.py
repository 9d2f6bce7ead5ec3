"""What results say of the run that made ours."""

from __future__ import annotations

from typing import Any

import pytest

from habitus.reports.model_facts import LABELS, QUICK, model_label, quick_warning, run_config
from habitus.runs import RUNS
from habitus.runs.channel import channel
from habitus.runs.clue import clue
from habitus.runs.pasum import pasum
from habitus.runs.supermoe import supermoe

PRESETS = [make("quick") for make in (channel, clue, pasum, supermoe)]


def test_every_run_has_the_label_that_it_gives_itself() -> None:
    assert {run.name: run.label for run in PRESETS} == LABELS
    assert set(LABELS) == set(RUNS)


@pytest.mark.parametrize("run", PRESETS)
def test_the_run_is_found_alone_and_as_that_of_ours(run: Any) -> None:
    config = run.to_dict()
    for results in ({"config": config}, {"config": {"ours": config, "paper": {}}}):
        assert run_config(results) == config
        assert model_label(results) == run.label
        assert quick_warning(results) == QUICK


@pytest.mark.parametrize("config", [None, "pasum", {}, {"ours": None}, {"name": 3}, {"name": "x"}])
def test_nothing_is_made_up_of_other_configs(config: object) -> None:
    assert model_label({"config": config}) is None
    assert quick_warning({"config": config}) is None
    assert model_label({}) is None


@pytest.mark.parametrize(
    ("preset", "warned"),
    [("quick", True), ("quick_paper", True), ("ci", False), ("", False), (None, False)],
)
def test_a_quick_preset_is_warned_of(preset: str | None, warned: bool) -> None:
    assert (quick_warning({"preset": preset}) is not None) == warned
