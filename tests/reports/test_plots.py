from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitus.reports import plots
from tests.reports.page import Page

spans = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6)).map(lambda s: (s[0], s[0] + s[1]))


@given(spans)
def test_ticks_ascend_evenly_and_are_few(span: tuple[float, float]) -> None:
    low, high = span
    found = plots.ticks(low, high)
    assert 2 <= len(found) <= 10
    steps = [b - a for a, b in itertools.pairwise(found)]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(min(steps), rel=1e-3, abs=1e-9)


def test_ticks_are_round_and_inside() -> None:
    assert plots.ticks(0.0, 100.0) == [0, 25, 50, 75, 100]
    assert plots.ticks(3.0, 3.0) == [3, 4]


def test_the_corners_of_the_data_are_the_corners_of_the_frame() -> None:
    frame = plots.Frame((0, 10), (0, 1), 100, 80, left=20, bottom=30, margin=5)
    assert frame.at(0, 0) == (20, 50)  # 80 high, 30 of it below
    assert frame.at(10, 1) == (95, 5)  # 100 wide, 5 of it to the right
    assert frame.at(5, 0.5) == (57.5, 27.5)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(0.0, 3.0), (5.0, 3.0)]])
def test_a_frame_around_little_is_still_drawable(points: list[tuple[float, float]]) -> None:
    frame = plots.spanning([points])
    picture = plots.svg(frame, "x", plots.axes(frame, "step", "loss"))
    assert "nan" not in picture
    assert "inf" not in picture


def test_a_line_goes_through_its_points() -> None:
    frame = plots.Frame((0, 10), (0, 1), 100, 80, left=20, bottom=30, margin=5)
    (line,) = Page(plots.path(frame, [(0, 0), (10, 1)], 1)).elements
    assert line.attributes == {"points": "20.0,50.0 95.0,5.0", "class": "line s1"}


def test_each_series_has_another_shape() -> None:
    shapes = [plots.marker(0, 0, series, 3).replace(f"s{series}", "") for series in range(8)]
    assert len(set(shapes)) == 8
    assert plots.marker(0, 0, 9, 3).replace("s9", "") == shapes[3]


def test_measured_values_are_ticks_where_they_stand_apart() -> None:
    # 100 wide from 0 to 10: a unit is 10, and names of one digit need 6.5 + 6.5 = 13 between them.
    frame = plots.Frame((0, 10), (0, 1), 100, 80, left=0, bottom=30, margin=0)
    assert plots.measured_ticks(frame, [4, 0, 4, 10], [4, 0, 4, 10]) == [
        (0, "0"), (4, "4"), (10, "10"),
    ]  # fmt: skip
    assert plots.measured_ticks(frame, [0, 1], [0, 1]) is None
    assert plots.measured_ticks(frame, [0, 2], [0, 2]) is not None
    # One value is no axis, and more than eight are not read.
    assert plots.measured_ticks(frame, [3, 3], [3, 3]) is None
    wide = plots.Frame((0, 10), (0, 1), 1000, 80, left=0, bottom=30, margin=0)
    nine = [float(i) for i in range(9)]
    assert plots.measured_ticks(wide, nine, nine) is None
    assert plots.measured_ticks(wide, nine[:8], nine[:8]) is not None


def test_ticks_are_written_like_the_scores_of_the_page() -> None:
    frame = plots.Frame((0, 1), (-0.05, 0.05), 200, 200)
    texts = [e.text for e in Page(plots.axes(frame, "x", "y")).all("text", "tick")]
    assert texts == ["−.050", "−.025", "0", ".025", ".050", "0", ".25", ".50", ".75", "1.00"]


def test_keys_of_a_legend_are_pieces_of_what_is_drawn() -> None:
    line, dot = Page(plots.line_key(1)), Page(plots.dot_key(2))
    assert [e.attributes["class"] for e in line.all("line")] == ["line s1"]
    assert [e.attributes["class"] for e in line.all("polygon")] == ["dot s1"]
    assert [e.attributes["class"] for e in dot.all("polygon")] == ["dot s2"]
    assert line.problems == dot.problems == []


def test_a_picture_has_a_description_and_escapes_names() -> None:
    frame = plots.spanning([])
    page = Page(plots.figure("<coupon>", plots.svg(frame, "loss < 1")))
    assert page.all("figcaption")[0].text == "<coupon>"
    assert page.all("svg")[0].attributes["aria-label"] == "loss < 1"
    assert page.problems == []


def test_a_word_beside_a_line_near_the_end_stands_on_its_left() -> None:
    frame = plots.Frame((0, 10), (0, 1), 100, 80)
    anchors = [
        Page(plots.upright(frame, x, "kept")).all("text")[0].attributes["text-anchor"]
        for x in (1, 9)
    ]
    assert anchors == ["start", "end"]


@given(st.integers(0, 3000), st.integers(1, 500))
def test_thinning_keeps_the_ends_and_nearly_the_number_asked_for(size: int, at_most: int) -> None:
    points = [(float(i), 0.0) for i in range(size)]
    kept = plots.thinned(points, at_most)
    assert len(kept) <= at_most + 1
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    if size <= at_most:
        assert list(kept) == points


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (0, 2, ["1", "2", "5", "10", "20", "50", "100"]),
        (-1, 0.4, [".1", ".2", ".5", "1", "2"]),
        # 1, 2 and 5 of six powers would be too many.
        (0, 5, ["1", "10", "100", "1000", "10k", "100k"]),
        # Between 3 and 4 is no round number: the ends are named.
        (math.log10(3), math.log10(4), ["3", "4"]),
    ],
)
def test_a_logarithmic_axis_names_round_numbers(low: float, high: float, names: list[str]) -> None:
    found = plots.log_ticks(low, high)
    assert [name for _, name in found] == names
    for at, name in found:
        number = float(name.replace("k", "000"))
        assert at == pytest.approx(math.log10(number), abs=1e-6)


@pytest.mark.parametrize("most", [1, 300, 1_200, 250_000])
def test_the_last_number_of_an_axis_is_not_cut_off(most: float) -> None:
    frame = plots.Frame((0, most), (0, 1), 200, 100)
    page = Page(plots.svg(frame, "x", plots.axes(frame, "step", "loss")))
    for text in page.all("text"):
        x, anchor = float(text.attributes["x"] or "nan"), text.attributes["text-anchor"]
        # A digit of 11 pixels takes about 6.
        reach = {"end": 0.0, "middle": 3.0, "start": 6.0}[anchor or "start"] * len(text.text)
        if text.attributes["class"] == "tick":
            assert x + reach <= frame.width + 2
