from __future__ import annotations

import pytest

from habitus.reports.findings import Findings
from habitus.reports.sections.differences import differences_section
from tests.reports.page import Element, Page
from tests.reports.sample import difference, sample

EDGES = {"coupon": -0.05, "inactive": 0.05, "diapers": 0.0}
FINDINGS = Findings(sample(num_tasks=3, edges=EDGES))


def pair(page: Page, title: str) -> Element:
    return next(e for e in page.all("details") if e.text.startswith(title))


@pytest.mark.parametrize(
    ("task", "figures", "word"),
    [
        ("coupon", "−.050 [−.070, −.030]", "▽ behind"),
        ("inactive", "+.050 [+.030, +.070]", "▲ ahead"),
        ("diapers", ".000 [−.020, +.020]", "≈ tie"),
    ],
)
def test_each_question_has_its_figures_and_verdict(task: str, figures: str, word: str) -> None:
    page = Page(differences_section(FINDINGS))
    rows = page.inside(pair(page, "habitus minus aggregates"), "tr")
    (row,) = [r for r in rows if r.children[0].text == task]
    assert [c.text for c in row.children[2:]] == [figures, word]
    (picture,) = [e for e in page.inside(row, "div") if e.attributes["class"] == "track"]
    assert picture.attributes["aria-label"] == f"{task}: {figures}, {word[2:]}"


def test_a_tie_by_correction_alone_is_told_from_one_whose_interval_holds_zero() -> None:
    results = sample(num_tasks=3, edges=EDGES)
    for row in results["differences"]:
        row["p_holm"] = 0.06
    page = Page(differences_section(Findings(results)))
    rows = page.inside(pair(page, "habitus minus aggregates"), "tr")
    verdicts = {r.children[0].text: r.children[3] for r in rows}
    assert verdicts["coupon"].text == "≈ tie (Holm)"
    assert verdicts["coupon"].attributes["class"] == "word tie"
    assert verdicts["diapers"].text == "≈ tie"
    assert "The mean over questions is one comparison" in page.elements[0].text


def test_the_mean_stands_last_against_the_reference_only() -> None:
    page = Page(differences_section(FINDINGS))
    titles = {
        title: page.inside(pair(page, title), "tr")[-1].children[0].text
        for title in ("habitus minus aggregates", "habitus minus majority")
    }
    assert titles["habitus minus aggregates"] == "Mean over questions"
    assert titles["habitus minus majority"] == "diapers"
    # The mean over one question is that question.
    alone = Page(differences_section(Findings(sample(num_tasks=1))))
    assert "Mean over questions" not in alone.elements[0].text


def test_the_reference_comes_first_and_open_and_clear_wins_are_folded() -> None:
    page = Page(differences_section(FINDINGS))
    first, *_ = page.all("details")
    assert first.text.startswith("habitus minus aggregates + GBDT1 ahead · 1 tied · 1 behind")
    assert "open" in first.attributes
    assert "open" not in pair(page, "habitus minus majority").attributes


def test_a_loss_to_a_control_is_not_folded_away() -> None:
    results = sample(num_tasks=1)
    results["differences"] = [difference("coupon", "ours", "untrained", -0.05)]
    page = Page(differences_section(Findings(results)))
    assert "open" in pair(page, "habitus minus untrained").attributes


def test_holms_p_is_shown_on_the_verdict() -> None:
    page = Page(differences_section(FINDINGS))
    titles = [e.attributes["title"] for e in page.all("td", "ahead")]
    assert "p = 0.0040 after Holm" in titles


def test_the_smallest_visible_difference_is_told() -> None:
    # 2.802 / 1.96 × .02 = .029, as in test_findings.
    assert "a difference of .029 AUROC" in Page(differences_section(FINDINGS)).elements[0].text


def test_without_differences_the_section_says_so() -> None:
    page = Page(differences_section(Findings(sample() | {"differences": []})))
    assert "No paired differences were computed." in page.elements[0].text
