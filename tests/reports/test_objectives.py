"""The words for what a pre-training made small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from habitus.objectives.contrast import DOMAINS, HALVES, INTER, ContrastConfig
from habitus.objectives.triplet import INTRA
from habitus.reports.objectives import loss_meaning, part_name
from habitus.runs.channel import channel
from habitus.runs.pasum import pasum

PAPER = pasum("paper")
CONTRAST = replace(PAPER, triplet=None, contrast=ContrastConfig())


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (channel("ci").to_dict(), "hidden values"),
        (PAPER.to_dict(), "from a stranger's, less a margin"),
        (CONTRAST.to_dict(), "from everybody else in the batch"),
    ],
)
def test_the_loss_is_told_by_the_objective(run: dict[str, Any], words: str) -> None:
    # Alone, as the demo of purchases has it, and beside other runs.
    assert words in loss_meaning({"config": run})
    assert words in loss_meaning({"config": {"ours": run, "paper": PAPER.to_dict()}})


@pytest.mark.parametrize("config", [None, {}, {"name": "other"}, {"ours": None}, {"encoder": {}}])
def test_of_an_unknown_objective_nothing_is_made_up(config: object) -> None:
    assert loss_meaning({"config": config}) == ""
    assert loss_meaning({}) == ""


def test_parts_have_plain_names_and_channels_keep_theirs() -> None:
    found = [part_name(name) for name in (INTER, INTRA, HALVES, DOMAINS)]
    assert found == [
        "who follows whom (inter)",
        "communities of one user (intra)",
        "two halves of a user's posts (halves)",
        "users of one domain (domains)",
    ]
    assert part_name("inter_accuracy") == "who follows whom (inter): share right"
    assert part_name("product") == "product"
    assert part_name("product_accuracy") == "product_accuracy"
