from __future__ import annotations

import copy

from habitus.reports.findings import Findings
from habitus.reports.sections.provenance import provenance_section
from tests.reports.class_sample import class_sample
from tests.reports.page import Page
from tests.reports.sample import NOTICE, sample


def pairs(page: Page) -> dict[str, str]:
    found = [e for e in page.all("div") if e.parents[-1].attributes.get("class") == "pairs"]
    return {pair.children[0].text: pair.children[1].text for pair in found}


def test_all_that_is_needed_to_make_it_again_is_told() -> None:
    found = pairs(Page(provenance_section(Findings(sample(num_tasks=1)))))
    assert found["Digest"] == "3f6c0a9be1d24f77"
    assert found["Command"] == "habitus demo --preset ci"
    assert found["Seeds of the probes"] == "0, 1, 2, 3, 4"
    assert found["Seeds of pre-training"] == "0"
    assert found["Versions"] == "habitus: 0.1.0, python: 3.11.7, torch: 2.13.0"
    assert found["Machine"] == "cpu: a processor, cores: 2, threads: 2"
    assert found["Made"] == "2030-01-02T03:04:05Z"
    assert found["Pre-training saw events before"] == "2017-10-01T00:00:00Z"
    assert found["Seed of the split"] == "0"
    assert found["Ingest"] == (
        "1,469,307 rows read, 0 set aside as unreadable, 12 duplicates, 0 users opted out, in 3.9 s"
    )


def test_notices_are_quoted_in_full() -> None:
    page = Page(provenance_section(Findings(sample(num_tasks=1))))
    assert [e.text for e in page.all("blockquote")] == [NOTICE]


def test_a_missing_notice_is_said_to_be_missing() -> None:
    results = copy.deepcopy(sample(num_tasks=1))
    results["data"]["notices"] = []
    page = Page(provenance_section(Findings(results)))
    assert "without a notice on its terms" in page.elements[0].text


def test_the_config_is_there_whole() -> None:
    (config,) = Page(provenance_section(Findings(sample(num_tasks=1)))).all("pre")
    assert '"width": 128' in config.text
    assert '"max_events": 256' in config.text


def test_cutoffs_and_sizes_stand_beside_each_question() -> None:
    page = Page(provenance_section(Findings(sample(num_tasks=1))))
    row = next(r for r in page.all("tr") if r.children[0].text == "coupon")
    assert [c.text.replace("\xa0", " ") for c in row.children[1:]] == [
        "30 days",
        "8: 2017-04-01 … 2017-11-01",
        "2017-12-01",
        "11,840",
        "372",
        "617",
        "9.4 %",
        "9.0 %",
    ]


def test_one_cutoff_stands_alone_and_none_is_a_dash() -> None:
    results = copy.deepcopy(sample(num_tasks=2))
    results["tasks"][0]["train_cutoffs"] = ["2017-11-01"]
    results["tasks"][1] |= {"train_cutoffs": [], "horizon_days": None, "test_cutoff": None}
    page = Page(provenance_section(Findings(results)))
    first, second = (r for r in page.all("tr") if r.children[0].text in ("coupon", "inactive"))
    assert first.children[2].text == "2017-11-01"
    assert [c.text for c in second.children[1:4]] == ["–", "–", "–"]


def test_class_tasks_are_told_by_their_classes_and_halves() -> None:
    results = class_sample(num_tasks=2)
    results["tasks"][1] |= {"part": "first", "part_by": "thread", "test_cutoff": "2020-06-01"}
    page = Page(provenance_section(Findings(results)))
    found = pairs(page)
    assert (found["Protocol"], found["Seeds of the random splits"]) == (
        "strict-inductive",
        "1, 2, 3",
    )
    rows = [[c.text for c in r.children] for r in page.all("tr") if len(r.children) == 9]
    assert rows[0][1:4] == ["Classes, share of test users", "Cutoff", "Half of the posts"]
    assert rows[1][1:4] == ["art 50\xa0%, law 30\xa0%, sport 20\xa0%", "the end", "all"]
    assert rows[2][2:4] == ["2020\u201106\u201101", "first half, by thread"]
