from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.reports import html_page
from habitus.reports.html import SECTIONS
from tests.reports.odd import LABEL, NAMES, NOTICE, odd
from tests.reports.page import Page
from tests.reports.sample import sample


def bare() -> dict[str, Any]:
    """Results with nothing that may be left out."""
    keep = ("format", "title", "created", "data", "split", "tasks", "methods", "cells")
    results = copy.deepcopy(sample(num_tasks=1, num_test=40))
    results = {k: results[k] for k in (*keep, "differences", "summary")}
    data = ("name", "digest", "num_users", "num_events")
    results["data"] = {key: results["data"][key] for key in data}
    results["split"] = {key: results["split"][key] for key in ("train", "valid", "test")}
    results["tasks"] = [{k: t[k] for k in ("name", "question")} for t in results["tasks"]]
    keys = ("name", "label", "group")
    results["methods"] = [{k: m[k] for k in keys} for m in results["methods"]]
    results["cells"] = [{k: c[k] for k in ("task", "method", "metrics")} for c in results["cells"]]
    for row in results["differences"]:
        row |= {"p": None, "p_holm": None}
    return results


def blank() -> dict[str, Any]:
    """Results in which every figure is null."""
    results = copy.deepcopy(sample(num_tasks=2, num_test=40))
    nothing = {"value": None, "low": None, "high": None}
    for cell in results["cells"]:
        cell["metrics"] = dict.fromkeys(cell["metrics"], nothing)
        cell["strata"] = dict.fromkeys(cell["strata"], None)
        cell["calibration"] = None
    for row in results["differences"]:
        row |= nothing | {"verdict": "tie", "p_holm": None}
    for row in results["summary"]:
        row |= nothing
        if row["against"]:
            row["against"] |= nothing | {"verdict": "tie"}
    size = len(results["map"]["x"])
    results["map"] |= {"x": [None] * size, "y": [None] * size, "explained": None}
    results["pretraining"] = {"curves": {"step": [1], "train_loss": [None]}}
    results["encoding"] = {}
    return results


CASES: dict[str, dict[str, Any]] = {
    "eight tasks": sample(),
    "one task": sample(num_tasks=1),
    "twenty tasks": sample(num_tasks=20),
    "odd names": odd(),
    "bare": bare(),
    "blank": blank(),
    "nothing asked": sample() | {"tasks": [], "cells": [], "differences": [], "summary": []},
    "no map": sample() | {"map": None},
    "an empty map": sample() | {"map": {"x": [], "y": [], "colors": {}}},
    "no pretraining": sample() | {"pretraining": None, "encoding": None},
    "nobody is ours": sample()
    | {
        "methods": [m for m in sample()["methods"] if m["group"] != "ours"],
        "cells": [c for c in sample()["cells"] if not c["method"].startswith("ours")],
        "summary": [s for s in sample()["summary"] if not s["method"].startswith("ours")],
        "differences": [],
    },
}


@pytest.fixture(params=CASES, scope="module")
def page(request: pytest.FixtureRequest) -> Page:
    return Page(html_page(CASES[request.param]))


def test_every_tag_is_closed_and_no_attribute_stands_twice(page: Page) -> None:
    assert page.problems == []


def test_every_section_is_there_and_linked_from_the_contents(page: Page) -> None:
    names = [e.attributes.get("id") for e in page.all("section")]
    # None of these results is of an encoder with routers.
    wanted = [name for name in SECTIONS if name != "routing"]
    assert names == wanted
    links = [e.attributes["href"] for e in page.all("a") if e.parents[-1].tag == "li"]
    assert links == [f"#{name}" for name in wanted]
    assert page.by_id("headline").tag == "header"
    for section in page.all("section"):
        assert len(section.text.split()) > 3


def test_ids_are_unique(page: Page) -> None:
    ids = [i for e in page.elements if (i := e.attributes.get("id")) is not None]
    assert len(ids) == len(set(ids))


def test_the_page_loads_nothing(page: Page) -> None:
    loading = {
        "src",
        "srcset",
        "poster",
        "data",
        "action",
        "background",
        "formaction",
        "xlink:href",
    }
    for element in page.elements:
        assert not loading & set(element.attributes)
        assert element.tag not in {"link", "iframe", "object", "embed", "img", "base", "image"}
        assert (element.attributes.get("href") or "#").startswith("#")
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text


def test_the_page_forbids_itself_to_load_anything_and_to_run_other_scripts(page: Page) -> None:
    (policy,) = [
        e.attributes["content"]
        for e in page.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    *data, script = page.all("script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    for one in data:
        assert one.attributes["type"] == "application/json"
        assert isinstance(json.loads(one.text), list)


def test_pictures_are_described_and_headings_have_a_scope(page: Page) -> None:
    for element in page.elements:
        if element.attributes.get("role") in ("img", "region"):
            assert element.attributes.get("aria-label")
        if element.tag == "th":
            assert element.attributes["scope"] in ("row", "col")
        if element.tag == "svg" and not any(p.tag == "li" for p in element.parents):
            assert element.attributes["role"] == "img"


def test_rows_of_a_table_are_as_long_as_its_head(page: Page) -> None:
    for table in page.all("table"):
        rows = page.inside(table, "tr")
        assert len({len(row.children) for row in rows}) == 1


def test_no_figure_is_nan_or_none(page: Page) -> None:
    text = " ".join(e.text for e in page.all("section"))
    assert re.search(r"\b(nan|NaN|None|inf)\b", text) is None
    for element in page.elements:
        for value in element.attributes.values():
            assert "nan" not in re.findall(r"[a-z]+", value or "")


def test_names_are_text_and_never_markup() -> None:
    page = Page(html_page(odd()))
    assert page.all("i", None) == [e for e in page.all("i") if e.attributes.get("class")]
    assert [e.tag for e in page.elements if e.tag in ("img", "u", "hr")] == []
    assert len(page.all("script")) == 2
    scores = page.by_id("scores")
    strong = [e.text for e in page.inside(scores, "strong")][:4]
    assert strong == list(NAMES.values())
    assert LABEL in page.by_id("headline").text
    assert [e.text for e in page.all("blockquote")] == [NOTICE]
    assert page.all("title")[0].text == "<i>title</i> – habitus report"


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_name_leaves_the_shape_of_the_page_as_it_is(name: str) -> None:
    results = copy.deepcopy(bare())
    plain = Page(html_page(results))
    for row in (*results["cells"], *results["differences"]):
        row["task"] = name
    results["tasks"][0]["name"] = name
    results["methods"][2]["label"] = name
    results["title"] = name
    found = Page(html_page(results))
    assert [e.tag for e in found.elements] == [e.tag for e in plain.elements]


def test_the_page_is_light() -> None:
    # The bound that the issue gives is 6 MB; without a plotting library it stays far below.
    assert len(html_page(sample(num_tasks=20, num_test=6000)).encode()) < 1_500_000


def test_the_page_is_the_same_every_time() -> None:
    assert html_page(sample()) == html_page(sample())


def test_results_of_another_format_are_refused() -> None:
    with pytest.raises(DataError, match="format must be 1"):
        html_page({"format": 7})
