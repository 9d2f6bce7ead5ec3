"""Routing over the steps and between seeds, as the page shows it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from habitus.errors import DataError
from habitus.reports import html_page
from habitus.reports.findings import Findings
from habitus.reports.schema import check_results
from habitus.reports.sections.routing import routing_section
from habitus.reports.sections.routing_steps import between_seeds, over_the_steps
from tests.reports.page import Page
from tests.reports.sample import sample
from tests.reports.sections.test_routing import router

PATH = "blocks.0.ffns.0.router"
AGREEMENT = {
    "router": PATH,
    "num_models": 3,
    "num_events": 1_234,
    "matched": 0.62,
    "by_chance": 0.31,
    "adjusted": 0.4567,
}


def results(**changes: Any) -> dict[str, Any]:
    """Return results whose curves have three lines of one router, and an agreement."""
    found = copy.deepcopy(sample(num_tasks=1)) | {"routing": [router([0.5, 0.3, 0.2, 0.0])]}
    curves = found["pretraining"]["curves"]
    number = len(curves["step"])
    loads = [3.0] * (number - 1) + [1.5]
    dead = [2] + [1] * (number - 1)
    curves["routing"] = {PATH: {"max_load": loads, "num_dead": dead}}
    return found | {"routing_agreement": [AGREEMENT]} | changes


def test_each_router_has_a_line_of_its_busiest_expert_and_one_of_the_dead() -> None:
    found = over_the_steps(Findings(results()), str.upper)
    assert found is not None
    page = Page(found)
    (picture,) = page.all("svg")
    lines = page.inside(picture, "polyline")
    assert [line.attributes["class"] for line in lines] == ["line s0", "line s1"]
    heights = [
        [float(point.split(",")[1]) for point in str(line.attributes["points"]).split()]
        for line in lines
    ]
    # 3 × is above 1.5 ×, and two dead experts above one; what is larger stands higher up.
    assert heights[0][0] < heights[0][-1]
    assert heights[1][0] < heights[1][-1]
    # Of both lines on one scale: 1.5 at the end of the first lies above 1 of the second.
    assert heights[0][-1] < heights[1][-1]
    (caption,) = page.all("figcaption")
    words = caption.text.replace("\xa0", " ")
    assert words.startswith("BLOCKS.0.FFNS.0.ROUTER: busiest from 3.0 × to 1.5 ×")
    assert words.endswith("at the end 1 dead expert, at most 2")


def test_seeds_stand_beside_chance() -> None:
    page = Page(between_seeds(Findings(results()), str.upper))
    (line,) = [row for row in page.all("tr") if row.children[0].text.startswith("BLOCKS")]
    cells = [cell.text.replace("\xa0", " ") for cell in line.children]
    assert cells[1:] == ["62 %", "31 %", "0.46"]
    whole = Page(routing_section(Findings(results()))).elements[0].text
    assert "routers of 3 pre-trainings" in whole
    assert "block 1, feed-forward 1" in whole


def test_what_was_not_measured_is_said_or_left_out() -> None:
    bare = results(routing_agreement=[])
    del bare["pretraining"]["curves"]["routing"]
    assert over_the_steps(Findings(bare), str) is None
    text = Page(routing_section(Findings(bare))).elements[0].text
    assert "two pre-trainings or more" in text
    assert "Over the steps" not in text


def test_both_are_on_the_page_and_checked_at_its_door() -> None:
    page = html_page(results())
    assert "Over the steps of pre-training" in page
    assert "Between seeds" in page
    check_results(results())
    broken = results()
    broken["pretraining"]["curves"]["routing"][PATH]["num_dead"].pop()
    with pytest.raises(DataError, match=r"curves\.routing\.blocks.*num_dead has"):
        check_results(broken)
    with pytest.raises(DataError, match=r"routing_agreement\[0\]\.matched"):
        check_results(results(routing_agreement=[{**AGREEMENT, "matched": 1.2}]))
