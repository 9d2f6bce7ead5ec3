"""The page of an analysis stands alone and says how it was made."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from habitus.errors import DataError
from habitus.reports.analysis import analysis_page, write_analysis
from habitus.reports.analysis.page import cell_text
from tests.reports.analysis.sample import analysis

VOID = {"br", "meta", "input", "col", "hr", "wbr"}


class Tags(HTMLParser):
    """Follows what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_element_is_closed_and_nothing_is_loaded() -> None:
    page = analysis_page(analysis())
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "default-src &#x27;none&#x27;" in page
    assert "http://" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    "text",
    ["What each part is worth", "A tie.", "11,970,602", ".500 <span", ">[.400, .600]<", ".250",
     "without &lt;intra&gt;", "habitus analyze ablation", "Made up.", "Small.", "abc", "cores: 2"],
)  # fmt: skip
def test_the_page_says(text: str) -> None:
    assert text in analysis_page(analysis())


def test_both_files_are_written_and_hold_the_same(tmp_path: Path) -> None:
    html_path, json_path = write_analysis(analysis(), tmp_path / "out")
    assert (html_path.name, json_path.name) == ("analysis.html", "analysis.json")
    assert json.loads(json_path.read_text()) == analysis()
    assert html_path.read_text() == analysis_page(analysis())


def test_nothing_is_written_of_a_broken_analysis(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        write_analysis({**analysis(), "format": 0}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_column_of_long_texts_reads_from_the_left() -> None:
    table = {
        "title": "Words",
        "columns": ["class", "which", "number"],
        "rows": [["a", "one, two, three, four, five, six", 6], ["b", "none", 0]],
    }
    page = analysis_page({**analysis(), "tables": [table]})
    for text in ("which", "one, two, three, four, five, six", "none"):
        assert f'<span class="text">{text}</span>' in page
    assert "<td>6</td>" in page


def test_a_difference_has_its_sign_in_a_table() -> None:
    found = {"value": 0.02, "low": -0.001, "high": 0.041, "signed": True}
    assert cell_text(found) == "+.020 [−.001, +.041]"
    table = {"title": "Gains", "columns": ["method", "gain"], "rows": [["ours", found]]}
    page = analysis_page({**analysis(), "tables": [table]})
    assert '+.020 <span class="span">[−.001, +.041]</span>' in page
    with pytest.raises(DataError, match="true or false"):
        analysis_page({**analysis(), "tables": [table | {"rows": [["a", found | {"signed": 1}]]}]})


def test_money_with_its_interval_is_written_with_equally_many_digits() -> None:
    assert cell_text({"value": 1227.66, "low": 966.4, "high": 1507.5}) == "1,228 [966, 1,508]"
    assert cell_text({"value": -7.9, "low": -107.4, "high": 84.9, "signed": True}) == (
        "−8 [−107, +85]"
    )
    assert cell_text({"value": 2.351, "low": 2.318, "high": 2.384}) == "2.351 [2.318, 2.384]"


def test_large_numbers_are_written_out() -> None:
    assert cell_text(12_113.4) == "12,113"
    assert cell_text(5_951.04) == "5,951"
    assert cell_text(1.25) == "1.25"


def test_a_quick_analysis_says_so_before_what_was_found_and_names_its_model() -> None:
    page = analysis_page(analysis())
    assert "the scores mean nothing" not in page
    assert "Model: " not in page
    config = {"ours": {"name": "pasum", "preset": "quick"}}
    for changes in ({"preset": "quick"}, {"config": config}):
        page = analysis_page(analysis() | changes)
        assert page.index("the scores mean nothing") < page.index('class="finding"')
    assert page.index("Model: text graph encoder") < page.index("the scores mean nothing")
