from __future__ import annotations

import copy

from habitus.reports.findings import Findings
from habitus.reports.sections.canaries import canaries_section
from tests.reports.page import Page
from tests.reports.sample import sample


def test_each_check_says_what_it_does_and_how_it_ended() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    results["canaries"][1]["passed"] = False
    page = Page(canaries_section(Findings(results)))
    _, first, second = page.all("tr")
    assert [c.text for c in first.children] == [
        "future shuffled",
        "Events after the cutoff are shuffled: no vector may change.",
        "✓ passed",
        "0 of 617 vectors changed",
    ]
    assert second.children[2].text == "✗ failed"
    assert [e.attributes.get("class") for e in page.all("span")] == ["pass", "fail"]


def test_without_checks_the_reader_is_warned() -> None:
    page = Page(canaries_section(Findings(sample(num_tasks=1) | {"canaries": None})))
    assert "No leak checks were run" in page.elements[0].text


def test_a_long_name_ends_a_line_after_an_underscore_in_a_box_that_scrolls() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    results["canaries"][0]["name"] = "permuted_labels_score_chance"
    section = canaries_section(Findings(results))
    assert "permuted_<wbr>labels_<wbr>score_<wbr>chance" in section
    page = Page(section)
    (table,) = page.all("table")
    assert "scroll" in (table.parents[-1].attributes["class"] or "")
