from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from habitus.reports.markup import (
    Html,
    breakable,
    el,
    escape,
    join,
    row,
    scrolling,
    section,
    table,
    terms,
)
from tests.reports.page import Page

# A parser reads \r and NUL as other characters, and lone surrogates cannot be written.
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(names, names)
def test_any_text_comes_back_as_text_and_as_attribute(inside: str, title: str) -> None:
    page = Page(el("p", inside, title=title))
    (found,) = page.elements
    assert found.text == inside
    assert found.attributes == {"title": title}
    assert page.problems == []


def test_html_is_not_escaped_twice() -> None:
    assert el("p", el("b", "&")) == "<p><b>&amp;</b></p>"
    assert escape(escape("<")) == "&lt;"


def test_a_list_is_joined_and_none_is_nothing() -> None:
    assert el("p", ["<", None, el("br")], None, 3) == "<p>&lt;<br>3</p>"


def test_attributes_are_named_like_python_arguments() -> None:
    made = el("td", class_="a", aria_label='"', data_panel=0, hidden=True, open=False, title=None)
    assert made == '<td class="a" aria-label="&quot;" data-panel="0" hidden></td>'


def test_joining_escapes_parts_and_separator() -> None:
    assert join(["<", Html("<br>")], "&") == "&lt;&amp;<br>"


def test_a_section_is_labelled_by_its_heading() -> None:
    page = Page(section("costs", "Costs", "text"))
    named = page.by_id("costs")
    assert named.attributes["aria-labelledby"] == page.by_id("costs-title").attributes["id"]
    assert page.by_id("costs-title").text == "Costs"


def test_a_table_has_headings_for_columns_and_rows() -> None:
    page = Page(table(["a", "b"], [row("x", 1, class_="ours"), row("<y>", 2)], "plain"))
    scopes = [(e.text, e.attributes["scope"]) for e in page.all("th")]
    assert scopes == [("a", "col"), ("b", "col"), ("x", "row"), ("<y>", "row")]
    assert [e.text for e in page.all("td")] == ["1", "2"]
    assert page.problems == []


def test_a_wide_table_can_be_scrolled_by_keyboard() -> None:
    (box, *_) = Page(scrolling("Scores", table([], [], "scores"))).elements
    assert box.attributes["tabindex"] == "0"
    assert (box.attributes["role"], box.attributes["aria-label"]) == ("region", "Scores")


def test_terms_pair_a_word_with_its_meaning() -> None:
    page = Page(terms(("Tie", "no winner"), ("Leak", "seen too much")))
    assert [e.text for e in page.all("dt")] == ["Tie", "Leak"]
    assert [e.text for e in page.all("dd")] == ["no winner", "seen too much"]


def test_a_name_breaks_after_an_underscore_only() -> None:
    assert breakable("labels_<b>_x") == "labels_<wbr>&lt;b&gt;_<wbr>x"
    assert breakable("coupon") == "coupon"
