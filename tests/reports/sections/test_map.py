from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from habitus.reports.findings import Findings
from habitus.reports.sections.map import colouring, map_section, window
from habitus.reports.shell import resource
from tests.reports.class_sample import CLASSES, class_sample
from tests.reports.page import Page
from tests.reports.sample import sample


def page_of(**changes: Any) -> Page:
    results = copy.deepcopy(sample(num_tasks=2, num_test=60))
    results["map"] |= changes
    return Page(map_section(Findings(results)))


def test_every_user_is_one_marker_with_a_letter_in_every_colouring() -> None:
    page = page_of()
    circles = [c for c in page.all("circle") if c.parents[-1].attributes.get("id") == "map-points"]
    (script,) = page.all("script")
    colourings = json.loads(script.text)
    assert [c["name"] for c in colourings] == ["events before the cutoff", "coupon", "inactive"]
    assert [e.text for e in page.all("option")] == [c["name"] for c in colourings]
    assert len(circles) == 60
    assert {len(c["letters"]) for c in colourings} == {60}
    assert "".join(c.attributes["class"] or "" for c in circles) == colourings[0]["letters"]


def test_outcomes_are_yes_no_and_not_asked() -> None:
    found = colouring("coupon", [1, 0, None, 1])
    assert found.letters == "ynxy"
    assert found.legend == [("y", "yes"), ("n", "no"), ("x", "not asked")]


def test_amounts_fall_into_five_equal_groups() -> None:
    found = colouring("events", [float(i) for i in range(10)])
    assert found.letters == "0011223344"
    assert found.legend[0] == ("0", "0 – 1")
    assert found.legend[-1] == ("4", "8 – 9")


def test_equal_amounts_share_a_group() -> None:
    assert len(set(colouring("events", [3.0] * 10).letters)) == 1


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=50))
def test_more_never_gets_a_lower_group(values: list[float | None]) -> None:
    letters = colouring("events", values).letters
    pairs = [(v, c) for v, c in zip(values, letters, strict=True) if v is not None]
    assert [c == "x" for c in letters] == [v is None for v in values]
    for (a, first), (b, second) in zip(sorted(pairs), sorted(pairs)[1:], strict=False):
        assert a == b or first <= second or {first, second} == {"n", "y"}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_the_window_lies_inside_the_values(values: list[float]) -> None:
    low, high = window(values)
    assert min(values) <= low <= high <= max(values)


def test_one_far_user_does_not_squash_the_map() -> None:
    near = [i / 100 for i in range(100)]
    assert window(near) == (0.0, 0.99)
    low, high = window([*near, 1000.0])
    assert low == 0.0
    assert high < 1.2
    page = page_of(x=[*near[:59], 1000.0], y=near[:60])
    assert "beyond the frame, drawn at its edge: 1." in page.elements[0].text


def test_many_users_are_thinned_and_the_page_says_so() -> None:
    results = sample(num_tasks=1, num_test=9000)
    page = Page(map_section(Findings(results)))
    drawn = [c for c in page.all("circle") if c.parents[-1].attributes.get("id") == "map-points"]
    assert len(drawn) == 3000
    assert "9,000 test users (one in 3 is drawn)" in page.elements[0].text


def test_users_without_a_place_are_left_out() -> None:
    page = page_of(x=[None, *[0.5] * 59])
    drawn = [c for c in page.all("circle") if c.parents[-1].attributes.get("id") == "map-points"]
    assert len(drawn) == 59


def test_the_data_of_the_script_cannot_end_it() -> None:
    page = page_of(colors={"</script><b>": [1] * 60, "b": [0] * 60})
    (script,) = page.all("script")
    assert json.loads(script.text)[0]["name"] == "</script><b>"
    assert page.problems == []


def test_the_caveat_holds_the_share_of_variance() -> None:
    # .31 + .12 = .43
    assert "keeps 43\xa0% of their variance" in page_of().elements[0].text
    assert "keeps part of it" in page_of(explained=None).elements[0].text


def test_a_single_colouring_needs_no_choice() -> None:
    assert page_of(colors={"coupon": [1] * 60}).all("select") == []


def test_without_colours_the_points_are_still_drawn() -> None:
    assert len(page_of(colors={}).all("circle")) == 60


def test_without_a_map_the_section_says_so() -> None:
    page = Page(map_section(Findings(sample(num_tasks=1) | {"map": None})))
    assert "hold no map: it is drawn where a model encodes" in page.elements[0].text


def test_classes_have_a_letter_and_their_name_each() -> None:
    found = colouring("work", [2.0, 0.0, None, 1.0], ["art", "law", "sport"])
    assert found.letters == "caxb"
    assert found.legend == [("a", "art"), ("b", "law"), ("c", "sport"), ("x", "not asked")]


def test_classes_from_the_eighth_on_share_a_letter() -> None:
    found = colouring("work", [0, 6, 7, 9], [f"c{i}" for i in range(10)])
    assert found.letters == "aghh"
    assert found.legend[6:] == [("g", "c6"), ("h", "3 others")]
    eight = colouring("work", [7], [f"c{i}" for i in range(8)])
    assert eight.legend[-1] == ("h", "c7")


def test_what_is_asked_of_classes_is_coloured_by_classes() -> None:
    results = class_sample(num_tasks=2, num_test=60)
    results["map"]["colors"]["coupon"] = [float(i % 3) for i in range(60)]
    page = Page(map_section(Findings(results)))
    colourings = {c["name"]: c for c in json.loads(page.all("script")[0].text)}
    assert [meaning for _, meaning in colourings["coupon"]["legend"]] == CLASSES
    assert colourings["coupon"]["letters"] == "abc" * 20
    # what is no question keeps its amounts
    assert set(colourings["events before the cutoff"]["letters"]) <= set("01234")


def test_every_letter_of_a_class_has_a_colour() -> None:
    style = resource("page.css")
    for letter in "abcdefgh":
        assert f".scatter .{letter} {{" in style
