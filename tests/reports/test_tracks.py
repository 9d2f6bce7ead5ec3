from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.reports.tracks import Axis, Bar, legend, scale, track
from tests.reports.page import Page


def percent(style: str | None, key: str = "left") -> float:
    """Read a percentage from an inline style."""
    pairs = dict(part.split(":") for part in (style or "").split(";"))
    return float(pairs[key].rstrip("%"))


@given(st.lists(st.floats(-1, 1), min_size=1), st.booleans())
def test_every_value_lies_on_the_axis(values: list[float], signed: bool) -> None:
    axis = Axis.around(values, signed=signed)
    assert axis.low < axis.high
    for value in values + ([0.0] if signed else []):
        assert -0.01 <= percent(f"left:{axis.place(value)}") <= 100.01


def test_round_ends_are_not_pushed_out_by_rounding() -> None:
    axis = Axis.around([0.41, 1.0])
    assert (axis.low, axis.high) == pytest.approx((0.4, 1.0))


def test_an_axis_of_one_value_or_none_still_has_a_width() -> None:
    assert Axis.around([0.5]).high > Axis.around([0.5]).low
    assert (Axis.around([None]).low, Axis.around([None]).high) == (0.0, 1.0)


def test_a_bar_lies_from_low_to_high_with_its_dot_on_the_value() -> None:
    # On an axis from 0 to 1: .6 at 60 %, and the interval from 50 % over 30 %.
    page = Page(track(Axis(0.0, 1.0), [Bar(0, 0.6, 0.5, 0.8)], "six tenths"))
    (bar,) = page.all("i", "range")
    (dot,) = page.all("b", "dot")
    assert percent(dot.attributes["style"]) == 60
    assert percent(bar.attributes["style"]) == 50
    assert percent(bar.attributes["style"], "width") == pytest.approx(30)


def test_a_track_says_in_words_what_it_shows() -> None:
    (box, *_) = Page(track(Axis(0.0, 1.0), [], "coupon: .6")).elements
    assert (box.attributes["role"], box.attributes["aria-label"]) == ("img", "coupon: .6")


def test_a_missing_bar_keeps_its_lane_empty_so_that_the_others_stay_in_place() -> None:
    page = Page(track(Axis(0.0, 1.0), [None, Bar(1, 0.5, None, None)], "x"))
    empty, full = page.all("div", "lane")
    assert empty.children == []
    assert [e.attributes["class"] for e in full.children] == ["dot s1"]


def test_a_signed_axis_marks_zero_once() -> None:
    page = Page(track(Axis(-0.04, 0.04, signed=True), [], "x"))
    (zero,) = page.all("i", "zero")
    assert percent(zero.attributes["style"]) == 50


def test_the_scale_writes_signs_only_for_differences() -> None:
    assert [e.text for e in Page(scale(Axis(0.0, 1.0))).all("span")][:2] == [".00", ".25"]
    signed = [e.text for e in Page(scale(Axis(-0.1, 0.1, signed=True))).all("span")]
    assert signed == ["−.10", "−.05", ".00", "+.05", "+.10"]


def test_the_scale_writes_quarters_of_a_tenth_in_full() -> None:
    # With two digits −.025 would read −.03 and stand half way between −.05 and .00.
    written = [e.text for e in Page(scale(Axis(-0.05, 0.05, signed=True))).all("span")]
    assert written == ["−.050", "−.025", ".000", "+.025", "+.050"]


def test_the_legend_gives_each_method_its_own_shape() -> None:
    page = Page(legend(["ours", "<counts>"]))
    assert [e.text for e in page.all("li")] == ["ours", "<counts>"]
    assert [e.attributes["class"] for e in page.all("b")] == ["dot s0", "dot s1"]
