from __future__ import annotations

import copy
import math
import re
from typing import Any

import pytest

from habitus.reports import html_page
from habitus.reports.findings import Findings
from habitus.reports.schema import check_results
from habitus.reports.sections.routing import routing_section
from habitus.reports.shell import resource
from tests.reports.page import Page
from tests.reports.sample import sample


def router(share: list[float], place: str = "blocks.0.ffns.0.router") -> dict[str, Any]:
    return {
        "router": place,
        "share": share,
        "entropy": math.log(len(share)) / 2,
        "most_entropy": math.log(len(share)),
        "max_load": max(share) * len(share),
        "num_dead": sum(s < 0.001 for s in share),
        "top_k": 1,
        "num_events": 1_234,
    }


def with_routers(*routers: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(sample(num_tasks=1)) | {"routing": list(routers)}


def test_each_router_has_a_bar_for_each_expert() -> None:
    results = with_routers(router([0.5, 0.3, 0.2, 0.0]), router([0.5, 0.5], "blocks.1.ffns.0"))
    page = Page(routing_section(Findings(results)))
    pictures = page.all("svg")
    assert [len(page.inside(picture, "rect")) for picture in pictures] == [4, 2]
    # .5 · 4 experts; one of them below .1 %; half of the largest entropy.
    words = "block 1, feed-forward 1: busiest 2.0 ×, 1 dead expert, undecided 50 %"
    assert page.all("figcaption")[0].text.replace("\xa0", " ") == words
    assert "1,234 events" in page.elements[0].text


def test_bars_are_as_high_as_the_loads() -> None:
    page = Page(routing_section(Findings(with_routers(router([0.6, 0.3, 0.1])))))
    heights = [float(bar.attributes["height"] or "nan") for bar in page.all("rect")]
    assert heights[0] / heights[1] == pytest.approx(2, abs=0.02)
    assert heights[0] / heights[2] == pytest.approx(6, abs=0.1)
    # They stand on the axis.
    feet = [float(b.attributes["y"] or "nan") + h for b, h in zip(page.all("rect"), heights,
                                                                  strict=True)]  # fmt: skip
    assert feet == pytest.approx([feet[0]] * 3, abs=0.11)


def test_no_style_changes_the_size_of_a_bar() -> None:
    page = Page(routing_section(Findings(with_routers(router([0.6, 0.4])))))
    classes = {c for bar in page.all("rect") for c in (bar.attributes["class"] or "").split()}
    rules = re.findall(r"([^{}]*){([^}]*)}", resource("page.css"))
    mine = [rule for names, rule in rules if any(f".{c} " in f"{names} " for c in classes)]
    assert any("fill" in rule for rule in mine)
    # Width and height of a style would outdo those of the picture.
    assert [rule for rule in mine if "width:" in rule.replace("stroke-width:", "")] == []


def test_an_even_share_is_marked_at_its_height() -> None:
    page = Page(routing_section(Findings(with_routers(router([0.25, 0.75])))))
    (line,) = page.all("line", "dashed")
    low, high = page.all("rect")
    top_low, top_high = (float(bar.attributes["y"] or "nan") for bar in (low, high))
    # 1/2 lies half-way between 1/4 and 3/4.
    assert float(line.attributes["y1"] or "nan") == pytest.approx((top_low + top_high) / 2, abs=0.1)


def test_of_many_experts_some_are_numbered() -> None:
    page = Page(routing_section(Findings(with_routers(router([1 / 64] * 64)))))
    names = [e.text for e in page.all("text") if e.attributes["text-anchor"] == "middle"]
    # Every fourth of 64, and the names of both axes.
    assert names == [*(str(n) for n in range(1, 65, 4)), "expert", "load"]


def test_a_dense_encoder_has_no_section() -> None:
    for dense in (sample(num_tasks=1), with_routers()):
        assert 'id="routing"' not in html_page(dense)
        assert "dense" in Page(routing_section(Findings(dense))).elements[0].text
    page = html_page(with_routers(router([0.5, 0.5])))
    assert 'id="routing"' in page
    assert 'href="#routing"' in page


def test_a_share_above_one_is_no_result() -> None:
    check_results(with_routers(router([0.5, 0.5])))
    with pytest.raises(Exception, match=r"routing\[0\]\.share"):
        check_results(with_routers(router([1.5, 0.5])))
