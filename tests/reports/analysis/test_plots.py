"""What is drawn, and where."""

import re
from typing import Any

import pytest

from habitus.reports.analysis.plots import plot
from tests.reports.analysis.sample import analysis

LINES, SCATTER = analysis()["plots"]


def picture(values: dict[str, Any]) -> str:
    """Return a plot without its caption, whose legend has lines and markers too."""
    return str(plot(values)).split("</figcaption>")[1]


def x_names(drawn: str) -> list[str]:
    return re.findall(r'text-anchor="middle" class="tick">([^<]*)<', drawn)


def test_a_curve_has_a_line_a_mark_for_each_value_and_an_interval_where_it_has_one() -> None:
    drawn = picture(LINES)
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 2
    assert drawn.count('class="line s0 span"') == 1
    assert "nodes (logarithmic)" in drawn


def test_a_logarithmic_axis_names_round_numbers() -> None:
    # 5 and 5.2 would stand on each other.
    points = [{"x": x, "y": x} for x in (5, 5.2, 100)]
    drawn = picture({**LINES, "series": [{"label": "a", "points": points}]})
    assert x_names(drawn) == ["5", "10", "20", "50", "100"]


@pytest.mark.parametrize("log", [True, False])
def test_an_axis_names_the_values_that_were_measured(log: bool) -> None:
    curves = [[1.0, 4.0, 16.0, 64.0], [1.0, 64.0]]
    series = [{"label": "a", "points": [{"x": x, "y": x} for x in xs]} for xs in curves]
    # On an even axis of 475 units 1 and 4 are 21 apart: enough for one digit each.
    drawn = picture({**LINES, "log_x": log, "series": series})
    assert x_names(drawn) == ["1", "4", "16", "64"]


def test_the_legend_shows_each_curve_as_it_is_drawn() -> None:
    points = [{"x": 0, "y": 1}, {"x": 1, "y": 1}]
    series = [{"label": name, "points": points} for name in ("a", "b", "c")]
    caption = str(plot({**LINES, "log_x": False, "series": series})).split("</figcaption>")[0]
    for place in range(3):
        assert f'class="line s{place}"' in caption
        assert f'class="dot s{place}"' in caption


def test_few_points_of_a_map_are_drawn_larger() -> None:
    many = {**SCATTER, "points": [{"x": i, "y": i, "class": 0} for i in range(101)]}
    few = {**SCATTER, "points": many["points"][:100]}
    assert 'r="2.4"' in picture(many)
    assert 'r="4.0"' in picture(few)


def test_curves_with_intervals_stand_beside_each_other() -> None:
    point = {"x": 1, "y": 1, "low": 0, "high": 2}
    series = [{"label": name, "points": [point, {**point, "x": 2}]} for name in "ab"]
    drawn = plot({**LINES, "log_x": False, "series": series})
    (a1, a2), (b1, b2) = (
        [float(p.split(",")[0]) for p in line.split()]
        for line in re.findall(r'<polyline points="([^"]*)"', drawn)
    )
    # Two curves: 1.5 pixels to the left and to the right.
    assert (b1 - a1, b2 - a2) == pytest.approx((3, 3), abs=0.11)


def test_a_logarithm_puts_a_hundred_and_a_thousand_one_decade_apart() -> None:
    wide = {**LINES, "series": [{"label": "a", "points": [{"x": x, "y": x} for x in (1, 10, 100)]}]}
    line = re.search(r'<polyline points="([^"]*)"', plot(wide))
    assert line is not None
    x1, x2, x3 = (float(p.split(",")[0]) for p in line[1].split())
    # log 10 is half way between log 1 and log 100.
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)


def test_the_map_shows_users_centroids_and_words_in_the_colour_of_their_class() -> None:
    drawn = picture(SCATTER)
    assert drawn.count("<circle") == 1  # class 0 is drawn as circles: one user
    assert drawn.count('class="spot"') == 2
    assert drawn.count("<polygon") == 2  # class 1 as diamonds: one user and a centroid
    assert 'class="word s0"' in drawn
    assert 'class="word"' in drawn
    assert "2 users, 2 words" in drawn


def test_names_are_escaped() -> None:
    named = {**SCATTER, "classes": ["<script>", "l"]}
    assert "<script>" not in plot(named)


def test_more_series_than_colours_begin_again() -> None:
    series = [{"label": str(i), "points": [{"x": 0, "y": i}, {"x": 1, "y": i}]} for i in range(9)]
    assert picture({**LINES, "log_x": False, "series": series}).count('class="line s0"') == 2
