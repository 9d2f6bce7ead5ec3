"""Class results are told in their own words, on the page, in the terminal and on the card."""

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from habitus.reports import html_page, model_card, terminal_table
from habitus.reports.findings import Findings
from habitus.reports.sections.headline import headline
from habitus.reports.sections.limits import limits
from habitus.reports.words import CLASSES, PROTOCOLS, YES_OR_NO
from tests.reports.class_sample import class_sample
from tests.reports.page import Page
from tests.reports.sample import sample

RESULTS = class_sample()


def terminal(results: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(terminal_table(results))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "text",
    [html_page(RESULTS), terminal(RESULTS), model_card({"name": "x"}, RESULTS)],
    ids=["page", "terminal", "card"],
)
def test_nothing_speaks_of_auroc_or_of_yes(text: str) -> None:
    assert "macro-f1" in text.lower()
    for word in ("AUROC", "coin toss", "yes-or-no", "base rate", "unseen users"):
        assert word not in text.replace("the base rate of the training", ""), word


def test_yes_or_no_results_keep_their_words() -> None:
    assert Findings(sample()).words is YES_OR_NO
    assert Findings(RESULTS).words is CLASSES
    page = html_page(sample())
    assert "macro-F1" not in page
    assert "Largest class" not in page


def test_the_headline_says_what_the_largest_class_scores() -> None:
    results = copy.deepcopy(RESULTS)
    [row] = [s for s in results["summary"] if s["method"] == "majority"]
    row |= {"value": 0.216, "low": 0.2, "high": 0.23}
    first = headline(Findings(results))[0]
    assert first.startswith("On 8 questions about 617 users whose answers were kept apart, habitus")
    assert "(macro-F1: the mean of F1 over all classes, 1 is perfect; " in first
    assert "the largest class for everybody scores .216)" in first


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_the_protocol_is_named_and_explained(protocol: str) -> None:
    page = Page(html_page({**RESULTS, "protocol": protocol}))
    [told] = [e.text for e in page.all("p", "what") if e.text.startswith("Protocol")]
    assert told == f"Protocol: {protocol}. {PROTOCOLS[protocol]}"
    assert protocol in page.by_id("provenance").text


def test_without_a_protocol_none_is_told() -> None:
    page = Page(html_page({**RESULTS, "protocol": None}))
    assert not [e for e in page.all("p", "what") if e.text.startswith("Protocol")]


def test_there_is_no_calibration_of_classes() -> None:
    page = Page(html_page(RESULTS))
    ids = [e.attributes.get("id") for e in page.all("section")]
    assert "calibration" not in ids
    assert "#calibration" not in [e.attributes.get("href") for e in page.all("a")]
    assert "strata" in ids
    assert page.problems == []


def test_limits_speak_of_classes() -> None:
    told = " ".join(limits(Findings(RESULTS)))
    assert "how often users are put in their class" in told
    assert "ranked" not in told
