from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from habitus.errors import DataError
from habitus.reports import model_card
from habitus.reports.model_card import fenced, line
from tests.reports.odd import odd
from tests.reports.sample import sample

RESULTS = sample(edges={"coupon": -0.05, "inactive": 0.05, "diapers": 0.0})
INFO: dict[str, Any] = {
    "name": "channel-ci",
    "license": "apache-2.0",
    "tags": ["shopping"],
    "encoder": "channel",
    "parameters": 2345678,
    "config": {"width": 128},
    "versions": {"habitus": "0.1.0"},
    "data": RESULTS["data"],
}
HEADINGS = ["How to load", "Data", "Intended use", "Limits", "Results", "Config", "Versions"]


def front_matter(card: str) -> dict[str, Any]:
    _, matter, _ = card.split("---\n", 2)
    found = yaml.safe_load(matter)
    assert isinstance(found, dict)
    return found


def test_the_front_matter_is_what_hubs_read() -> None:
    assert front_matter(model_card(INFO)) == {
        "library_name": "habitus",
        "license": "apache-2.0",
        "tags": ["event-sequences", "habitus", "shopping", "user-representation"],
    }


def test_without_a_licence_the_notices_of_the_data_decide() -> None:
    found = front_matter(model_card({}))
    assert (found["license"], found["license_name"]) == ("other", "see-the-notices-of-the-data")


@pytest.mark.parametrize("info", [{}, INFO])
@pytest.mark.parametrize("results", [None, RESULTS])
def test_every_heading_is_there_whatever_is_known(
    info: dict[str, Any], results: dict[str, Any] | None
) -> None:
    lines = model_card(info, results).splitlines()
    assert [one[3:] for one in lines if one.startswith("## ")] == HEADINGS
    assert sum(one.startswith("# ") for one in lines) == 1


def test_what_is_known_is_told() -> None:
    card = model_card(INFO, RESULTS)
    assert "# channel-ci" in card
    assert "- Parameters: 2,345,678" in card
    assert f"`{RESULTS['data']['digest']}`" in card
    assert RESULTS["data"]["notices"][0] in card
    assert 'habitus.load("path/to/this/directory")' in card
    assert '"width": 128' in card
    assert "- habitus 0.1.0" in card


def test_limits_name_who_must_not_be_profiled_and_what_drifts() -> None:
    card = model_card({})
    for word in ("children", "opted", "sensitive traits", "drifts", "Not tested", "not been eval"):
        assert word in card


@pytest.mark.parametrize(
    ("task", "verdict"), [("coupon", "behind"), ("inactive", "ahead"), ("diapers", "tie")]
)
def test_the_table_of_results_says_who_won(task: str, verdict: str) -> None:
    (row,) = [r for r in model_card(INFO, RESULTS).splitlines() if r.startswith(f"| {task} |")]
    assert row.endswith(f"| {verdict} |")


def test_every_row_of_the_table_has_the_columns_of_its_head() -> None:
    rows = [r for r in model_card(INFO, odd()).splitlines() if r.startswith("|")]
    assert len({r.replace("\\|", "").count("|") for r in rows}) == 1
    assert len(rows) == 2 + 4


@given(st.text(max_size=60))
def test_a_name_stays_on_one_line_and_opens_no_markup(name: str) -> None:
    found = line(name)
    assert len(found.splitlines()) <= 1
    assert "<" not in found
    assert "](" not in found
    bare = found.replace("\\\\", "")
    for mark in "`*_|#":
        assert bare.count(mark) == bare.count(f"\\{mark}")


@given(st.text(st.sampled_from("`ab \n"), max_size=60))
def test_nothing_inside_can_close_a_fence(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    assert set(first) == {"`"}
    assert first == last
    assert not any(one.strip().startswith(first) for one in inside)


def test_a_card_of_odd_names_keeps_its_headings() -> None:
    info = {"name": "a\n## b", "description": "# c", "data": {"notices": ["```\n## d"]}}
    card = model_card(info, odd())
    outside = card.split("````")[0::2]
    found = [one[3:] for part in outside for one in part.splitlines() if one.startswith("## ")]
    assert found == HEADINGS


def test_results_of_another_format_are_refused() -> None:
    with pytest.raises(DataError, match="format must be 1"):
        model_card({}, {"format": 2})
