from __future__ import annotations

from habitus.reports.findings import Findings
from habitus.reports.sections.costs import costs_section
from tests.reports.page import Page
from tests.reports.sample import sample


def facts(page: Page) -> dict[str, str]:
    pairs = [e for e in page.all("div") if e.parents[-1].attributes.get("class") == "facts"]
    return {pair.children[0].text: pair.children[1].text.replace("\xa0", " ") for pair in pairs}


def test_every_cost_of_the_issue_is_there() -> None:
    found = facts(Page(costs_section(Findings(sample(num_tasks=1)))))
    assert found["FLOPs, true"] == "1.2 × 10¹⁴"
    assert found["FLOPs, executed"] == "1.3 × 10¹⁴"
    assert found["Padding"] == "2.7 %"
    assert found["Peak memory"] == "1.9 GiB"
    assert found["Steps"] == "1,200 (kept: 1,100)"
    assert found["Bytes per user"] == "512"
    assert found["Representations"] == "24,690"


def test_what_was_not_measured_is_left_out() -> None:
    results = sample(num_tasks=1) | {"pretraining": {"seconds": 3.0}, "encoding": {}}
    assert facts(Page(costs_section(Findings(results)))) == {"Time": "3 s"}


def test_without_training_and_encoding_the_section_says_so() -> None:
    changes = {"pretraining": None, "encoding": None, "machine": None}
    text = Page(costs_section(Findings(sample(num_tasks=1) | changes))).elements[0].text
    assert "do not say how the encoder was pre-trained" in text
    assert "do not say how long encoding took" in text
    assert "an unnamed machine" in text
