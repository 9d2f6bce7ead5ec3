"""The words for what a pre-training made small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from habitus.objectives.contrast import DOMAINS, HALVES, INTER, ContrastConfig
from habitus.objectives.cross_service import NAME
from habitus.objectives.triplet import INTRA
from habitus.reports.objectives import loss_meaning, part_name, rising
from habitus.runs.channel import channel
from habitus.runs.clue import clue
from habitus.runs.pasum import pasum

PAPER = pasum("paper")
CONTRAST = replace(PAPER, triplet=None, contrast=ContrastConfig())


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (channel("ci").to_dict(), "hidden values"),
        (PAPER.to_dict(), "from a stranger's, less a margin"),
        (CONTRAST.to_dict(), "from everybody else in the batch"),
        (clue("ci").to_dict(), "what the same user left on another"),
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


def test_parts_across_services_have_plain_names() -> None:
    found = {name: part_name(name) for name in (NAME, f"{NAME}_r1", f"{NAME}_gain")}
    start = "same user on another service (cross_service)"
    assert list(found.values()) == [
        start,
        f"{start}: share found first (R@1)",
        f"{start}: nats known about the counterpart",
    ]


def test_only_what_should_rise_is_no_loss() -> None:
    assert [rising(name) for name in (NAME, f"{NAME}_r1", f"{NAME}_gain", "inter_accuracy")] == [
        None,
        "share found first",
        "nats known",
        "share right",
    ]
    # Channels may have any name.
    assert [rising(name) for name in ("weight_gain", "product_accuracy", "inter")] == [None] * 3
