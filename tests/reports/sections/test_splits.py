from __future__ import annotations

import copy

from habitus.reports.findings import Findings
from habitus.reports.markup import join
from habitus.reports.sections.scores import scores_section
from habitus.reports.sections.splits import splits
from tests.reports.class_sample import class_sample
from tests.reports.page import Page
from tests.reports.sample import sample

RESULTS = class_sample(num_tasks=2)


def test_a_cell_is_mean_lowest_and_highest() -> None:
    results = copy.deepcopy(RESULTS)
    cell = next(c for c in results["cells"] if (c["task"], c["method"]) == ("coupon", "ours"))
    cell["splits"] = {"1": {"macro_f1": 0.5}, "2": {"macro_f1": 0.7}, "3": {"macro_f1": 0.6}}
    page = Page(join(splits(Findings(results))))
    [row] = [r for r in page.all("tr") if r.children[0].text == "coupon"]
    # ours stands first
    assert row.children[1].text == ".600.500–.700"


def test_a_split_that_was_not_run_does_not_count() -> None:
    results = copy.deepcopy(RESULTS)
    for cell in results["cells"]:
        cell["splits"] = {"1": None, "2": {"macro_f1": 0.7}, "3": {"macro_f1": None}}
    page = Page(join(splits(Findings(results))))
    assert {r.children[1].text for r in page.all("tr")[1:]} == {".700.700–.700"}
    for cell in results["cells"]:
        cell["splits"] = {"1": None}
    page = Page(join(splits(Findings(results))))
    assert {r.children[1].text for r in page.all("tr")[1:]} == {"–"}


def test_why_a_split_was_not_run_is_told_once_below_the_table() -> None:
    told = "random splits 1, 3: under the first, task 'coupon' is left out: 2 test users are 'law'"
    other = "picky is left out of coupon: no keywords"
    results = {**RESULTS, "notes": [told, other, "Something else."]}
    *_, last = splits(Findings(results))
    assert Page(last).elements[0].text == f"Left out: {told}."
    page = Page(scores_section(Findings(results)))
    notes = [e.text for e in page.all("p") if e.text.startswith(("Left out", "Not run"))]
    # The tables of both measures lack the method.
    assert notes == [f"Not run: {other}."] * 2 + [f"Left out: {told}."]


def test_it_stands_among_the_scores_and_only_where_there_are_splits() -> None:
    title = "Macro-F1 under other splits of the users"
    headings = [e.text for e in Page(scores_section(Findings(RESULTS))).all("h3")]
    assert title in headings
    assert splits(Findings(sample(num_tasks=2))) == []
    assert "parted anew 3 times" in join(splits(Findings(RESULTS)))
