from __future__ import annotations

import copy

from habitus.reports.findings import Findings
from habitus.reports.sections.strata import STRATA, strata_section
from tests.reports.class_sample import class_sample
from tests.reports.page import Page
from tests.reports.sample import sample


def test_every_stratum_is_explained_and_drawn_for_every_question() -> None:
    page = Page(strata_section(Findings(sample(num_tasks=2))))
    assert [e.text.lower() for e in page.all("dt")] == ["stratum", *STRATA]
    for card in page.all("figure"):
        names = [r.children[0].text for r in page.inside(card, "tr")[1:]]
        for name, stratum in zip(names, STRATA, strict=True):
            assert name.startswith(stratum)


def test_sizes_stand_beside_the_name() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["strata"]["mid"] |= {"num_users": 1234, "num_positive": 56}
    page = Page(strata_section(Findings(results)))
    assert "mid1,234 users, 56 yes" in [e.text for e in page.all("th")]


def test_a_stratum_without_a_score_says_too_few() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["strata"]["new"]["auroc"] = None
    page = Page(strata_section(Findings(results)))
    row = next(r for r in page.all("tr") if r.children[0].text.startswith("new"))
    assert row.children[1].text == "too few"


def test_a_method_that_lacks_a_stratum_leaves_its_lane_empty() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        if cell["method"] == "aggregates":
            cell["strata"] = None
    page = Page(strata_section(Findings(results)))
    row = next(r for r in page.all("tr") if r.children[0].text.startswith("mid"))
    assert [len(e.children) for e in page.inside(row, "div")[1:]] == [2, 0, 2]


def test_all_figures_are_in_the_table_below() -> None:
    results = sample(num_tasks=2)
    page = Page(strata_section(Findings(results)))
    (details,) = page.all("details")
    rows = page.inside(details, "tr")[1:]
    assert len(rows) == 2 * len(results["methods"])
    cell = next(c for c in results["cells"] if c["method"] == "ours")
    value = f"{cell['strata']['mid']['auroc']['value']:.3f}"[1:]
    row = next(r for r in rows if r.children[1].text == "habitus")
    assert row.children[4].text.startswith(value)


def test_without_strata_the_section_says_so() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    for cell in results["cells"]:
        cell["strata"] = {}
    assert "No strata were computed." in Page(strata_section(Findings(results))).elements[0].text
    for cell in results["cells"]:
        cell["strata"] = {"cold": None, "mid": {"num_users": 3, "auroc": None}}
    text = Page(strata_section(Findings(results))).elements[0].text
    assert "in each of them a yes, or a no, was too rare among them to score." in text
    assert "There are 617 test users; with more of them" in text


def test_strata_of_classes_have_no_share_of_yes() -> None:
    page = Page(strata_section(Findings(class_sample(num_tasks=1))))
    sizes = [e.text for e in page.all("span", "about")]
    assert sizes
    assert all(size.endswith(("user", "users")) for size in sizes)
    assert "a class was too rare among them" in page.elements[0].text
