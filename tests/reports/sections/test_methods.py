from __future__ import annotations

import copy

from habitus.reports.findings import Findings
from habitus.reports.sections.methods import methods_table
from tests.reports.class_sample import class_sample
from tests.reports.page import Page
from tests.reports.sample import sample

RESULTS = sample(num_tasks=3)


def rows(page: Page) -> dict[str, list[str]]:
    head, *body = page.all("tr")
    assert len(head.children) == 7
    names = [m["label"] for m in RESULTS["methods"]]
    return {n: [c.text for c in row.children[1:]] for n, row in zip(names, body, strict=True)}


def test_ours_has_the_five_columns_of_d12() -> None:
    found = rows(Page(methods_table(Findings(RESULTS))))
    _, _, flops, speed, num_bytes, width = found["habitus"]
    assert (flops, speed, num_bytes, width) == ("1.2 × 10¹⁴", "412", "512", "128")


def test_what_was_not_measured_for_others_is_not_invented() -> None:
    found = rows(Page(methods_table(Findings(RESULTS))))
    assert found["aggregates + GBDT"][2:] == ["–", "–", "–", "113"]


def test_the_cold_column_is_the_mean_over_the_questions_that_have_it() -> None:
    results = copy.deepcopy(RESULTS)
    ours = [c for c in results["cells"] if c["method"] == "ours"]
    for cell, value in zip(ours, (0.6, 0.8, None), strict=True):
        estimate = None if value is None else {"value": value, "low": 0.5, "high": 0.9}
        cell["strata"]["cold"]["auroc"] = estimate
    # (.6 + .8) / 2 = .7, on two questions.
    assert rows(Page(methods_table(Findings(results))))["habitus"][1] == ".700 (2)"


def test_without_training_and_strata_there_are_dashes() -> None:
    results = copy.deepcopy(RESULTS) | {"pretraining": None, "encoding": None}
    for cell in results["cells"]:
        cell["strata"] = None
    assert rows(Page(methods_table(Findings(results))))["habitus"][1:5] == ["–"] * 4


def test_class_results_have_their_own_main_score() -> None:
    results = class_sample(num_tasks=2)
    page = Page(methods_table(Findings(results)))
    heads = [e.text for e in page.all("th") if e.attributes.get("scope") == "col"]
    assert heads[1:3] == ["Mean macro-F1", "Mean macro-F1, cold users"]
    cold = [c["strata"]["cold"]["macro_f1"] for c in results["cells"] if c["method"] == "ours"]
    known = [c["value"] for c in cold if c is not None]
    [row] = [r for r in page.all("tr") if r.children[0].text.startswith("habitusours")]
    want = f"{sum(known) / len(known):.3f} ({len(known)})".lstrip("0") if known else "–"
    assert row.children[2].text == want
