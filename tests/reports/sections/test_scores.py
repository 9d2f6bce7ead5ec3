from __future__ import annotations

import copy

import pytest

from habitus.reports.findings import Findings
from habitus.reports.measures import MEASURES
from habitus.reports.sections.scores import scores_section
from tests.reports.page import Element, Page
from tests.reports.sample import sample, versus

EDGES = {"coupon": -0.05, "inactive": 0.05, "diapers": 0.0}
RESULTS = sample(num_tasks=3, edges=EDGES)


def main_table(page: Page, panel: int = 0) -> Element:
    (box,) = [e for e in page.all("div", "panel") if e.attributes["data-panel"] == str(panel)]
    (table,) = page.inside(box, "table")
    return table


def cell(page: Page, task: int, label: str, panel: int = 0) -> Element:
    table = main_table(page, panel)
    head, *rows = page.inside(table, "tr")
    (column,) = [i for i, h in enumerate(head.children) if h.text.startswith(label)]
    return rows[task].children[column]


@pytest.mark.parametrize(
    ("task", "ours", "counts"),
    [(0, "behind", "tie"), (1, "tie", "behind"), (2, "tie", "tie")],
)
def test_marks_stand_in_the_cells_with_words_for_readers_of_screens(
    task: int, ours: str, counts: str
) -> None:
    page = Page(scores_section(Findings(RESULTS)))
    signs = {"best": "★", "tie": "≈", "behind": "▽"}
    meanings = {
        "best": "best of the row",
        "tie": "tied with the best",
        "behind": "behind the best",
    }
    for label, mark in (("habitusours", ours), ("aggregates", counts), ("habitus +", "best")):
        found = cell(page, task, label)
        assert found.attributes["class"] == mark
        (sign,) = [e for e in found.children if e.attributes["class"] == "mark"]
        assert (sign.text, sign.attributes["aria-label"]) == (signs[mark], meanings[mark])


def test_a_cell_holds_value_and_interval_of_the_results() -> None:
    page = Page(scores_section(Findings(RESULTS)))
    (wanted,) = [
        c["metrics"]["auroc"]
        for c in RESULTS["cells"]
        if (c["task"], c["method"]) == ("inactive", "untrained")
    ]
    value, _, span = cell(page, 1, "untrained").children
    assert float(value.text) == pytest.approx(wanted["value"], abs=0.0005)
    assert [float(x) for x in span.text.split("–")] == pytest.approx(
        [wanted["low"], wanted["high"]], abs=0.0006
    )


def test_each_measure_has_a_table_and_the_first_button_is_pressed() -> None:
    page = Page(scores_section(Findings(RESULTS)))
    titles = [e.text for e in page.all("label")]
    assert titles == [one.title for one in MEASURES.values()]
    pressed = [("checked" in e.attributes) for e in page.all("input")]
    assert pressed == [True, False, False, False, False]
    for panel in range(len(MEASURES)):
        assert len(page.inside(main_table(page, panel), "tr")) >= 1 + 3


def test_of_an_untested_measure_only_the_best_is_marked_and_chance_is_mentioned() -> None:
    page = Page(scores_section(Findings(RESULTS)))
    marks = [e.text for e in page.inside(main_table(page, 2), "span") if e.text in "★≈▽" and e.text]
    assert marks == ["★"] * 3
    box = page.all("div", "panel")[2]
    assert "Lower is better." in box.text
    assert "says nothing about chance" in box.text


def test_a_measure_that_nobody_described_gets_its_own_table() -> None:
    results = copy.deepcopy(RESULTS)
    results["cells"][0]["metrics"]["ndcg@10"] = {"value": 0.1, "low": None, "high": None}
    page = Page(scores_section(Findings(results)))
    assert [e.text for e in page.all("label")][-1] == "ndcg@10"
    assert "no interval" in main_table(page, 5).text


def test_the_base_rate_stands_beside_the_question() -> None:
    page = Page(scores_section(Findings(RESULTS)))
    rates = [e.text.replace("\xa0", " ") for e in page.inside(main_table(page), "td")]
    assert "9.0 %" in rates
    assert "Does the household redeem a coupon?" in main_table(page).text


def test_a_sensitive_task_is_flagged() -> None:
    results = copy.deepcopy(RESULTS)
    results["tasks"][1]["sensitive"] = True
    flags = Page(scores_section(Findings(results))).all("span", "sensitive")
    assert {e.parents[-1].text.startswith("inactive") for e in flags} == {True}


def test_the_mean_stands_below_the_main_measure_only() -> None:
    page = Page(scores_section(Findings(RESULTS)))
    assert [len(page.inside(main_table(page, i), "tfoot")) for i in range(5)] == [1, 0, 0, 0, 0]


def test_the_highest_mean_is_marked_and_those_that_were_compared_with_it() -> None:
    summary = [s for s in copy.deepcopy(RESULTS["summary"]) if s["method"] != "ours+aggregates"]
    by_name = {s["method"]: s for s in summary}
    by_name["ours"] |= {"value": 0.9, "against": {"method": "aggregates"} | versus(0.05, 0.02)}
    page = Page(scores_section(Findings(RESULTS | {"summary": summary})))
    (foot,) = page.inside(main_table(page), "tfoot")
    signs = [e.text for e in page.inside(foot, "span") if e.attributes["class"] == "mark"]
    # Columns begin with ours and aggregates; the others were not compared with ours.
    assert signs == ["★", "▽"]


def test_without_cells_the_section_says_so() -> None:
    page = Page(scores_section(Findings(RESULTS | {"cells": [], "summary": []})))
    assert "No measure was computed." in page.elements[0].text
    assert "No average was computed." in page.elements[0].text
